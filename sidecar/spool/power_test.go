package spool

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/seed"
)

// TestL2_PowerCut: of a steady stream, a power cut takes no error and no audit record whose call returned, and
// of the others those of the last 50 ms. The clock is the bubble's, so that this is exact: what the machine
// needs for a sync comes on top.
func TestL2_PowerCut(t *testing.T) {
	t.Parallel()
	r := seed.New(t)
	worst := time.Duration(0)
	for range seed.Runs(20, 1000) {
		dir, choice := memoryDir(t), seed.Derive(r)
		synctest.Test(t, func(t *testing.T) {
			disk := newModelDisk(choice)
			s := opened(t, Settings{Dir: dir, Disk: disk, SegmentBytes: 4 << 10})
			var infos []time.Time
			errors := 0
			for end := time.Now().Add(time.Duration(1+choice.IntN(300)) * time.Millisecond); time.Now().Before(end); <-time.After(time.Millisecond) {
				for range 1 + choice.IntN(3) {
					s.Append(Info, frame(fmt.Sprintf("%d %s", len(infos), strings.Repeat("x", choice.IntN(300)))))
					infos = append(infos, time.Now())
				}
				if choice.IntN(10) == 0 {
					s.Append(Error, frame(fmt.Sprint(errors)))
					errors++
				}
			}
			cut := time.Now()
			disk.stop()
			_ = s.flusher.close(context.Background())
			s.release()
			disk.powerCut(true)

			found := map[int]bool{}
			after := opened(t, Settings{Dir: dir})
			for _, e := range after.Adopt() {
				for _, rec := range drained(t, e.Queues[Info]) {
					number, _, _ := strings.Cut(string(rec.Line), " ")
					n, _ := strconv.Atoi(number)
					found[n] = true
				}
				errors -= len(drained(t, e.Queues[Error]))
			}
			if errors != 0 {
				t.Errorf("%d errors are lost", errors)
			}
			for n, at := range infos {
				if !found[n] {
					worst = max(worst, cut.Sub(at))
				}
			}
			if err := after.Close(context.Background()); err != nil {
				t.Error(err)
			}
			s.closing.Do(func() {}) // it is gone
		})
	}
	t.Logf("METRIC lost_in_power_cut_ms=%d limit=50", worst.Milliseconds())
	if worst > 50*time.Millisecond || worst == 0 {
		t.Errorf("a record %s old is lost", worst)
	}
}
