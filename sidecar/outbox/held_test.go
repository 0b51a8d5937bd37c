package outbox_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// S-5: a transaction that somebody holds open keeps the server from cleaning up what was published, and does not slow the relay down
// over time. Ten minutes in the soak.
func TestS5_AHeldTransactionSlowsNoRelay(t *testing.T) {
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
	o, n := outbox.New(outbox.Settings{DB: db, Bus: taker{}}), 0
	relay := func(span time.Duration) (rate, ofCPU float64) { // events per second, and per second of the server's CPU
		before, start, cpu := n, time.Now(), pgtest.CPU(t, server)
		for time.Since(start) < span {
			err := db.InTx(t.Context(), func(tx pg.Tx) error {
				for i := range 20 {
					aggregate := ""
					if i%2 == 0 {
						aggregate = fmt.Sprint(i)
					}
					if err := o.Add(t.Context(), tx, aggregate, event(fmt.Sprint(n+i))); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			done, err := o.Relay(t.Context())
			if err != nil || done != 20 {
				t.Fatalf("relayed %d, %v", done, err)
			}
			n += done
		}
		return float64(n-before) / time.Since(start).Seconds(), float64(n-before) / max(pgtest.CPU(t, server)-cpu, time.Millisecond).Seconds()
	}
	window := time.Duration(seed.Runs(1, 30)) * time.Second
	relay(window / 2) // warm
	baseline, ofCPU := relay(window)
	held, err := db.Pool().Acquire(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer held.Release()
	for _, sql := range []string{`SET idle_in_transaction_session_timeout = 0`, `BEGIN ISOLATION LEVEL REPEATABLE READ`, `SELECT count(*) FROM outbox`} {
		if _, err := held.Exec(t.Context(), sql); err != nil {
			t.Fatal(err)
		}
	}
	var last, lastOfCPU float64
	for range seed.Runs(3, 20) {
		last, lastOfCPU = relay(window)
	}
	t.Logf("METRIC held_transaction_relay_ratio=%.2f limit=0.80 (at least; in the last window, by the clock; %.0f events/s before, %d in all)", last/baseline, baseline, n)
	t.Logf("METRIC held_transaction_relay_cpu_ratio=%.2f limit=0.80 (at least; events per second of the server's CPU; %.0f before)", lastOfCPU/ofCPU, ofCPU)
	if _, err := held.Exec(t.Context(), `ROLLBACK`); err != nil {
		t.Error(err)
	}
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
