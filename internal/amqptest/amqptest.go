// Package amqptest gives each test a RabbitMQ of its own: a vhost on a private node that the test binary
// shares (a start takes some ten seconds), or a whole node for a test that kills it. Test binaries that
// use it have
//
//	func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }
//
// A machine without RabbitMQ fails the test; nothing is skipped. The
// shared node is started by the first test that asks: a goroutine leak test asks first, and then takes
// goleak.IgnoreCurrent.
package amqptest

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/host"
	"github.com/signalbox-mesh/signalbox/internal/servers/rabbitmq"
	"github.com/signalbox-mesh/signalbox/internal/servers/testdir"
)

// startLimit is generous: several nodes may be starting on two cores.
const startLimit = 2 * time.Minute

// shared is the node of this test binary.
var shared = sync.OnceValues(func() (*rabbitmq.Server, error) {
	s, err := start()
	if err == nil {
		guard.AtExit(func() { stop(s) })
	}
	return s, err
})

func start() (*rabbitmq.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	dir, err := testdir.New("rabbitmq")
	if err != nil {
		return nil, err
	}
	s, err := rabbitmq.New(rabbitmq.Settings{Dir: dir, Disposable: true})
	if err != nil {
		return nil, err
	}
	return s, s.Start(ctx)
}

// stop ends a node whose data nobody will read.
func stop(s *rabbitmq.Server) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_ = s.Stop(ctx)
}

// Server starts a node of the test's own, gone at cleanup.
func Server(t testing.TB) *rabbitmq.Server {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatalf("start RabbitMQ for the test: %v", err)
	}
	t.Cleanup(func() { stop(s) })
	return s
}

// New makes a vhost on the shared node and returns its AMQP URL; it is deleted at cleanup, which closes
// what is still connected to it.
func New(t testing.TB) string {
	t.Helper()
	s, err := shared()
	if err != nil {
		t.Fatalf("start RabbitMQ for the tests: %v", err)
	}
	name := "test-" + strings.ToLower(host.Secret()[:12])
	if err := within(func(ctx context.Context) error { return s.CreateVhost(ctx, name) }); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := within(func(ctx context.Context) error { return s.DeleteVhost(ctx, name) }); err != nil {
			t.Error(err)
		}
	})
	return s.VhostURL(name)
}

func within(do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	return do(ctx)
}
