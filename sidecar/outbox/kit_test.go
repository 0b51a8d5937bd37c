package outbox_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

const schema = "catalogs"

// database is a migrated schema with a pool of conns.
func database(t testing.TB, conns int32) *pg.DB {
	t.Helper()
	server := pgtest.New(t, schema)
	db, err := pg.Open(pg.Settings{URL: server.URL(schema), OwnerURL: server.OwnerURL(schema), Schema: schema, MaxConns: conns})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context(), outbox.Migrations()); err != nil {
		t.Fatal(err)
	}
	return db
}

// broker is an inproc bus with one client.
func broker(t testing.TB) bus.Bus {
	t.Helper()
	b, err := inproc.New(inproc.Settings{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.Open(bus.Client{Service: "catalogs", Instance: "catalogs-1", RetryDelays: []time.Duration{time.Millisecond, 5 * time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := b.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

func subscribe(t *testing.T, b bus.Bus, queue string, h bus.Handler) {
	t.Helper()
	if _, err := b.Subscribe(t.Context(), bus.Subscription{Queue: queue, Exchange: bus.Events, Keys: []string{"catalogs.#"}, Handler: h}); err != nil {
		t.Fatal(err)
	}
}

// run relays in the background until the returned function is called.
func run(t *testing.T, o *outbox.Outbox) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = o.Run(ctx)
	}()
	stop = sync.OnceFunc(func() { cancel(); <-done })
	t.Cleanup(stop)
	return stop
}

func event(id string) bus.Publication {
	return bus.Publication{Exchange: bus.Events, Key: "catalogs.record.created",
		Event: bus.Event{ID: id, Type: "catalogs.record.created", Data: []byte(fmt.Sprintf(`{"id":%q}`, id))}}
}

// add writes publications in one transaction of their own.
func add(t *testing.T, db *pg.DB, o *outbox.Outbox, aggregate string, all ...bus.Publication) {
	t.Helper()
	err := db.InTx(t.Context(), func(tx pg.Tx) error {
		for _, p := range all {
			if err := o.Add(t.Context(), tx, aggregate, p); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// seen counts deliveries by id, in the order of their first arrival.
type seen struct {
	mu    sync.Mutex
	count map[string]int
	order []bus.Delivery
}

func (s *seen) handle(_ context.Context, d bus.Delivery) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.count == nil {
		s.count = map[string]int{}
	}
	s.count[d.ID]++
	if s.count[d.ID] == 1 {
		s.order = append(s.order, d)
	}
	return nil
}

func (s *seen) first(id string) bus.Delivery {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.order {
		if d.ID == id {
			return d
		}
	}
	return bus.Delivery{}
}

func (s *seen) len() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.count)
}

func value(t *testing.T, g prometheus.Gatherer, name string) float64 {
	t.Helper()
	families, err := g.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == name {
			m := f.GetMetric()[0]
			return m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	t.Fatalf("no metric %s", name)
	return 0
}
