package ship

import (
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// BenchmarkDrain (L-4) ships what an outage left, to a store that only counts: the shipper's share of the
// time that 500 000 records take.
func BenchmarkDrain(b *testing.B) {
	bed := newBed(b, &store{})
	for range b.N {
		write(bed.spool, spool.Info, "connection to peer refused, will try again")
	}
	b.ResetTimer()
	bed.run()
	bed.eventually("all stored", func() bool { return bed.pending() == 0 })
	b.StopTimer()
	rate := float64(b.N) / b.Elapsed().Seconds()
	b.ReportMetric(rate, "records/s")
	b.ReportMetric(rate/(500_000.0/60), "x-target")
}
