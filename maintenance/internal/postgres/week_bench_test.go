package postgres

import (
	"context"
	"fmt"
	"maps"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// BenchmarkWeek loads a log of seven days beside one of a day, prints what the long one has cost, and asks both the questions about an
// hour: what lies behind the hour must not be felt. SIGNALBOX_BENCH_RECORDS is its size; the day has five million records, or a twentieth
// of the week's.
func BenchmarkWeek(b *testing.B) {
	size := 2_000_000
	if text := os.Getenv("SIGNALBOX_BENCH_RECORDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		size = n
	}
	hour := func(l *lab) (took map[string]time.Duration) {
		took = map[string]time.Duration{}
		for _, q := range l.questions() {
			if q.span > time.Hour && q.name != "service_warn" && q.name != "last_100" {
				continue
			}
			q.span = time.Hour
			b.Run(fmt.Sprintf("%d/%s", l.size, q.name), func(b *testing.B) { took[q.name] = l.ask(b, fmt.Sprint(l.size), q, 1) })
		}
		return took
	}
	day := hour(newLab(b, size/20, 24*time.Hour))
	long := newLab(b, size, 7*24*time.Hour)
	week := hour(long)
	for _, name := range slices.Sorted(maps.Keys(day)) {
		b.Logf("METRIC log_week_%s_ratio=%.2f limit=1.5 (%.2f ms against %.2f ms; an hour has %.1f times the records)", name, float64(week[name])/float64(day[name]),
			float64(week[name].Microseconds())/1000, float64(day[name].Microseconds())/1000, 20.0/7)
	}
	long.clean(b)
}

// clean drops the oldest of the seven days, as retention does, and says what that takes.
func (l *lab) clean(b *testing.B) {
	before, dropped := l.cpu(b), 0
	start := time.Now()
	for hour := range 24 {
		for _, class := range block.Tiers {
			there, err := l.store.Drop(context.WithoutCancel(b.Context()), class, l.now.Add(time.Duration(hour)*time.Hour-7*24*time.Hour))
			if err != nil {
				b.Fatal(err)
			}
			if there {
				dropped++
			}
		}
	}
	b.Logf("METRIC log_clean_day_cpu_ms=%.0f limit=0 (printed: %d partitions with about %d records in %s)", float64((l.cpu(b) - before).Milliseconds()), dropped, l.size/7, time.Since(start).Round(time.Millisecond))
}
