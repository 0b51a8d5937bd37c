package maintenance

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/overdue"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// What the scheduler says of its plan, and the event that asks it to say all of it.
const (
	planChanged   = "scheduler.schedule.changed"
	planAnnounced = "scheduler.plan.announced"
	firesEnded    = "scheduler.fires.ended"
	planWanted    = "plan.wanted" // behind the host's name
)

// askAgain is the least time between two questions for the whole plan.
const askAgain = time.Minute

// watch follows the scheduler's news, so that what is overdue is known also when there are none.
type watch struct {
	store *postgres.Store
	bus   bus.Bus
	host  string
	log   *slog.Logger

	once  sync.Once
	heard chan struct{} // closed when the plan was announced, and is stored

	mu    sync.Mutex
	asked time.Time
}

func newWatch(store *postgres.Store, s Settings) *watch {
	return &watch{store: store, bus: s.Bus, host: s.Service, log: s.Logger, heard: make(chan struct{})}
}

// Plan is the subscription to the scheduler's news. The replicas share its queue.
func (m *Maintenance) Plan() bus.Subscription {
	return bus.Subscription{Queue: m.settings.Service + ".plan", Exchange: bus.Events,
		Keys: []string{planChanged, planAnnounced, firesEnded}, Handler: m.watch.hear}
}

// hear takes news. It may come more than once and in any order, so that no inbox is needed.
func (w *watch) hear(ctx context.Context, d bus.Delivery) error {
	switch d.Type {
	case planChanged:
		c, err := overdue.ReadChange(d.Data)
		if err != nil {
			return bus.Park(err)
		}
		return w.store.Planned(ctx, []overdue.Change{c})
	case planAnnounced:
		all, err := overdue.ReadAnnounced(d.Data)
		if err != nil {
			return bus.Park(err)
		}
		return w.announced(ctx, all)
	case firesEnded:
		return w.ended(ctx, d)
	default:
		return bus.Park(fmt.Errorf("%s is no news of the plan", d.Type))
	}
}

// announced is an answer once it is stored.
func (w *watch) announced(ctx context.Context, all []overdue.Change) error {
	if err := w.store.Planned(ctx, all); err != nil {
		return err
	}
	w.once.Do(func() { close(w.heard) })
	return nil
}

func (w *watch) ended(ctx context.Context, d bus.Delivery) error {
	ends, err := overdue.ReadEnds(d.Data)
	if err != nil {
		return bus.Park(err)
	}
	strangers, err := w.store.Ended(ctx, ends)
	if err != nil || strangers == 0 {
		return err
	}
	w.askAboutStrangers(ctx)
	return nil
}

// firstQuestions are the pauses between the questions after a start: the scheduler may be starting too.
func firstQuestions() []time.Duration {
	return []time.Duration{0, 5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second}
}

// AskForPlan asks the scheduler for all of its plan until it answers: at a start something may have been missed, before the
// queue was there for one. After the last question what is known stays, and the next event of an unknown schedule asks again.
func (m *Maintenance) AskForPlan(ctx context.Context) error {
	for _, wait := range firstQuestions() {
		select {
		case <-ctx.Done():
			return nil
		case <-m.watch.heard:
			<-ctx.Done()
			return nil
		case <-time.After(wait):
			m.watch.ask(ctx)
		}
	}
	<-ctx.Done()
	return nil
}

// askAboutStrangers asks when the last time is a while ago: the answer may be under way.
func (w *watch) askAboutStrangers(ctx context.Context) {
	w.mu.Lock()
	again := time.Since(w.asked) >= askAgain
	if again {
		w.asked = time.Now()
	}
	w.mu.Unlock()
	if again {
		w.ask(ctx)
	}
}

func (w *watch) ask(ctx context.Context) {
	kind := w.host + "." + planWanted
	err := w.bus.Publish(ctx, bus.Publication{Exchange: bus.Events, Key: kind, Expires: askAgain,
		Event: bus.Event{Source: "/" + w.host, Type: kind, Time: time.Now().UTC(), Data: json.RawMessage(`{}`)}})
	if err != nil && ctx.Err() == nil {
		w.log.InfoContext(ctx, "the scheduler was not asked for its plan; it is asked again at the next event of a schedule that is not known", slog.Any("err", err))
	}
}
