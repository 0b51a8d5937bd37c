package scheduler

import (
	"context"
	"log/slog"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// planWanted is the event with which anybody asks for the whole plan.
const planWanted = "*.plan.wanted"

// announcer publishes the whole plan when somebody wants it. What is wanted while it does so is done once more.
type announcer struct {
	store  *postgres.Store
	log    *slog.Logger
	wanted chan struct{} // buffered
}

func newAnnouncer(store *postgres.Store, log *slog.Logger) *announcer {
	return &announcer{store: store, log: log, wanted: make(chan struct{}, 1)}
}

// want never blocks.
func (a *announcer) want() {
	select {
	case a.wanted <- struct{}{}:
	default:
	}
}

// hear takes the question. Any replica answers it.
func (a *announcer) hear(context.Context, bus.Delivery) error {
	a.want()
	return nil
}

// run announces until ctx ends. An announcement that failed is not repeated: who wants it asks again.
func (a *announcer) run(ctx context.Context) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-a.wanted:
		}
		n, err := a.store.Announce(ctx)
		switch {
		case ctx.Err() != nil:
		case err != nil:
			a.log.WarnContext(ctx, "the plan is not announced", slog.Any("err", err))
		default:
			a.log.DebugContext(ctx, "the plan is announced", slog.Int("schedules", n))
		}
	}
}
