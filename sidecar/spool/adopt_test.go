package spool

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// short is a disk for a process that has no descriptor left, some times.
type short struct {
	osDisk
	times atomic.Int32
}

func (d *short) ReadFile(path string) ([]byte, error) {
	if d.times.Add(-1) >= 0 {
		return nil, unix.EMFILE
	}
	return d.osDisk.ReadFile(path)
}

// ReadFile gives what lies before the bad page, as the operating system does.
func (d rotten) ReadFile(path string) ([]byte, error) {
	b, err := d.osDisk.ReadFile(path)
	if err == nil && int64(len(b)) > d.page {
		return b[:d.page], errors.New("medium error")
	}
	return b, err
}

// leftBehind is a folder in which an epoch with n records lies.
func leftBehind(t *testing.T, n int) (dir string) {
	t.Helper()
	dir = instanceDir(t)
	s := opened(t, Settings{Dir: dir})
	for i := range n {
		s.Append(Info, frame(fmt.Sprintf("%0100d", i)))
	}
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestAdoptionThatCannotReadIsTriedAgain: for want of a descriptor nothing is taken for lost, or removed.
func TestAdoptionThatCannotReadIsTriedAgain(t *testing.T) {
	t.Parallel()
	disk := &short{}
	s := opened(t, Settings{Dir: leftBehind(t, 10), Disk: disk})
	disk.times.Store(1)
	if e := s.Adopt(); len(e) != 0 {
		t.Errorf("%d adopted, with %d records", len(e), e[0].Queues[Info].State().Pending)
	}
	if n := s.space.used.Load(); n != 0 {
		t.Errorf("%d bytes in the books", n)
	}
	e := s.Adopt()
	if len(e) != 1 {
		t.Fatalf("%d adopted", len(e))
	}
	if r := drained(t, e[0].Queues[Info]); len(r) != 10 {
		t.Errorf("%d records", len(r))
	}
	if err := e[0].Remove(); err != nil {
		t.Error(err)
	}
}

// TestAdoptedUnreadablePage costs what lies on it, and not what lies behind.
func TestAdoptedUnreadablePage(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{Dir: leftBehind(t, 1000), Disk: rotten{page: 40 << 10}})
	e := s.Adopt()
	if len(e) != 1 {
		t.Fatalf("%d adopted", len(e))
	}
	got := drained(t, e[0].Queues[Info])
	if lost := sum(t, s.metrics.dropped, ReasonDamaged); len(got)+lost != 1000 || lost < 4096/128 || lost > 4096/128+2 {
		t.Errorf("%d records, %d lost", len(got), lost)
	}
}
