package maintenance

import (
	"context"
	"log/slog"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// S-4: 20,000 records a second on the same PostgreSQL are hardly felt by a service that reads and writes rows of its own. The
// storm comes and goes many times, so that whatever else the machine does is in both halves.
func TestS4_AStormLeavesOtherQueriesAlone(t *testing.T) {
	server := durable(t)
	at := pgtest.On(t, server, Schema, "catalogs")
	m := on(t, at, DefaultConfig())
	if err := m.prepare(t.Context()); err != nil {
		t.Fatal(err)
	}
	n := newNeighbour(t, at)
	batches := storm(64, 1000)
	var blows atomic.Bool
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan int)
	go func() { ended <- blow(ctx, t, m, batches, &blows) }()
	var calm, stormy []time.Duration
	windows := seed.Runs(6, 120)
	for range windows {
		blows.Store(false)
		calm = append(calm, n.work(500*time.Millisecond)...)
		blows.Store(true)
		stormy = append(stormy, n.work(500*time.Millisecond)...)
	}
	stop()
	stored := <-ended
	before, during := quantile(calm, 0.99), quantile(stormy, 0.99)
	t.Logf("METRIC storm_other_p99_ratio=%.2f limit=1.5 (p99 %s without, %s with; p50 %s, %s; %d and %d queries, %d records in %d windows of half a second)",
		float64(during)/float64(before), before, during, quantile(calm, 0.5), quantile(stormy, 0.5), len(calm), len(stormy), stored, windows)
	if stored == 0 || len(stormy) == 0 {
		t.Errorf("%d records and %d queries: there was no storm, or nobody in it", stored, len(stormy))
	}
}

// blow stores a thousand records each 50 ms, which is how ingest gathers them, while it is told to; it returns how many.
func blow(ctx context.Context, t *testing.T, m *Maintenance, batches [][]record.Record, blows *atomic.Bool) (stored int) {
	next := time.Now()
	for i := 0; ctx.Err() == nil; i++ {
		next = next.Add(50 * time.Millisecond)
		if blows.Load() {
			batch := batches[i%len(batches)]
			for at := range batch {
				batch[at].TS = time.Now()
			}
			res, err := bounded{m}.Write(context.WithoutCancel(ctx), batch)
			if err != nil {
				t.Error(err)
			}
			stored += res.Stored
		}
		<-time.After(time.Until(next))
	}
	return stored
}

// storm makes batches of one service's records.
func storm(batches, size int) (all [][]record.Record) {
	source := loglines.Template(1)
	for range batches {
		batch := make([]record.Record, size)
		for i := range batch {
			l := source.Next()
			batch[i] = record.Record{TS: time.Now(), Level: slog.Level(l.Level), Service: "gateway", Instance: "gateway-1", Logger: l.Logger,
				Msg: l.Msg, Attrs: l.Attrs, TraceID: l.TraceID, SpanID: l.SpanID, Version: "1.4.2"}
		}
		all = append(all, batch)
	}
	return all
}

// neighbour is a service with a schema and a pool of its own on the same server.
type neighbour struct {
	t  *testing.T
	db *pg.DB
	id int
}

func newNeighbour(t *testing.T, at *pgtest.DB) *neighbour {
	t.Helper()
	db, err := pg.Open(pg.Settings{URL: at.OwnerURL("catalogs"), Schema: "catalogs"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	_, err = db.Pool().Exec(t.Context(), `CREATE TABLE things (id int PRIMARY KEY, name text NOT NULL, changed timestamptz NOT NULL DEFAULT now())`)
	if err != nil {
		t.Fatal(err)
	}
	return &neighbour{t: t, db: db}
}

// work writes a row and reads one, again and again; it returns how long each took.
func (n *neighbour) work(span time.Duration) (took []time.Duration) {
	n.t.Helper()
	for end := time.Now().Add(span); time.Now().Before(end); {
		n.id++
		start := time.Now()
		if _, err := n.db.Pool().Exec(n.t.Context(), `INSERT INTO things (id, name) VALUES ($1, 'a thing')`, n.id); err != nil {
			n.t.Fatal(err)
		}
		wrote := time.Now()
		var name string
		if err := n.db.Pool().QueryRow(n.t.Context(), `SELECT name FROM things WHERE id = $1`, 1+n.id/2).Scan(&name); err != nil {
			n.t.Fatal(err)
		}
		took = append(took, wrote.Sub(start), time.Since(wrote))
	}
	return took
}
