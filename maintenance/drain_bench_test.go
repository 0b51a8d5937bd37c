package maintenance

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// BenchmarkDrain (L-4): a service comes back with 500,000 records that it could not ship, and ships them beside what it and
// three others log meanwhile, 2,000 records a second together. How long it takes, and how late the others' and its own new
// records are.
func BenchmarkDrain(b *testing.B) {
	const backlog, rate, seconds = 500_000, 2000, 25
	for b.Loop() {
		l := newLine(b)
		got := calls{Dir: l.dir, Store: l.addr, Services: l.services, Backlog: backlog, Records: rate * seconds, Rate: rate}.run(b)
		live, own := l.late(got)
		b.ReportMetric(got.BacklogIn, "s/500k")
		b.Logf("METRIC drain_500000_seconds=%.1f limit=60", got.BacklogIn)
		b.Logf("METRIC drain_others_delay_p99_seconds=%.2f limit=5 (%d records)", quantile(live, 0.99).Seconds(), len(live))
		b.Logf("METRIC drain_own_delay_p99_seconds=%.2f limit=5 (%d records)", quantile(own, 0.99).Seconds(), len(own))
	}
}

// late are the delays of what was logged beside the backlog: of the other services, and of the one that had it.
func (l *wire) late(got called) (others, own []time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for stream, delays := range l.delays {
		service, epoch, _ := strings.Cut(stream, "/")
		switch {
		case service != l.services[0]:
			others = append(others, delays...)
		case epoch == got.Epoch:
			own = append(own, delays...)
		}
	}
	return others, own
}

func quantile(all []time.Duration, q float64) time.Duration {
	if len(all) == 0 {
		return -1
	}
	slices.Sort(all)
	return all[int(q*float64(len(all)-1))]
}
