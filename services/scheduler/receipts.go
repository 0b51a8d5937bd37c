package scheduler

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/leader"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// receipts is the queue of what handlers tell of fires; all replicas take from it.
const receipts = service + ".receipts"

// settler writes receipts into the ledger and counts what became of them.
type settler struct {
	db    *pg.DB
	store *postgres.Store
	lead  *leader.Leader
	rush  *rush
	taken *prometheus.CounterVec
}

func newSettler(sc *sidecar.Sidecar, store *postgres.Store, lead *leader.Leader, rush *rush) settler {
	s := settler{db: sc.DB(), store: store, lead: lead, rush: rush, taken: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signalbox_scheduler_receipts_total",
		Help: "Receipts of handlers, by outcome: received, retry, done, failed; corrected and noted add to what is known; ignored changed nothing",
	}, []string{"outcome"})}
	sc.Registry().MustRegister(s.taken)
	return s
}

func (s settler) subscription() bus.Subscription {
	var keys []string
	for _, kind := range []string{timed.Received, timed.InProgress, timed.Completed, timed.Failed} {
		keys = append(keys, "*."+kind)
	}
	return bus.Subscription{Queue: receipts, Exchange: bus.Events, Keys: keys, Prefetch: maxTogether, Handler: (&gatherer{do: s.settle, calm: s.rush.wait}).handle}
}

// settle takes receipts in one transaction. Who sent one is told by its key, and only the owner of a fire can settle it.
// They are counted when they are committed.
func (s settler) settle(ctx context.Context, all []*receipt) error {
	var result postgres.Settlement
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		deliveries := make([]bus.Delivery, len(all))
		for i, r := range all {
			deliveries[i] = r.Delivery
		}
		first, err := outbox.OnceAll(ctx, tx, receipts, deliveries)
		if err != nil {
			return err
		}
		var fresh []postgres.Settled
		for i, r := range all {
			if first[i] {
				fresh = append(fresh, r.settled)
			}
		}
		if len(fresh) > 0 {
			result, err = s.store.Settle(ctx, tx, fresh)
		}
		return err
	})
	if err == nil {
		s.count(result)
	}
	return err
}

func receiptOf(d bus.Delivery) (postgres.Settled, error) {
	var r timed.Receipt
	if err := json.Unmarshal(d.Data, &r); err != nil {
		return postgres.Settled{}, fmt.Errorf("event %s is no receipt: %w", d.ID, err)
	}
	sender, kind, _ := strings.Cut(d.Key, ".")
	return postgres.Settled{Service: sender, Kind: kind, Receipt: r}, nil
}

func (s settler) count(result postgres.Settlement) {
	for _, outcome := range result.Outcomes {
		s.taken.WithLabelValues(string(outcome)).Inc()
	}
	for reason, n := range result.Missed {
		s.lead.Missed(reason, n)
	}
	for reason, n := range result.Recovered {
		s.lead.Recovered(reason, n)
	}
}
