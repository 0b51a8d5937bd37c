package timed_test

import (
	"context"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	schedulev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/schedule/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

// rig is a service "billing" with timed events on a real bus, and somebody who reads its receipts.
type rig struct {
	*timed.Timed
	bus bus.Bus
	reg *prometheus.Registry

	mu       sync.Mutex
	receipts []bus.Delivery // of ends
	words    []bus.Delivery // of what is under way
}

func newRig(t *testing.T, db *pg.DB) *rig {
	t.Helper()
	broker, err := inproc.New(inproc.Settings{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	fast := []time.Duration{time.Millisecond, time.Millisecond, time.Millisecond, time.Millisecond}
	b, err := broker.Open(bus.Client{Service: "billing", Instance: "billing-1", RetryDelays: fast})
	if err != nil {
		t.Fatal(err)
	}
	r := &rig{bus: b, reg: prometheus.NewRegistry()}
	s := timed.Settings{Service: "billing", Instance: "billing-1", Bus: b, Registerer: r.reg, Declare: declareNothing}
	if db != nil {
		s.DB, s.Outbox = db, r.relay(t, db)
	}
	r.Timed = timed.New(s)
	r.collect(t)
	t.Cleanup(func() {
		_ = r.Stop(context.Background())
		_ = b.Close(context.Background())
		_ = broker.Close()
	})
	return r
}

func declareNothing(context.Context, *schedulev1.DeclareRequest) error { return nil }

func (r *rig) relay(t *testing.T, db *pg.DB) *outbox.Outbox {
	o := outbox.New(outbox.Settings{DB: db, Bus: r.bus})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); _ = o.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return o
}

func (r *rig) collect(t *testing.T) {
	t.Helper()
	_, err := r.bus.Subscribe(t.Context(), bus.Subscription{Queue: "scheduler.receipts", Exchange: bus.Events,
		Keys: []string{"*.fire.*"}, Handler: func(_ context.Context, d bus.Delivery) error {
			r.mu.Lock()
			defer r.mu.Unlock()
			if strings.HasSuffix(d.Key, timed.Completed) || strings.HasSuffix(d.Key, timed.Failed) {
				r.receipts = append(r.receipts, d)
			} else {
				r.words = append(r.words, d)
			}
			return nil
		}})
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) received() []bus.Delivery {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.receipts)
}

// start adds one schedule and starts.
func (r *rig) start(t *testing.T, h timed.Handler) {
	t.Helper()
	if err := r.Add(timed.Schedule{Name: "billing.close", Every: time.Hour}, h); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) fire(t *testing.T, event string, f timed.Fire) {
	t.Helper()
	data, _ := json.Marshal(f)
	err := r.bus.Publish(t.Context(), bus.Publication{Exchange: bus.Schedule, Key: "billing.close",
		Event: bus.Event{ID: event, Source: "/scheduler/scheduler-1", Type: timed.EventFired, Time: time.Now(), Data: data}})
	if err != nil {
		t.Fatal(err)
	}
}

func oneFire() timed.Fire {
	due := time.Now().UTC().Truncate(time.Second)
	return timed.Fire{ID: timed.FireID("billing.close", due), Schedule: "billing.close", Due: due, Deadline: 10 * time.Second}
}

func (r *rig) receiptAt(t *testing.T, i int) (receipt timed.Receipt) {
	t.Helper()
	if err := json.Unmarshal(r.received()[i].Data, &receipt); err != nil {
		t.Fatal(err)
	}
	return receipt
}

// ended waits for the one receipt of a fire, and that the handler's outcome is counted.
func (r *rig) ended(t *testing.T, outcome string) timed.Receipt {
	t.Helper()
	wait.For(t, 10*time.Second, "the receipt", func() bool { return len(r.received()) > 0 })
	wait.For(t, 10*time.Second, "the outcome "+outcome, func() bool { return r.count(outcome) > 0 })
	all := r.received()
	if len(all) != 1 {
		t.Fatalf("%d receipts", len(all))
	}
	receipt := r.receiptAt(t, 0)
	if failed := strings.HasSuffix(all[0].Key, timed.Failed); failed != (receipt.Error != "") || all[0].Type != all[0].Key {
		t.Errorf("key %s, type %s, error %q", all[0].Key, all[0].Type, receipt.Error)
	}
	return receipt
}

func (r *rig) count(outcome string) int {
	metrics, _ := r.reg.Gather()
	for _, family := range metrics {
		if family.GetName() != "signalbox_timed_fires_total" {
			continue
		}
		for _, m := range family.GetMetric() {
			for _, l := range m.GetLabel() {
				if l.GetValue() == outcome {
					return int(m.GetCounter().GetValue())
				}
			}
		}
	}
	return 0
}

// measured is how many runs of handlers have a duration.
func (r *rig) measured(t *testing.T) (n uint64) {
	t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, family := range families {
		if family.GetName() == "signalbox_timed_duration_seconds" {
			for _, m := range family.GetMetric() {
				n += m.GetHistogram().GetSampleCount()
			}
		}
	}
	return n
}

func billingDB(t *testing.T) *pg.DB {
	t.Helper()
	return openBilling(t, pgtest.New(t, "billing"))
}

func openBilling(t *testing.T, test *pgtest.DB) *pg.DB {
	t.Helper()
	db, err := pg.Open(pg.Settings{URL: test.URL("billing"), OwnerURL: test.OwnerURL("billing"), Schema: "billing"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context(), outbox.Migrations()); err != nil {
		t.Fatal(err)
	}
	return db
}
