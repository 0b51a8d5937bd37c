package postgres

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
)

// BenchmarkSetLease is what the database takes of a change for 50 instances until it is committed, with its event and its audit row, and
// until its message can be signed, beside the least that a transaction in two round trips takes: a row that is counted, and a commit.
// The changes come as people make them, one now and then.
func BenchmarkSetLease(b *testing.B) {
	s, d := opened(b, pgtest.New(b, "maintenance"))
	if err := d.Migrate(b.Context(), outbox.Migrations()); err != nil {
		b.Fatal(err)
	}
	s.Publish(outbox.New(outbox.Settings{DB: d, Source: "/view-service"}))
	for i := range 50 {
		if _, err := s.Heard(b.Context(), said(fmt.Sprintf("c-%d", i), "e1")); err != nil {
			b.Fatal(err)
		}
	}
	var bare, known, committed []time.Duration
	for b.Loop() {
		for range 100 {
			pause(b)
			began := time.Now()
			err := d.InTwo(b.Context(), func(first *pgx.Batch) { first.Queue(next) }, func(*pgx.Batch) error { return nil })
			bare = append(bare, time.Since(began))
			if err != nil {
				b.Fatal(err)
			}
			pause(b)
			l := newLease("catalogs")
			l.Logger = "bench"
			began = time.Now()
			_, targets, err := s.SetLease(b.Context(), l, time.Second, func(lease.Lease, []lease.Target) { known = append(known, time.Since(began)) })
			committed = append(committed, time.Since(began))
			if err != nil || len(targets) != 50 {
				b.Fatalf("%d targets, %v", len(targets), err)
			}
		}
	}
	floor := median(bare)
	b.ReportMetric(0, "ns/op") // of all rounds together: means nothing
	for name, all := range map[string][]time.Duration{"bare": bare, "known": known, "committed": committed} {
		b.Logf("METRIC lease_%s_p50_ms=%.2f", name, float64(median(all).Microseconds())/1000)
	}
	b.ReportMetric(median(committed).Seconds()/floor.Seconds(), "x-bare")
}

func pause(b *testing.B) {
	b.Helper()
	select {
	case <-time.After(50 * time.Millisecond):
	case <-b.Context().Done():
	}
}

func median(all []time.Duration) time.Duration { return slices.Sorted(slices.Values(all))[len(all)/2] }
