package sidecar

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

func TestWorkersStartAgainUntilDone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &workers{log: slog.New(slog.DiscardHandler)}
		var runs atomic.Int32
		w.add("flaky", func(context.Context) error {
			switch runs.Add(1) {
			case 1:
				return errors.New("first try")
			case 2:
				panic("second try")
			default:
				return nil
			}
		})
		synctest.Wait()
		if runs.Load() != 0 {
			t.Fatal("work ran before start")
		}
		w.start()
		<-time.After(5 * time.Second) // the bubble's clock
		if got := runs.Load(); got != 3 {
			t.Errorf("ran %d times, want 3: an error, a panic, done", got)
		}
		if err := w.stop(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestWorkersStopIsBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := &workers{log: slog.New(slog.DiscardHandler)}
		release := make(chan struct{})
		w.add("stubborn", func(context.Context) error { <-release; return nil })
		w.start()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := w.stop(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("stop: %v, want the deadline", err)
		}
		close(release)
	})
}

func TestUndoRunsInReverseOnce(t *testing.T) {
	t.Parallel()
	var u undo
	var order []string
	step := func(name string, err error) {
		u.add(name, func(context.Context) error { order = append(order, name); return err })
	}
	step("first", nil)
	step("second", errors.New("stuck"))
	step("third", nil)
	if err := u.run(t.Context()); err == nil || err.Error() != "stop second: stuck" {
		t.Errorf("run: %v", err)
	}
	if err := u.run(t.Context()); err != nil {
		t.Errorf("second run: %v", err)
	}
	if want := []string{"third", "second", "first"}; len(order) != 3 || order[0] != want[0] || order[2] != want[2] {
		t.Errorf("order %v, want %v", order, want)
	}
}

// What one step has used up, the next does not lack: closing a file takes a moment, whatever hung before it.
func TestUndoHasAMomentForEachStep(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var u undo
		u.add("spool", func(ctx context.Context) error { return pause.For(ctx, leastUndo/2) })
		for range 5 {
			u.add("pool that does not look at its context", func(context.Context) error { <-time.After(time.Second); return nil })
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		if err := u.run(ctx); err != nil {
			t.Errorf("run: %v", err)
		}
	})
}
