// Package redistest gives a test a Redis of its own; a start takes some hundredths of a second. Test
// binaries that use it have
//
//	func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }
//
// A machine without Redis fails the test; nothing is skipped.
package redistest

import (
	"context"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/redis"
	"github.com/signalbox-mesh/signalbox/internal/servers/testdir"
)

// Server starts a server of the test's own, gone at cleanup.
func Server(t testing.TB) *redis.Server {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatalf("start Redis for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func start() (*redis.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	dir, err := testdir.New("redis")
	if err != nil {
		return nil, err
	}
	s, err := redis.New(redis.Settings{Dir: dir})
	if err != nil {
		return nil, err
	}
	return s, s.Start(ctx)
}
