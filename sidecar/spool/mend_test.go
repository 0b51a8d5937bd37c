package spool

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/seed"
)

// TestAFailedSyncIsMended: a disk says once that it could not write, and takes the pages for written from then on; some
// forget them at once. Nothing that was written is lost in a power cut, and the callers that had to be let go are counted.
func TestAFailedSyncIsMended(t *testing.T) {
	t.Parallel()
	for _, zeroed := range []bool{false, true} {
		t.Run(fmt.Sprintf("zeroed=%v", zeroed), func(t *testing.T) {
			t.Parallel()
			dir, choice := memoryDir(t), seed.New(t)
			synctest.Test(t, func(t *testing.T) {
				disk := newModelDisk(choice)
				disk.zeroed = zeroed
				s := opened(t, Settings{Dir: dir, Disk: disk, SegmentBytes: 4 << 10})
				written := 0
				for round := range 20 {
					if round%4 == 1 {
						disk.mu.Lock()
						disk.unsound = 1 + choice.IntN(3)
						disk.mu.Unlock()
					}
					for range 1 + choice.IntN(30) {
						s.Append(Class(choice.IntN(4)), frame(fmt.Sprintf("%d %s", written, strings.Repeat("x", choice.IntN(300)))))
						written++
					}
					<-time.After(time.Duration(choice.IntN(60)) * time.Millisecond)
				}
				<-time.After(50*time.Millisecond + 2*retryEvery)
				if sum(t, s.metrics.failures, "sync") == 0 {
					t.Error("no sync has failed")
				}
				disk.stop()
				_ = s.flusher.close(context.Background())
				s.release()
				disk.powerCut(true)

				after := opened(t, Settings{Dir: dir})
				found := 0
				for _, e := range after.Adopt() {
					for _, q := range e.Queues {
						found += len(drained(t, q))
					}
				}
				if damaged := sum(t, after.metrics.damaged); found != written || damaged != 0 {
					t.Errorf("%d of %d are left, %d damaged places", found, written, damaged)
				}
				if err := after.Close(context.Background()); err != nil {
					t.Error(err)
				}
				s.closing.Do(func() {}) // it is gone
			})
		})
	}
}

// TestAFailedSyncOfTooMuch: what was neither kept nor can be read back is a loss with its cause and its number.
func TestAFailedSyncOfTooMuch(t *testing.T) {
	t.Parallel()
	dir, choice := memoryDir(t), seed.New(t)
	synctest.Test(t, func(t *testing.T) {
		disk := newModelDisk(choice)
		disk.zeroed = true
		s := opened(t, Settings{Dir: dir, Disk: disk, SegmentBytes: 4 << 20})
		s.Append(Info, frame("durable"))
		<-time.After(50 * time.Millisecond)
		synctest.Wait()
		disk.mu.Lock()
		disk.unsound = 1
		disk.mu.Unlock()
		const much = 300
		for range much {
			s.Append(Info, frame(strings.Repeat("x", 5000)))
		}
		<-time.After(50*time.Millisecond + retryEvery)
		synctest.Wait()
		s.Append(Info, frame("afterwards"))
		got := drained(t, s.Current().Queues[Info])
		if len(got) != 2 || got[0].Seq != 1 || got[1].Seq != much+2 {
			t.Errorf("%d records", len(got))
		}
		if n := sum(t, s.metrics.dropped, ReasonDamaged); n != much {
			t.Errorf("%d counted as lost", n)
		}
		if all := s.losses.list(); len(all) != 1 || all[0].From != 2 || all[0].To != much+1 || all[0].Records != much {
			t.Errorf("told: %+v", all)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestABrokenDiskTakesNoMore: on a disk that makes nothing durable for minutes neither files stay open nor does what was
// written stay in memory. Everything is shipped all the same.
func TestABrokenDiskTakesNoMore(t *testing.T) {
	t.Parallel()
	dir, choice := memoryDir(t), seed.New(t)
	synctest.Test(t, func(t *testing.T) {
		disk := newModelDisk(choice)
		disk.unsound = 1 << 40
		s := opened(t, Settings{Dir: dir, Disk: disk, SegmentBytes: 1 << 20})
		q := s.Current().Queues[Info]
		const rounds, each = 40, 800 << 10
		for range rounds {
			s.Append(Info, frame(strings.Repeat("x", each)))
			<-time.After(retryEvery)
			synctest.Wait()
		}
		q.mu.Lock()
		kept, retired := 0, len(q.retired)
		for _, f := range q.retired {
			kept += f.tail.size
		}
		q.mu.Unlock()
		disk.mu.Lock()
		open := disk.open
		disk.unsound = 0
		disk.mu.Unlock()
		if retired < rounds/2 {
			t.Errorf("only %d segments wait to be mended", retired)
		}
		if open > 2*len(s.Current().Queues) {
			t.Errorf("%d files are open", open)
		}
		if kept > tailsBytes+tailBytes {
			t.Errorf("%d bytes are kept of what is on the disk, or is not", kept)
		}
		if got := drained(t, q); len(got) != rounds {
			t.Errorf("%d of %d records were shipped", len(got), rounds)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}

// TestAnErrorIsNotTakenForDurable: its caller goes on after its patience, and that is counted.
func TestAnErrorIsNotTakenForDurable(t *testing.T) {
	t.Parallel()
	dir, choice := memoryDir(t), seed.New(t)
	synctest.Test(t, func(t *testing.T) {
		disk := newModelDisk(choice)
		s := opened(t, Settings{Dir: dir, Disk: disk})
		disk.unsound = 2 // of the segment, and of the one that is to replace it
		s.Append(Error, frame("x"))
		if n := sum(t, s.metrics.late); n != 1 {
			t.Errorf("%d counted as late", n)
		}
		<-time.After(2 * retryEvery)
		s.Append(Error, frame("y"))
		if n := sum(t, s.metrics.late); n != 1 {
			t.Errorf("%d counted as late after the disk has mended", n)
		}
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
}
