package timed

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// Route has fires handled here that this service has not declared: who carries fires on to somebody else does so. Its
// handlers get no transaction.
type Route struct {
	Queue    string // durable, shared by the instances
	Key      string // on bus.Schedule
	Prefetch int    // how many run here at once; 0: the bus's default
	// Find says for a fire whose it is, which its receipts are told for, and who handles it. ErrOver: nobody waits for
	// it any more. Another error is a failed attempt, unless the instance stops.
	Find func(ctx context.Context, f Fire) (service string, h Handler, err error)
}

// ErrOver is the answer to a fire that has ended in the ledger: it is dropped without a receipt.
var ErrOver = errors.New("the fire has ended already")

// Route adds one. Before Start; a nil Timed is that of a service without a bus.
func (t *Timed) Route(r Route) error {
	if t == nil {
		return fmt.Errorf("route %q: %w", r.Queue, ErrNoBus)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.started {
		return fmt.Errorf("route %q: added after the start", r.Queue)
	}
	t.routes = append(t.routes, r)
	return nil
}

// work is what is to be done for a fire, and for whom.
type work struct {
	service  string
	handle   Handler
	deadline time.Duration
	inTx     bool
}

// finder says what is to be done for a fire.
type finder func(ctx context.Context, f Fire) (work, error)

// own finds the handlers of declared schedules.
func (t *Timed) own(_ context.Context, f Fire) (work, error) {
	t.mu.Lock()
	e, known := t.entries[f.Schedule]
	t.mu.Unlock()
	if !known {
		return work{service: t.set.Service}, errors.New("this release has no handler for it")
	}
	return work{service: t.set.Service, handle: e.handle, deadline: orDefault(f.Deadline, e.schedule.Deadline), inTx: t.transactional()}, nil
}

func (r Route) find(ctx context.Context, f Fire) (work, error) {
	service, h, err := r.Find(ctx, f)
	if service == "" { // it could not be found out; names begin with it
		first, _, _ := strings.Cut(f.Schedule, ".")
		service = Owner(first)
	}
	return work{service: service, handle: h, deadline: orDefault(f.Deadline, DefaultDeadline)}, err
}

func orDefault(d, other time.Duration) time.Duration {
	if d <= 0 {
		return other
	}
	return d
}

func (t *Timed) subscribeRoutes(ctx context.Context) error {
	for _, r := range t.routes {
		if t.set.Bus == nil {
			return ErrNoBus
		}
		stop, err := t.set.Bus.Subscribe(ctx, bus.Subscription{
			Queue: r.Queue, Exchange: bus.Schedule, Keys: []string{r.Key}, Prefetch: r.Prefetch, Handler: t.deliver(r.find),
		})
		if err != nil {
			return err
		}
		t.stops = append(t.stops, stop)
	}
	return nil
}
