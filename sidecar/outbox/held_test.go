package outbox_test

import (
	"context"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// S-5: a transaction that somebody holds open keeps the server from cleaning up what was published, and does not slow the relay down
// over time: it is as fast as on a server beside it where nobody holds one. Both relay in turns at the end of each window, so that
// whatever else the machine does is in both. Ten minutes in the soak.
func TestS5_AHeldTransactionSlowsNoRelay(t *testing.T) {
	held, free := newRelayed(t), newRelayed(t)
	window := time.Duration(seed.Runs(1, 30)) * time.Second
	turns := func(span time.Duration) (heldTook, freeTook time.Duration) {
		for end := time.Now().Add(span); time.Now().Before(end); {
			heldTook += held.batch(t)
			freeTook += free.batch(t)
		}
		return heldTook, freeTook
	}
	turns(window) // warm
	conn, err := held.db.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Release()
	for _, sql := range []string{`SET idle_in_transaction_session_timeout = 0`, `BEGIN ISOLATION LEVEL REPEATABLE READ`, `SELECT count(*) FROM outbox`} {
		if _, err := conn.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	var heldCPU, freeCPU time.Duration
	var heldEvents, freeEvents int
	var ratios []float64 // by the clock, of each window
	for range seed.Runs(3, 20) {
		heldCPU, freeCPU, heldEvents, freeEvents = -pgtest.CPU(t, held.server), -pgtest.CPU(t, free.server), -held.events, -free.events
		for end := time.Now().Add(window / 3 * 2); time.Now().Before(end); {
			held.batch(t)
		}
		heldTook, freeTook := turns(window / 3)
		ratios = append(ratios, freeTook.Seconds()/heldTook.Seconds())
		heldCPU, freeCPU, heldEvents, freeEvents = heldCPU+pgtest.CPU(t, held.server), freeCPU+pgtest.CPU(t, free.server), heldEvents+held.events, freeEvents+free.events
	}
	t.Logf("by the clock, window by window: %.2f", ratios)
	late := slices.Sorted(slices.Values(ratios[len(ratios)/2:])) // a checkpoint of either server takes up a window
	t.Logf("METRIC held_transaction_relay_ratio=%.2f limit=0.80 (at least; by the clock, the middle one of the later half of %d windows; %d events were relayed meanwhile)",
		late[len(late)/2], len(ratios), held.events)
	t.Logf("METRIC held_transaction_relay_cpu_ratio=%.2f limit=0.80 (at least; events per second of the server's CPU, its cleaning included)",
		float64(heldEvents)/heldCPU.Seconds()/(float64(freeEvents)/freeCPU.Seconds()))
	if _, err := conn.Exec(t.Context(), `ROLLBACK`); err != nil {
		t.Error(err)
	}
}

// S-5: whatever the server, once it has counted, believes to be pending, a pass reads little of what was published and is kept for a
// transaction that somebody holds open.
func TestS5_APassReadsLittleOfWhatWasPublished(t *testing.T) {
	server := pgtest.New(t, schema)
	db, err := pg.Open(pg.Settings{URL: server.URL(schema), OwnerURL: server.OwnerURL(schema), Schema: schema, MaxConns: 1})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context(), outbox.Migrations()); err != nil {
		t.Fatal(err)
	}
	met := 0 // pages of indexes, by this connection since its counts were handed over
	o := outbox.New(outbox.Settings{DB: db, Bus: taker{}, Published: func(ctx context.Context, tx pg.Tx, _ []outbox.Outcome) error {
		return tx.QueryRow(ctx, `SELECT sum(pg_stat_get_xact_blocks_fetched(indexrelid)) FROM pg_index WHERE indrelid = 'outbox'::regclass`).Scan(&met)
	}})
	hold, err := pgx.Connect(t.Context(), server.URL(schema))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = hold.Close(context.Background()) }()
	for _, sql := range []string{`SET idle_in_transaction_session_timeout = 0`, `BEGIN ISOLATION LEVEL REPEATABLE READ`, `SELECT count(*) FROM catalogs.outbox`} {
		if _, err := hold.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	const rounds, limit = 30, 80
	for range rounds {
		raise(t, db, o)
	}
	for range 2 {
		asAdmin(t, server, `ANALYZE catalogs.outbox`)
		if err := addAll(t.Context(), db, o, append(entries(0, 10), entries(3, 10)...)); err != nil {
			t.Fatal(err)
		}
		if _, err := db.Pool().Exec(t.Context(), `SELECT pg_stat_force_next_flush()`); err != nil {
			t.Fatal(err)
		}
		if n, err := o.Relay(t.Context()); n != 20 || err != nil {
			t.Fatalf("relayed %d: %v", n, err)
		}
		t.Logf("METRIC held_transaction_pages_of_a_pass=%d limit=%d (%d events were published before)", met, limit, rounds*raised)
		if met == 0 || met > limit {
			t.Errorf("a pass of 20 rows read %d pages of indexes", met)
		}
	}
}

// relayed is an outbox on a server of its own.
type relayed struct {
	server *postgres.Server
	db     *pg.DB
	o      *outbox.Outbox
	events int
}

func newRelayed(t *testing.T) *relayed {
	t.Helper()
	server := pgtest.Server(t)
	at := pgtest.On(t, server, schema)
	db, err := pg.Open(pg.Settings{URL: at.URL(schema), OwnerURL: at.OwnerURL(schema), Schema: schema, MaxConns: 4})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context(), outbox.Migrations()); err != nil {
		t.Fatal(err)
	}
	return &relayed{server: server, db: db, o: outbox.New(outbox.Settings{DB: db, Bus: taker{}})}
}

// batch adds twenty events and relays them; it says how long that took.
func (r *relayed) batch(t *testing.T) time.Duration {
	t.Helper()
	start := time.Now()
	err := r.db.InTx(t.Context(), func(tx pg.Tx) error {
		for i := range 20 {
			aggregate := ""
			if i%2 == 0 {
				aggregate = fmt.Sprint(i)
			}
			if err := r.o.Add(t.Context(), tx, aggregate, event(fmt.Sprint(r.events+i))); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if done, err := r.o.Relay(t.Context()); err != nil || done != 20 {
		t.Fatalf("relayed %d, %v", done, err)
	}
	r.events += 20
	return time.Since(start)
}

// A row whose transaction takes its time has a lower id than thousands that were committed and published meanwhile: it is relayed
// all the same.
func TestALowerIDThatIsCommittedLateIsRelayed(t *testing.T) {
	db := database(t, 4)
	o := outbox.New(outbox.Settings{DB: db, Bus: taker{}})
	all := func(want int) {
		t.Helper()
		for done := 0; done < want; {
			n, err := o.Relay(t.Context())
			if done += n; err != nil || n == 0 {
				t.Fatalf("relayed %d of %d: %v", done, want, err)
			}
		}
	}
	for round := range 3 {
		err := db.InTx(t.Context(), func(tx pg.Tx) error {
			if err := o.Add(t.Context(), tx, fmt.Sprint("late", round%2), event("late")); err != nil {
				return err
			}
			for range 5 { // looks for a higher floor, each
				for range 12 {
					var some []bus.Publication
					for i := range 50 {
						some = append(some, event(fmt.Sprint(i)))
					}
					add(t, db, o, "", some...)
				}
				all(600)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		all(1)
	}
}

// taker is a bus that takes everything at once: what is measured is the relay's part.
type taker struct{ bus.Bus }

func (taker) Publish(context.Context, bus.Publication) error { return nil }
