package amqp_test

import (
	"context"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/servers/rabbitmq"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/amqp"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/bustest"
)

// vhost is a part of the shared node.
type vhost struct{ url string }

func (v vhost) Open(c bus.Client) (bus.Bus, error) { return amqp.Open(v.url, c) }

// node is a broker of the test's own.
type node struct{ server *rabbitmq.Server }

func (n node) Open(c bus.Client) (bus.Bus, error) { return amqp.Open(n.server.URL(), c) }

func (n node) Kill(t testing.TB) {
	t.Helper()
	if err := n.server.Kill(); err != nil {
		t.Fatalf("kill broker: %v", err)
	}
}

func (n node) Start(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := n.server.Start(ctx); err != nil {
		t.Fatalf("start broker: %v", err)
	}
}

// Settle writes down which queues there are: RabbitMQ itself does so three seconds after their declaration,
// and a queue that a kill -9 catches before has lost its messages and has no leader any more.
func (n node) Settle(t testing.TB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := n.server.Eval(ctx, `[dets:sync(Table) || Table <- dets:all()].`); err != nil {
		t.Fatalf("settle broker: %v", err)
	}
}

func TestConformance(t *testing.T) {
	bustest.Run(t, bustest.Harness{
		New:        func(t testing.TB) bustest.Broker { return vhost{amqptest.New(t)} },
		NewMortal:  func(t testing.TB) bustest.Mortal { return node{amqptest.Server(t)} },
		Reconnects: true,
		Kills:      3,
	})
}
