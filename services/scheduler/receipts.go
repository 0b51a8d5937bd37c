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
	taken *prometheus.CounterVec
}

func takeReceipts(sc *sidecar.Sidecar, store *postgres.Store, lead *leader.Leader) bus.Subscription {
	s := settler{db: sc.DB(), store: store, lead: lead, taken: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signalbox_scheduler_receipts_total",
		Help: "Receipts of handlers, by outcome: received, retry, done, failed; corrected and noted add to what is known; ignored changed nothing",
	}, []string{"outcome"})}
	sc.Registry().MustRegister(s.taken)
	var keys []string
	for _, kind := range []string{timed.Received, timed.InProgress, timed.Completed, timed.Failed} {
		keys = append(keys, "*."+kind)
	}
	return bus.Subscription{Queue: receipts, Exchange: bus.Events, Keys: keys, Prefetch: 100, Handler: s.one}
}

// one takes a receipt. Who sent it is told by its key, and only the owner of a fire can settle it. It is counted when
// it is committed.
func (s settler) one(ctx context.Context, d bus.Delivery) error {
	receipt, err := receiptOf(d)
	if err != nil {
		return bus.Park(err)
	}
	var result postgres.Settlement
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		first, err := outbox.Once(ctx, tx, receipts, d.Source, d.ID)
		if err != nil || !first {
			return err
		}
		result, err = s.store.Settle(ctx, tx, []postgres.Settled{receipt})
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
