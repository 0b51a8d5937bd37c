package httpapi

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const (
	maxWaiting  = 1000                   // long polls of one replica
	lookEvery   = 500 * time.Millisecond // one query for all of them
	takeTimeout = 5 * time.Second        // of one statement
)

// waiting are the long polls of one replica. While there are any, one query every half second looks for offered fires for
// all of them, and wakes as many as there are fires, those first who have waited longest. Safe for concurrent use.
type waiting struct {
	offers Offers
	done   chan struct{} // closed by close
	once   sync.Once

	mu      sync.Mutex
	looking bool                       // a goroutine looks for them
	by      map[string][]chan struct{} // schedule → who waits, in order of coming
	count   int
}

func newWaiting(o Offers) *waiting {
	return &waiting{offers: o, done: make(chan struct{}), by: map[string][]chan struct{}{}}
}

func (w *waiting) close() { w.once.Do(func() { close(w.done) }) }

// take a fire now, or as soon as there is one; ok is false when ctx has ended, or the replica stops. ctx bounds the
// waiting alone: a fire that was taken is answered.
func (w *waiting) take(ctx context.Context, schedule, instance string) (f postgres.Taken, ok bool, err error) {
	for {
		if f, ok, err = w.takeNow(ctx, schedule, instance); ok || err != nil {
			return f, ok, err
		}
		if woken, err := w.wait(ctx, schedule); err != nil || !woken {
			return postgres.Taken{}, false, err
		}
	}
}

func (w *waiting) takeNow(ctx context.Context, schedule, instance string) (postgres.Taken, bool, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeTimeout)
	defer cancel()
	return w.offers.Take(ctx, schedule, instance)
}

// wait until there may be a fire; woken is false when there is nothing to wait for any more.
func (w *waiting) wait(ctx context.Context, schedule string) (woken bool, err error) {
	if ctx.Err() != nil {
		return false, nil
	}
	wake, err := w.join(schedule)
	if err != nil {
		return false, err
	}
	defer w.leave(schedule, wake)
	select {
	case <-wake:
		return ctx.Err() == nil, nil
	case <-ctx.Done():
		return false, nil
	case <-w.done:
		return false, nil
	}
}

func (w *waiting) join(schedule string) (chan struct{}, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.count >= maxWaiting {
		return nil, problem.New(problem.TooMany, "too many wait for fires at this replica; try again")
	}
	wake := make(chan struct{}, 1)
	w.by[schedule] = append(w.by[schedule], wake)
	w.count++
	if !w.looking {
		w.looking = true
		go w.look()
	}
	return wake, nil
}

func (w *waiting) leave(schedule string, wake chan struct{}) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.count--
	rest := slices.DeleteFunc(w.by[schedule], func(one chan struct{}) bool { return one == wake })
	if w.by[schedule] = rest; len(rest) == 0 {
		delete(w.by, schedule)
	}
}

// look lasts as long as somebody waits.
func (w *waiting) look() {
	for {
		select {
		case <-time.After(lookEvery):
		case <-w.done:
		}
		names := w.names()
		if names == nil {
			return
		}
		ctx, cancel := context.WithTimeout(context.Background(), takeTimeout)
		offered, err := w.offers.Offered(ctx, names)
		cancel()
		if err == nil { // without a database nobody is woken; who asks anew is told
			w.wake(offered)
		}
	}
}

// names of the schedules that somebody waits for; nil when nobody does, and then nobody looks any more.
func (w *waiting) names() (names []string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	select {
	case <-w.done:
		w.looking = false
		return nil
	default:
	}
	for name := range w.by {
		names = append(names, name)
	}
	w.looking = names != nil
	return names
}

func (w *waiting) wake(offered map[string]int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for name, n := range offered {
		for _, one := range w.by[name][:min(n, len(w.by[name]))] {
			select {
			case one <- struct{}{}:
			default: // woken already
			}
		}
	}
}
