package spool

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// TestL5_FullSpoolShedsTheLowestClass writes far more than fits, classes mixed, nobody shipping.
func TestL5_FullSpoolShedsTheLowestClass(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{LimitBytes: 1 << 20})
	payload := string(bytes.Repeat([]byte("x"), 300))
	const rounds = 2000
	for range rounds {
		for _, c := range []Class{Debug, Debug, Info, Info, Warn} {
			s.Append(c, frame(payload))
		}
	}
	const errors = 300
	for range errors {
		s.Append(Error, frame(payload))
	}
	if used := s.space.used.Load(); used > 1<<20 || used != onDisk(t, s.settings.Dir) {
		t.Errorf("%d bytes used in the books, %d on the disk", used, onDisk(t, s.settings.Dir))
	}
	kept := map[Class]int{}
	for _, c := range Classes {
		q := s.Current().Queues[c]
		issued := q.State().Issued
		records := drained(t, q)
		kept[c] = len(records)
		dropped := sum(t, s.metrics.dropped, c.String())
		if uint64(kept[c]+dropped) != issued {
			t.Errorf("%s: %d issued, %d kept, %d dropped", c, issued, kept[c], dropped)
		}
		for i := 1; i < len(records); i++ {
			if records[i].Seq <= records[i-1].Seq {
				t.Fatalf("%s: %d after %d", c, records[i].Seq, records[i-1].Seq)
			}
		}
	}
	if kept[Debug] > 64<<10/300 || kept[Error] != errors || kept[Warn] < rounds {
		t.Errorf("kept %v", kept)
	}
	s.Append(Debug, frame("fresh"))
	if r := drained(t, s.Current().Queues[Debug]); len(r) != 1 {
		t.Error("nothing fits after the store took all")
	}
}

func onDisk(t testing.TB, dir string) (total int64) {
	t.Helper()
	paths, _ := filepath.Glob(filepath.Join(dir, "*", "*.seg"))
	for _, p := range paths {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		total += info.Size()
	}
	return total
}

// TestBatchOnItsWayIsNotShed: what is counted as dropped must not be stored after all.
func TestBatchOnItsWayIsNotShed(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{LimitBytes: 128 << 10})
	q := s.Current().Queues[Info]
	payload := string(bytes.Repeat([]byte("x"), 300))
	for range 10 {
		s.Append(Info, frame(payload))
	}
	batch, err := q.Next(context.Background(), 10)
	if err != nil {
		t.Fatal(err)
	}
	for range 2000 {
		s.Append(Info, frame(payload))
	}
	q.Ack(batch[len(batch)-1].Seq)
	rest := drained(t, q)
	if got := len(batch) + len(rest) + sum(t, s.metrics.dropped); got != 2010 {
		t.Errorf("%d accounted for of 2010", got)
	}
}

// faulty is the operating system's disk, with faults switched on at will.
type faulty struct {
	osDisk
	fault atomic.Pointer[error]
	short bool // leave half of the bytes behind
}

type faultyFile struct {
	File
	disk *faulty
}

func (d *faulty) fail(err error) {
	if err == nil {
		d.fault.Store(nil)
		return
	}
	d.fault.Store(&err)
}

func (d *faulty) Create(path string) (File, error) {
	if err := d.fault.Load(); err != nil {
		return nil, *err
	}
	f, err := d.osDisk.Create(path)
	return faultyFile{f, d}, err
}

func (f faultyFile) WriteAt(b []byte, off int64) (int, error) {
	err := f.disk.fault.Load()
	if err == nil {
		return f.File.WriteAt(b, off)
	}
	n := 0
	if f.disk.short {
		n, _ = f.File.WriteAt(b[:len(b)/2], off)
	}
	return n, *err
}

func (f faultyFile) Truncate(size int64) error {
	if f.disk.short && f.disk.fault.Load() != nil {
		return unix.EIO
	}
	return f.File.Truncate(size)
}

func (f faultyFile) Sync() error {
	if err := f.disk.fault.Load(); err != nil {
		return *err
	}
	return f.File.Sync()
}

// TestL6_DiskFullAndFailing: no crash, exact counts, and it goes on as soon as the disk does.
func TestL6_DiskFullAndFailing(t *testing.T) {
	t.Parallel()
	for _, fault := range []error{unix.ENOSPC, unix.EIO} {
		for _, short := range []bool{false, true} {
			t.Run(fmt.Sprint(fault, short), func(t *testing.T) {
				t.Parallel()
				disk := &faulty{short: short}
				s := opened(t, Settings{Disk: disk})
				write := func(from, to int) {
					for i := from; i < to; i++ {
						s.Append(Class(i%4), frame(fmt.Sprintf("%0100d", i)))
					}
				}
				write(0, 40)
				disk.fail(fault)
				write(40, 80)
				disk.fail(nil)
				write(80, 120)
				dropped := sum(t, s.metrics.dropped)
				if fault == unix.ENOSPC { // an error gives up what is of less worth, and here in vain
					dropped -= sum(t, s.metrics.dropped, ReasonShed)
				}
				if n := sum(t, s.metrics.dropped, reasonOf(fault)); n != 40 || dropped != 40 {
					t.Errorf("%d counted as dropped, want 40", n)
				}
				for _, c := range Classes {
					got, shed := drained(t, s.Current().Queues[c]), sum(t, s.metrics.dropped, c.String(), ReasonShed)
					if len(got)+shed != 20 || c == Error && shed > 0 || shed == 0 && (got[9].Seq != 10 || got[10].Seq != 21) {
						t.Errorf("%s: %d records, %d shed", c, len(got), shed)
					}
				}
				if n := sum(t, s.metrics.damaged); n != 0 {
					t.Errorf("%d damaged places in what was written after the fault", n)
				}
			})
		}
	}
}

// TestFolderOnFullDisk: a start without its folder is not an error, and mends itself.
func TestFolderOnFullDisk(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{})
	if err := os.RemoveAll(s.current.dir); err != nil {
		t.Fatal(err)
	}
	s.current.ready.Store(false)
	_ = s.current.lock.Close()
	s.Append(Info, frame("lost"))
	eventually(t, "the folder", func() bool { return s.current.ready.Load() })
	s.Append(Info, frame("kept"))
	if r := drained(t, s.Current().Queues[Info]); len(r) != 1 || r[0].Seq != 2 {
		t.Errorf("records %v", r)
	}
	if n := sum(t, s.metrics.dropped, "info"); n != 1 {
		t.Errorf("%d counted as dropped", n)
	}
}
