package spool

import (
	"bytes"
	"cmp"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"
)

// TestL5_FullSpoolShedsTheLowestClass writes far more than fits, classes mixed, nobody shipping. Every record
// is stored or counted; the ranges that will be told are exactly the holes, one for each. It runs alone, as it takes times.
func TestL5_FullSpoolShedsTheLowestClass(t *testing.T) {
	s := opened(t, Settings{LimitBytes: 1 << 20})
	payload := string(bytes.Repeat([]byte("x"), 300))
	takeTimes(t, func(i int, f []byte) { s.Append([]Class{Debug, Debug, Info, Info, Warn}[i%5], f) }, payload)
	const errors = 100
	for range errors {
		s.Append(Error, frame(payload))
	}
	s.graves.dig()
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
		told, want := holesTold(s, c), holes(records, issued)
		if fmt.Sprint(told) != fmt.Sprint(want) {
			t.Errorf("%s: told %v, holes are %v", c, told, want)
		}
	}
	const segment = 64 << 10 / 300
	if kept[Debug] > segment || kept[Info] > segment || kept[Error] != errors || kept[Warn] < 2000 {
		t.Errorf("kept %v", kept)
	}
	s.Append(Debug, frame("fresh"))
	if r := drained(t, s.Current().Queues[Debug]); len(r) != 1 {
		t.Error("nothing fits after the store took all")
	}
}

// holes of a sequence that goes from 1 to issued.
func holes(records []Record, issued uint64) (all [][2]uint64) {
	last := uint64(0)
	for _, r := range append(records, Record{Seq: issued + 1}) {
		if r.Seq > last+1 {
			all = append(all, [2]uint64{last + 1, r.Seq - 1})
		}
		last = r.Seq
	}
	return all
}

func holesTold(s *Spool, c Class) (all [][2]uint64) {
	for _, x := range s.losses.all {
		if x.Class == c {
			all = append(all, [2]uint64{x.From, x.To})
		}
	}
	slices.SortFunc(all, func(a, b [2]uint64) int { return cmp.Compare(a[0], b[0]) })
	return all
}

// TestErrorsHaveAReserve: however much there is of all else, and however long it lies there.
func TestErrorsHaveAReserve(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{LimitBytes: 1 << 20})
	payload := string(bytes.Repeat([]byte("x"), 300))
	for range 10_000 {
		s.Append(Warn, frame(payload))
	}
	if used := s.space.used.Load(); used > 1<<20*9/10+1000 {
		t.Errorf("%d bytes are used by warnings", used)
	}
	warned := sum(t, s.metrics.dropped, "warn")
	for range 1 << 20 / 10 / 400 {
		s.Append(Error, frame(payload))
	}
	if sum(t, s.metrics.dropped, "error") != 0 || sum(t, s.metrics.dropped, "warn") != warned {
		t.Errorf("%d errors and %d warnings dropped for errors that fit the reserve", sum(t, s.metrics.dropped, "error"), sum(t, s.metrics.dropped, "warn")-warned)
	}
}

// TestLossesAreFewAndKept: many holes become few, cover what they covered, and outlive the process.
func TestLossesAreFewAndKept(t *testing.T) {
	t.Parallel()
	dir := instanceDir(t)
	s := opened(t, Settings{Dir: dir})
	for i := range uint64(10_000) {
		s.losses.add(Loss{Epoch: "e", Class: Info, From: 3*i + 1, To: 3*i + 2, Records: 2, Reason: ReasonIO}, false)
	}
	check := func(all []Loss) {
		t.Helper()
		records, last := uint64(0), uint64(0)
		for _, x := range all {
			records, last = records+x.Records, max(last, x.To)
		}
		if len(all) > mostLosses || len(all) == 0 || records != 20_000 || last != 29_999 {
			t.Errorf("%d losses, %d records, to %d", len(all), records, last)
		}
	}
	check(s.losses.all)
	if err := s.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	next := opened(t, Settings{Dir: dir})
	next.Adopt()
	check(next.losses.all)
	told := 0
	for range mostLosses {
		next.Report(func(Loss) bool { told++; return true })
	}
	if told == 0 || len(next.losses.all) != 0 {
		t.Errorf("%d told, %d left", told, len(next.losses.all))
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
	_ = s.current.lock.Close()
	s.current.lock = nil
	s.current.ready.Store(false)
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

// unsynced is a disk that fails, some times, to make the entries of one folder durable.
type unsynced struct {
	osDisk
	dir   string
	times atomic.Int32
}

func (d *unsynced) SyncDir(path string) error {
	if path == d.dir && d.times.Add(-1) >= 0 {
		return unix.EIO
	}
	return d.osDisk.SyncDir(path)
}

// TestAFolderOfUnsureNameIsHeld: a living run is nobody's to adopt, although the start could not make its folder's name
// durable; that is made good.
func TestAFolderOfUnsureNameIsHeld(t *testing.T) {
	t.Parallel()
	dir := instanceDir(t)
	disk := &unsynced{dir: dir}
	disk.times.Store(1)
	s := opened(t, Settings{Dir: dir, Disk: disk})
	s.Append(Info, frame("kept"))
	sibling := opened(t, Settings{Dir: filepath.Join(filepath.Dir(dir), "catalogs-2")})
	if taken := sibling.Adopt(); len(taken) != 0 {
		t.Errorf("the sibling has taken %s", taken[0].Epoch)
	}
	eventually(t, "the folder", func() bool { return s.current.ready.Load() })
	if r := drained(t, s.Current().Queues[Info]); len(r) != 1 {
		t.Errorf("records %v", r)
	}
}
