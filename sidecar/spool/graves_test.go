package spool

import (
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// stuck is a disk that removes nothing until it is let go, or fails to.
type stuck struct {
	osDisk
	let   chan struct{}
	fails atomic.Bool
	asked atomic.Int64
}

func (d *stuck) Remove(path string) error {
	d.asked.Add(1)
	<-d.let
	if d.fails.Load() {
		return unix.EIO
	}
	return d.osDisk.Remove(path)
}

// TestNobodyWaitsForARemoval: while the disk removes nothing, records below Error are kept or counted as dropped, and no
// call waits (it would for ever). Then the books agree with the disk, and there is room again.
func TestNobodyWaitsForARemoval(t *testing.T) {
	t.Parallel()
	disk := &stuck{let: make(chan struct{})}
	s := opened(t, Settings{LimitBytes: 1 << 20, Disk: disk})
	payload := strings.Repeat("x", 300)
	const n = 12_000
	for i := range n {
		s.Append([]Class{Debug, Info, Warn}[i%3], frame(payload))
	}
	eventually(t, "a removal", func() bool { return disk.asked.Load() > 0 })
	if held := s.graves.held(); held == 0 || held > s.graves.room {
		t.Errorf("%d bytes wait to be removed, of %d", held, s.graves.room)
	}
	if total := s.space.used.Load() + s.graves.held(); total > 1<<20 || total != onDisk(t, s.settings.Dir) {
		t.Errorf("%d bytes in the books, %d on the disk, the limit is %d", total, onDisk(t, s.settings.Dir), 1<<20)
	}
	disk.fails.Store(true)
	close(disk.let)
	eventually(t, "the failure", func() bool { return sum(t, s.metrics.failures, "remove") > 0 })
	disk.fails.Store(false)
	eventually(t, "another try", func() bool { return s.graves.held() == 0 })
	if used := s.space.used.Load(); used != onDisk(t, s.settings.Dir) {
		t.Errorf("%d bytes in the books, %d on the disk", used, onDisk(t, s.settings.Dir))
	}
	if !s.Append(Warn, frame(payload)) {
		t.Error("there is no room after all was removed")
	}
	kept := 0
	for _, c := range Classes {
		kept += len(drained(t, s.Current().Queues[c]))
	}
	if dropped := sum(t, s.metrics.dropped); kept+dropped != n+1 {
		t.Errorf("%d kept and %d dropped, of %d", kept, dropped, n+1)
	}
}

// TestRoomThatOthersMakeCounts: on a full disk, who waits while others remove what was shed has the room that they make.
func TestRoomThatOthersMakeCounts(t *testing.T) {
	t.Parallel()
	let, removals := make(chan struct{}), make(chan string, 1)
	g := graves{remove: func(path string) error { removals <- path; <-let; return nil }, room: 100}
	g.add(grave{path: "a", size: 60})
	g.begin()
	<-removals
	got := make(chan int64, 1)
	go func() { got <- g.dig() }()
	eventually(t, "somebody who waits for the removal", func() bool {
		all := make([]byte, 1<<20)
		text := string(all[:runtime.Stack(all, true)])
		return slices.ContainsFunc(strings.Split(text, "\n\n"), func(one string) bool {
			return strings.Contains(one, "sync.(*Mutex).Lock") && strings.Contains(one, "TestRoomThatOthersMakeCounts")
		})
	})
	close(let)
	if freed := <-got; freed != 60 {
		t.Errorf("%d bytes were made room for", freed)
	}
	if freed := g.dig(); freed != 0 {
		t.Errorf("%d bytes more", freed)
	}
}

// TestLargeRecordsMakeRoomForEachOther: also where one is larger than the room that is set aside for what is removed; and
// the limit holds.
func TestLargeRecordsMakeRoomForEachOther(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{LimitBytes: 1 << 20})
	payload := strings.Repeat("x", 200<<10)
	for i := range 40 {
		if !s.Append(Info, frame(payload)) {
			t.Errorf("record %d is not kept", i)
		}
		if total := s.space.used.Load() + s.graves.held(); total > 1<<20 {
			t.Errorf("%d bytes after record %d, the limit is %d", total, i, 1<<20)
		}
	}
	if got := drained(t, s.Current().Queues[Info]); len(got) == 0 || got[len(got)-1].Seq != 40 {
		t.Errorf("%d records are left, the last is not the newest", len(got))
	}
}

// TestNothingGoesForWhatComesTooLate: a record that is refused, since the spool is sealed, costs none that was kept.
func TestNothingGoesForWhatComesTooLate(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{LimitBytes: 1 << 20})
	payload := strings.Repeat("x", 300)
	size := int64(len(frame(payload)))
	for s.space.used.Load()+size <= s.space.limit-s.space.limit/10 {
		s.Append(Info, frame(payload))
	}
	s.Current().Seal()
	if s.Append(Warn, frame(payload)) {
		t.Error("it is kept after the end")
	}
	if dropped, refused := sum(t, s.metrics.dropped), sum(t, s.metrics.dropped, ReasonClosed); dropped != 1 || refused != 1 {
		t.Errorf("%d records are dropped, %d of them because they came too late", dropped, refused)
	}
}
