package spool

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/smalldisk"
)

// TestL6_SmallDisk fills a real file system: nothing breaks, every drop is counted, errors take the room of
// what is of less worth, what is shipped is still deleted, and it goes on as soon as there is room.
func TestL6_SmallDisk(t *testing.T) {
	smalldisk.Run(t, 8<<20, func(t *testing.T, disk string) {
		s := opened(t, Settings{Dir: filepath.Join(disk, "catalogs", "catalogs-1"), SegmentBytes: 256 << 10})
		payload := bytes.Repeat([]byte("x"), 400)
		slowest := time.Duration(0)
		write := func(n int, classes ...Class) (kept int) {
			for range n {
				for _, c := range classes {
					began := time.Now()
					if s.Append(c, append(make([]byte, HeaderSize), payload...)) {
						kept++
					}
					if c != Error {
						slowest = max(slowest, time.Since(began))
					}
				}
			}
			return kept
		}
		if n := write(2000, Debug, Info, Warn); n != 6000 {
			t.Fatalf("%d kept before the disk is full", n)
		}
		filler := smalldisk.Fill(t, disk, "filler")
		if n := write(500, Error); n != 500 {
			t.Errorf("%d of 500 errors kept on a full disk", n)
		}
		if sum(t, s.metrics.dropped, "debug", ReasonShed) == 0 || sum(t, s.metrics.dropped, "warn", ReasonShed) > 0 {
			t.Errorf("shed: %d debug, %d warn", sum(t, s.metrics.dropped, "debug", ReasonShed), sum(t, s.metrics.dropped, "warn", ReasonShed))
		}
		smalldisk.Fill(t, disk, "filler-2")
		write(2000, Debug, Info)
		if sum(t, s.metrics.dropped, ReasonNoSpace) == 0 {
			t.Error("the disk was not full: the test shows nothing")
		}

		stored := map[Class]int{Warn: len(drained(t, s.Current().Queues[Warn]))}
		if free := smalldisk.Free(t, disk); free < 400<<10 {
			t.Errorf("%d bytes free after 2000 records were shipped on a full disk", free)
		}
		smalldisk.Fill(t, disk, "filler-3")
		write(1000, Debug) // until there is no room within the last page either
		other := opened(t, Settings{Dir: filepath.Join(disk, "catalogs", "catalogs-2")})
		if other.Append(Info, frame("too early")) {
			t.Error("a record is kept by a spool without a folder")
		}

		for _, f := range []string{filler, filepath.Join(disk, "filler-2"), filepath.Join(disk, "filler-3")} {
			if err := os.Remove(f); err != nil {
				t.Fatal(err)
			}
		}
		freed := time.Now()
		eventually(t, "a record is kept again", func() bool { return write(1, Debug) == 1 })
		t.Logf("METRIC resumed_after_enospc_ms=%d limit=2000", time.Since(freed).Milliseconds())
		eventually(t, "the spool that started on a full disk", func() bool { return other.Append(Info, frame("x")) })
		t.Logf("METRIC started_after_enospc_ms=%d limit=2000", time.Since(freed).Milliseconds())
		t.Logf("METRIC slowest_call_on_full_disk_us=%d limit=1000", slowest.Microseconds())

		for _, c := range Classes {
			q := s.Current().Queues[c]
			issued := q.State().Issued
			stored[c] += len(drained(t, q))
			if dropped := sum(t, s.metrics.dropped, c.String()); uint64(stored[c]+dropped) != issued {
				t.Errorf("%s: %d issued, %d stored, %d dropped", c, issued, stored[c], dropped)
			}
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
