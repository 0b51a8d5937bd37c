package postgres_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// BenchmarkPassByStored is a pass over 100 due schedules while more and more are stored that are due some other day:
// the ledger and the next due times are written each time. What it costs must not grow with what is stored.
func BenchmarkPassByStored(b *testing.B) {
	const due, passes = 100, 30
	f := newFixture(b)
	f.store(b, "due", due, time.Now())
	term := f.lead(b, "s")
	var first, last time.Duration
	now, stored := time.Now().Truncate(time.Second), 0
	for b.Loop() {
		for _, size := range []int{1000, 10_000, 100_000, 1_000_000} {
			if size > stored {
				f.store(b, fmt.Sprintf("stored%d_", size), size-stored, time.Now().Add(30*24*time.Hour))
				f.exec(b, `ANALYZE schedules`)
				stored = size
			}
			took := make([]time.Duration, passes)
			for i := range took {
				now = now.Add(time.Second) // a due time is fired once
				f.exec(b, `UPDATE schedules SET next_due = $1, look_at = $1 WHERE name LIKE 'billing.due%'`, now)
				began := time.Now()
				p := pass(b, term, now)
				took[i] = time.Since(began)
				if p.Fired != due {
					b.Fatalf("fired %d of %d", p.Fired, due)
				}
			}
			slices.Sort(took)
			last = took[passes/2]
			if first == 0 {
				first = last
			}
			b.ReportMetric(float64(last.Microseconds())/due, fmt.Sprintf("µs/due-of-%d", size))
		}
	}
	b.ReportMetric(last.Seconds()/first.Seconds(), "x-million-of-thousand")
}

// store makes n schedules that are due daily, from first on.
func (f fixture) store(b *testing.B, prefix string, n int, first time.Time) {
	b.Helper()
	spec, err := json.Marshal(timed.SpecOf(timed.Schedule{Every: 24 * time.Hour}.WithDefaults()))
	if err != nil {
		b.Fatal(err)
	}
	f.exec(b, `INSERT INTO schedules (name, service, origin, declared, next_due, look_at)
		SELECT 'billing.' || $1::text || i, 'billing', 'declared', $2, $4::timestamptz + i * interval '1 s', $4::timestamptz + i * interval '1 s' FROM generate_series(0, $3::int - 1) AS i`,
		prefix, string(spec), n, first)
}
