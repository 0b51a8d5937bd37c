package outbox_test

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// BenchmarkAddAll is a transaction of 500 events; the limit is the same rows by the server's own generator, which no
// client can beat. AddEach is the same by as many calls of Add.
func BenchmarkAddAll(b *testing.B) {
	const events = 500
	db := database(b, 2)
	o := outbox.New(outbox.Settings{DB: db, Bus: broker(b)})
	all := entries(0, events)
	work := map[string]func(tx pg.Tx) error{
		"all": func(tx pg.Tx) error { return o.AddAll(b.Context(), tx, all) },
		"each": func(tx pg.Tx) error {
			for _, e := range all {
				if err := o.Add(b.Context(), tx, "", e.Publication); err != nil {
					return err
				}
			}
			return nil
		},
		"bare": func(tx pg.Tx) error {
			_, err := tx.Exec(b.Context(), `INSERT INTO outbox (aggregate, exchange, key, event, headers) SELECT '', 'signalbox.events', 'catalogs.record.created',
				convert_to(repeat('x', 200), 'UTF8'), '{}' FROM generate_series(1, $1)`, events)
			return err
		},
	}
	took := map[string]time.Duration{}
	for b.Loop() {
		for name, do := range work {
			began := time.Now()
			if err := db.InTx(b.Context(), do); err != nil {
				b.Fatal(err)
			}
			took[name] += time.Since(began)
		}
	}
	for name, d := range took {
		b.ReportMetric(float64(d.Microseconds())/float64(b.N)/events, "µs/event-"+name)
	}
	b.ReportMetric(took["all"].Seconds()/took["bare"].Seconds(), "x-bare")
	b.ReportMetric(took["each"].Seconds()/took["all"].Seconds(), "x-faster-than-each")
}

// BenchmarkAdd is a transaction of one event; the limit is the INSERT alone.
func BenchmarkAdd(b *testing.B) {
	db := database(b, 2)
	o := outbox.New(outbox.Settings{DB: db, Bus: broker(b)})
	var ours, bare time.Duration
	for b.Loop() {
		ours += timeTx(b, db, func(tx pg.Tx) error { return o.Add(b.Context(), tx, "a", event("1")) })
		bare += timeTx(b, db, func(tx pg.Tx) error {
			_, err := tx.Exec(b.Context(), `INSERT INTO outbox (aggregate, exchange, key, event, headers) VALUES ('', 'signalbox.events',
				'catalogs.record.created', convert_to(repeat('x', 200), 'UTF8'), '{}')`)
			return err
		})
	}
	b.ReportMetric(ours.Seconds()/bare.Seconds(), "x-bare")
}

func timeTx(b *testing.B, db *pg.DB, do func(tx pg.Tx) error) time.Duration {
	b.Helper()
	began := time.Now()
	if err := db.InTx(b.Context(), do); err != nil {
		b.Fatal(err)
	}
	return time.Since(began)
}
