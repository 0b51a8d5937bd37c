package up

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"testing"
	"testing/synctest"
)

// frail is a server that ends, and that fails to start as often as said.
type frail struct {
	ended  chan struct{}
	fails  int
	starts int
}

func (f *frail) Done() <-chan struct{} { return f.ended }

func (f *frail) Start(context.Context) error {
	f.starts++
	if f.starts <= f.fails {
		return errors.New("its port is taken")
	}
	f.ended = make(chan struct{})
	return nil
}

// A private server that ends unasked is started until it is back; the operator is told of it once.
func TestAPrivateServerIsKept(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		s := &frail{ended: make(chan struct{}), fails: 3}
		close(s.ended)
		var told []string
		done := make(chan struct{})
		go func() {
			defer close(done)
			keepOne(ctx, s, func(_ slog.Level, what string, _ error) {
				told = append(told, what)
				if what == "is back" {
					cancel()
				}
			})
		}()
		<-done
		if s.starts != 4 || !slices.Equal(told, []string{"ended, it starts again", "does not start", "is back"}) {
			t.Errorf("%d starts, told %v", s.starts, told)
		}
	})
}
