package debug

import (
	"context"
	"log/slog"
	"runtime"
	"sync"
	"testing"
	"time"
	"weak"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

func flowing(t *testing.T) *Flows {
	t.Helper()
	f := NewFlows(Settings{})
	if refused := f.Apply([]lease.Lease{{ID: "l-1", Kind: lease.Debug, Value: `{"level":"DEBUG","user":"42"}`}}); len(refused) > 0 {
		t.Fatal(refused)
	}
	return f
}

// A context of no flow is a stranger once it was asked about, and one of a flow never is.
func TestAStrangerIsKnownFromItsSecondLineOn(t *testing.T) {
	t.Parallel()
	f := flowing(t)
	other, cancel := context.WithCancel(context.WithValue(t.Context(), flowKey{}, "of another type"))
	defer cancel()
	foreign := pooled{t.Context()}
	f.Lets(other, slog.LevelDebug, true)
	if f.Stranger(other) {
		t.Error("it is remembered although no flow is under way")
	}
	ctx, end := f.Match(t.Context(), Request{User: "42"})
	for range 2 {
		for _, c := range []context.Context{other, foreign, t.Context(), context.Background()} {
			if f.Lets(c, slog.LevelDebug, true) {
				t.Errorf("%v is let through", c)
			}
		}
		if !f.Lets(ctx, slog.LevelDebug, true) || f.Lets(ctx, slog.LevelDebug-1, true) || f.Stranger(ctx) {
			t.Error("the flow's own context is not let through")
		}
	}
	if !f.Stranger(other) || !f.Stranger(t.Context()) {
		t.Error("it is walked through again")
	}
	if f.Stranger(foreign) || f.Stranger(&foreign) {
		t.Error("a context is remembered that may become another's")
	}
	end()
	if f.Stranger(other) || f.Stranger(t.Context()) {
		t.Error("it is held after the last flow's end")
	}
}

// pooled stands for what other libraries hand out as a context.
type pooled struct{ context.Context }

// Contexts that are made, asked about and collected all the time, by requests in a flow and not: none is taken for
// another that had its address before, and none is left in memory. For -race too.
func TestNoContextIsTakenForAnother(t *testing.T) {
	t.Parallel()
	f := flowing(t)
	var all sync.WaitGroup
	var mu sync.Mutex
	var made []weak.Pointer[[64]byte]
	for worker := range 4 {
		all.Go(func() {
			for i := range 3000 {
				body := &[64]byte{}
				ctx, end := context.WithValue(context.Background(), pooled{}, body), func() {}
				matching := (worker+i)%3 == 0
				if matching {
					ctx, end = f.Match(ctx, Request{User: "42"})
				}
				for range 3 {
					if got := f.Active() && !f.Stranger(ctx) && f.Lets(ctx, slog.LevelDebug, true); got != matching {
						t.Errorf("a line of a request is let through: %v, want %v", got, matching)
						return
					}
					derived, cancel := context.WithTimeout(ctx, time.Hour)
					ctx = context.WithValue(derived, pooled{}, i)
					defer cancel()
				}
				end()
				if i%100 == 0 {
					runtime.GC()
					mu.Lock()
					made = append(made, weak.Make(body))
					mu.Unlock()
				}
			}
		})
	}
	all.Wait()
	if f.Active() {
		t.Fatal("a flow is under way")
	}
	wait.For(t, 10*time.Second, "the collection of all contexts", func() bool {
		runtime.GC()
		for _, body := range made {
			if body.Value() != nil {
				return false
			}
		}
		return true
	})
}
