package scheduler_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/internal/servers/rabbitmq"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/amqp"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// rig is one scheduler in a process of its own, on a PostgreSQL and a RabbitMQ of its own, so that what each costs can
// be told, and a consumer in this process that answers every fire with a receipt.
type rig struct {
	*mesh
	*consumer
	postgres  *postgres.Server
	rabbitmq  *rabbitmq.Server
	scheduler *process
	db        *pg.DB
}

func newLoadRig(t testing.TB) *rig {
	t.Helper()
	server, broker := pgtest.RoomyServer(t), amqptest.Server(t)
	m := newMeshOn(t, pgtest.On(t, server, "scheduler", "billing"))
	m.Bus, m.amqp, m.Conns = nil, broker.URL(), 8
	r := &rig{mesh: m, postgres: server, rabbitmq: broker, db: m.admin(t)}
	r.consumer = newConsumer(t, broker.URL())
	r.scheduler = m.process(t, "scheduler-1")
	wait.For(t, limit, "a leader", func() bool {
		var epoch int
		return r.db.Pool().QueryRow(t.Context(), `SELECT epoch FROM leader`).Scan(&epoch) == nil && epoch > 0
	})
	return r
}

// due makes n schedules named billing.<prefix>0 and so on, all due at first and then every so often.
func (r *rig) due(t testing.TB, prefix string, n int, first time.Time, every time.Duration) {
	t.Helper()
	spec, err := json.Marshal(timed.SpecOf(timed.Schedule{Every: every, Deadline: time.Minute, Window: time.Hour}.WithDefaults()))
	if err != nil {
		t.Fatal(err)
	}
	_, err = r.db.Pool().Exec(t.Context(), `INSERT INTO schedules (name, service, origin, declared, next_due, look_at)
		SELECT 'billing.' || $1::text || i, 'billing', 'declared', $2, $4, $4 FROM generate_series(0, $3::int - 1) AS i`, prefix, string(spec), n, first)
	if err != nil {
		t.Fatal(err)
	}
}

func (r *rig) retire(t testing.TB) {
	t.Helper()
	if _, err := r.db.Pool().Exec(t.Context(), `UPDATE schedules SET retired_at = now() WHERE service = 'billing'`); err != nil {
		t.Fatal(err)
	}
}

// lateness of the confirmed publishing of what was due in [from, to), and how many there were. Those that are not
// published are as late as now.
type lateness struct {
	fires, unpublished int
	p50, p99, max      time.Duration
}

func (r *rig) lateness(t testing.TB, from, to time.Time) (l lateness) {
	t.Helper()
	var p50, p99, most float64
	err := r.db.Pool().QueryRow(t.Context(), `SELECT count(*), count(*) FILTER (WHERE published_at IS NULL), coalesce(percentile_disc(0.5) WITHIN GROUP (ORDER BY late), 0),
			coalesce(percentile_disc(0.99) WITHIN GROUP (ORDER BY late), 0), coalesce(max(late), 0)
		FROM (SELECT published_at, extract(epoch FROM coalesce(published_at, clock_timestamp()) - due)::float8 AS late FROM fires
			WHERE service = 'billing' AND due >= $1 AND due < $2) AS f`, from, to).Scan(&l.fires, &l.unpublished, &p50, &p99, &most)
	if err != nil {
		t.Fatal(err)
	}
	l.p50, l.p99, l.max = seconds(p50), seconds(p99), seconds(most)
	return l
}

// open is how many of what was due in [from, to) has no end.
func (r *rig) open(t testing.TB, from, to time.Time) (n int) {
	t.Helper()
	err := r.db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM fires WHERE service = 'billing' AND due >= $1 AND due < $2 AND state <> 'done'`, from, to).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// hot is the share, in percent, of the ledger's updates that touched no index.
func (r *rig) hot(t testing.TB) (percent float64) {
	t.Helper()
	err := r.db.Pool().QueryRow(t.Context(), `SELECT coalesce(100.0 * n_tup_hot_upd / nullif(n_tup_upd, 0), 0)::float8 FROM pg_stat_user_tables
		WHERE relid = 'fires'::regclass`).Scan(&percent)
	if err != nil {
		t.Fatal(err)
	}
	return percent
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// memory of the scheduler's process: what it needed at most.
func (r *rig) memory(t testing.TB) (bytes float64) {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", r.scheduler.Process.Pid))
	if err != nil {
		t.Fatalf("the memory of a process is read from /proc: %v", err)
	}
	for line := range strings.Lines(string(raw)) {
		if text, ok := strings.CutPrefix(line, "VmHWM:"); ok {
			if _, err := fmt.Sscanf(text, "%f", &bytes); err != nil {
				t.Fatal(err)
			}
			return bytes * 1024
		}
	}
	t.Fatal("no VmHWM")
	return 0
}

// consumer takes fires as a foreign program does that knows the bus and nothing else: it answers with a receipt.
type consumer struct {
	bus bus.Bus

	mu   sync.Mutex
	took []time.Duration // from due to here
}

func newConsumer(t testing.TB, url string) *consumer {
	t.Helper()
	b, err := amqp.Open(url, bus.Client{Service: "billing", Instance: "billing-1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	c := &consumer{bus: b}
	wait.For(t, limit, "a connection", func() bool { return b.Ready() == nil })
	_, err = b.Subscribe(t.Context(), bus.Subscription{Queue: "billing.timed", Exchange: bus.Schedule, Keys: []string{"billing.#"}, Prefetch: 1000, Handler: c.handle})
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func (c *consumer) handle(ctx context.Context, d bus.Delivery) error {
	now := time.Now()
	var f timed.Fire
	if err := json.Unmarshal(d.Data, &f); err != nil {
		return bus.Park(err)
	}
	c.mu.Lock()
	c.took = append(c.took, now.Sub(f.Due))
	c.mu.Unlock()
	receipt, err := json.Marshal(timed.Receipt{FireID: f.ID, Attempt: f.Attempt, Instance: "billing-1", StartedAt: now})
	if err != nil {
		return bus.Park(err)
	}
	return c.bus.Publish(ctx, bus.Publication{Exchange: bus.Events, Key: "billing." + timed.Completed, Event: bus.Event{
		ID: d.ID + "/completed", Source: "/billing", Type: timed.Completed, Subject: f.ID, Data: receipt}})
}

// forget what was handled so far.
func (c *consumer) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.took = nil
}

func (c *consumer) handled() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.took)
}

func (c *consumer) len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.took)
}

// percentile of durations, which it sorts.
func percentile(all []time.Duration, p float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	slices.Sort(all)
	return all[min(int(p*float64(len(all))), len(all)-1)]
}
