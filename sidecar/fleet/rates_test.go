package fleet

import (
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/level"
)

func TestRatesAreOverTheLastTenSecondsOrSomeMore(t *testing.T) {
	t.Parallel()
	var r rates
	began := time.Now()
	var lines uint64
	for second := range 200 {
		a := uint64(100)
		if second >= 100 {
			a = 1000 // a second, from here on
		}
		lines += a
		got := r.over(began.Add(time.Duration(second)*time.Second), []level.Suppressed{
			{Logger: "store", Level: slog.LevelDebug, Lines: lines, Bytes: 50 * lines}, {Logger: "idle", Level: slog.LevelDebug, Lines: 7, Bytes: 70},
		})
		var want float64
		switch {
		case second < 10:
			if got != nil {
				t.Fatalf("rates after %d s: %v", second, got)
			}
			continue
		case second < 100:
			want = 100
		case second < 112:
			continue // on the way
		default:
			want = 1000
		}
		if len(got) != 1 || got[0].GetLinesPerSecond() != want || got[0].GetBytesPerSecond() != 50*want || got[0].GetLogger() != "store" || got[0].GetLevel() != -4 {
			t.Fatalf("after %d s: %v, want %v lines/s", second, got, want)
		}
		if len(r.taken) > 8 {
			t.Fatalf("%d counts are kept", len(r.taken))
		}
	}
	if got := r.over(began.Add(300*time.Second), []level.Suppressed{{Logger: "store", Lines: lines + 5}}); got != nil {
		t.Errorf("after a long silence: %v", got)
	}
}

func TestTheHighestRatesAreTold(t *testing.T) {
	t.Parallel()
	var r rates
	var all []level.Suppressed
	for i := range 3 * maxRates {
		all = append(all, level.Suppressed{Logger: fmt.Sprintf("l%d", i)})
	}
	r.over(time.Now(), all)
	for i := range all {
		all[i].Lines = uint64(i)
	}
	got := r.over(time.Now().Add(shortest), all)
	if len(got) != maxRates || got[0].GetLogger() != fmt.Sprintf("l%d", len(all)-1) {
		t.Errorf("%d rates are told", len(got))
	}
}
