package spool

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// written is a full segment of about 64 KiB, as a clean stop leaves it, and where its frames end.
func written(t testing.TB) (segment []byte, ends []int, records int) {
	t.Helper()
	for seq := 1; len(segment) < 64<<10; seq++ {
		f := frame(fmt.Sprintf("record %d %s", seq, strings.Repeat("x", seq*7%400)))
		seal(f, place{uint64(seq), uint64(seq)}, crc32.Checksum(f[HeaderSize:], castagnoli))
		segment = append(segment, f...)
		ends = append(ends, len(segment))
		records = seq
	}
	segment = append(segment, ending(place{uint64(records + 1), uint64(records + 1)})...)
	return segment, append(ends, len(segment)), records
}

func wholeFrames(ends []int, off int) (n int) {
	for n < len(ends) && ends[n] <= off {
		n++
	}
	return n
}

// TestL7_EveryByte truncates a segment of 64 KiB at every byte, and flips a bit in every byte: the loss is
// exactly the frames that were touched, and it is known exactly.
func TestL7_EveryByte(t *testing.T) {
	t.Parallel()
	whole, ends, records := written(t)
	beyond := place{uint64(records + 1), uint64(records + 1)}
	start, cases := time.Now(), 0
	for off := range whole {
		kept := min(wholeFrames(ends, off), records)
		read, lost, places := survey(whole[:off], beyond)
		if read != kept || lost != records-kept || (places == 1) != (kept < records || off > ends[records-1]) {
			t.Fatalf("cut at %d: %d records, %d lost at %d places; want %d and %d", off, read, lost, places, kept, records-kept)
		}
		whole[off] ^= 1 << (off % 8)
		want := min(1, records-kept) // the end of the segment is no record
		read, lost, places = survey(whole, beyond)
		whole[off] ^= 1 << (off % 8)
		if read != records-want || lost != want || places != 1 {
			t.Fatalf("flipped at %d: %d records, %d lost at %d places; want %d lost", off, read, lost, places, want)
		}
		cases += 2
	}
	t.Logf("METRIC damage_cases=%d limit=130000 (%.1f s, %d records)", cases, time.Since(start).Seconds(), records)
}

// survey reads a segment as the reader does, in memory.
func survey(b []byte, beyond place) (read, lost, places int) {
	w := walk{}
	w.over(b, true, math.MaxInt, math.MaxInt, func(Record) { read++ })
	w.finish(beyond)
	for _, h := range w.harms {
		lost += int(h.lost)
	}
	return read, lost, len(w.harms)
}

// TestL7_Start takes a sample of the same through a start, an adoption and the shipping; of runs that were
// closed and of those that were killed, which nobody knows the end of.
func TestL7_Start(t *testing.T) {
	t.Parallel()
	whole, ends, records := written(t)
	dir := memoryDir(t)
	slowest := time.Duration(0)
	for off := 0; off < len(whole); off += 661 {
		for _, closed := range []bool{true, false} {
			kept := min(wholeFrames(ends, off), records)
			lost := records - kept
			if !closed && (off == 0 || kept > 0 && off == ends[kept-1]) {
				lost = 0 // cut between two frames: only the heartbeats know of more
			} else if !closed {
				lost = min(1, lost)
			}
			began := time.Now()
			started(t, dir, whole[:off], closed, kept, lost)
			slowest = max(slowest, time.Since(began))
			flipped := bytes.Clone(whole)
			flipped[off] ^= 1 << (off % 8)
			hit := min(1, records-kept)
			started(t, dir, flipped, closed, records-hit, hit)
		}
	}
	t.Logf("METRIC slowest_start_on_damage_ms=%d limit=1000", slowest.Milliseconds())
}

// started starts on an epoch with one segment of the given content, ships it, and looks at what is known.
func started(t *testing.T, dir string, content []byte, closed bool, kept, lost int) {
	t.Helper()
	const name = "01930000-0000-7000-8000-000000000001"
	epoch := filepath.Join(dir, name)
	if err := os.MkdirAll(epoch, 0o700); err != nil {
		t.Fatal(err)
	}
	segment := segmentName(Info, place{1, 1})
	if err := os.WriteFile(filepath.Join(epoch, segment), content, 0o600); err != nil {
		t.Fatal(err)
	}
	if closed {
		n := uint64(kept + lost)
		if err := writeJSON(filepath.Join(epoch, closedName), final{Issued: map[string]uint64{"info": n}, Written: map[string]uint64{"info": n}}); err != nil {
			t.Fatal(err)
		}
	}
	s, err := Open(Settings{Dir: dir, Service: "catalogs", Instance: "catalogs-1"})
	if err != nil {
		t.Fatal(err)
	}
	defer s.discard()
	defer s.flusher.close(context.Background())
	epochs := s.Adopt()
	if len(epochs) != 1 {
		t.Fatalf("%d epochs adopted", len(epochs))
	}
	q := epochs[0].Queues[Info]
	if q.State().Issued != uint64(kept+lost) || q.State().Pending != kept+lost {
		t.Fatalf("%d bytes: %+v, want %d issued", len(content), q.State(), kept+lost)
	}
	records := drained(t, q)
	counted := sum(t, s.metrics.dropped, "info", ReasonDamaged)
	if len(records) != kept || counted != lost || q.State().Pending != 0 || s.space.used.Load() != 0 {
		t.Fatalf("%d bytes: %d records, %d lost, %+v; want %d and %d", len(content), len(records), counted, q.State(), kept, lost)
	}
	told := uint64(0)
	s.Report(func(l Loss) bool { told += l.Records; return l.Epoch == name && l.Reason == ReasonDamaged })
	if told != uint64(lost) {
		t.Fatalf("%d bytes: %d told of %d lost", len(content), told, lost)
	}
	if err := epochs[0].Remove(); err != nil {
		t.Fatal(err)
	}
}

// TestQuarantineHasTheBytes: what was damaged lies there with its place and the reason, once.
func TestQuarantineHasTheBytes(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{})
	for i := range 10 {
		s.Append(Warn, frame(fmt.Sprintf("record %d", i)))
	}
	q := s.Current().Queues[Warn]
	f, err := os.OpenFile(q.last().path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteAt([]byte("RECORD"), 4*36+HeaderSize); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	for range 3 { // given back, and met again
		_, _ = q.Next(context.Background(), 100)
		q.Release()
	}
	if got := drained(t, q); len(got) != 9 || sum(t, s.metrics.damaged) != 1 {
		t.Errorf("%d records, %d places", len(got), sum(t, s.metrics.damaged))
	}
	files, err := os.ReadDir(filepath.Join(s.settings.Dir, quarantineName))
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	var kept damage
	text, _ := os.ReadFile(filepath.Join(s.settings.Dir, quarantineName, files[0].Name()))
	if err := json.Unmarshal(text, &kept); err != nil {
		t.Fatal(err)
	}
	if kept.Offset != 4*36 || kept.Size != 36 || kept.Records != 1 || kept.From != 5 || kept.To != 5 || kept.Reason != whyChecksum ||
		!bytes.HasSuffix(kept.Bytes, []byte("RECORD 4")) || kept.Epoch != s.Current().Epoch {
		t.Errorf("%+v", kept)
	}
}

func TestQuarantineIsBounded(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{})
	for i := range quarantineFiles {
		if err := s.SetAside(fmt.Sprint(i), i); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.SetAside("more", 1); !errors.Is(err, ErrQuarantineFull) {
		t.Errorf("one more: %v", err)
	}
	large := opened(t, Settings{})
	if err := large.SetAside("large", make([]byte, quarantineBytes)); !errors.Is(err, ErrQuarantineFull) {
		t.Errorf("a large one: %v", err)
	}
}

// A batch that was refused, and whose acknowledgement a crash has cost, is set aside again.
func TestWhatIsSetAsideAgainCountsOnce(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{})
	for range 3 {
		if err := s.SetAside("again.json", "x"); err != nil {
			t.Fatal(err)
		}
	}
	if q := &s.quarantine; q.files != 1 || q.bytes != int64(len(`"x"`)) {
		t.Errorf("%d files, %d bytes", q.files, q.bytes)
	}
}

// TestDamageAmongManyChunks: a segment larger than what is read at once, damaged in its middle; in one place
// by more than that.
func TestDamageAmongManyChunks(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{})
	payload := string(bytes.Repeat([]byte("x"), 1000))
	const records, size = 3500, 1000 + HeaderSize
	for range records {
		s.Append(Info, frame(payload))
	}
	f, err := os.OpenFile(s.Current().Queues[Info].last().path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for frame := 500; frame < 2000; frame += 500 {
		if _, err := f.WriteAt([]byte{0xff, 0xff, 0xff}, int64(frame*size+4)); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := f.WriteAt(make([]byte, 1200*size), 2000*size); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	got := drained(t, s.Current().Queues[Info])
	if lost := sum(t, s.metrics.dropped, ReasonDamaged); len(got) != records-1203 || sum(t, s.metrics.damaged) != 4 || lost != 1203 {
		t.Errorf("%d records, %d lost at %d places", len(got), lost, sum(t, s.metrics.damaged))
	}
	if state := s.Current().Queues[Info].State(); state.Pending != 0 {
		t.Errorf("%+v", state)
	}
}

// rotten is a disk with one page that cannot be read.
type rotten struct {
	osDisk
	page int64
}

type rottenFile struct {
	io.ReaderAt
	page int64
}

func (d rotten) Open(path string) (io.ReaderAt, error) {
	f, err := d.osDisk.Open(path)
	return rottenFile{f, d.page}, err
}

func (f rottenFile) ReadAt(b []byte, off int64) (int, error) {
	if off < f.page+4096 && off+int64(len(b)) > f.page {
		return 0, errors.New("medium error")
	}
	return f.ReaderAt.ReadAt(b, off)
}

// TestUnreadablePage costs what lies on it.
func TestUnreadablePage(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{Disk: rotten{page: 40 << 10}})
	for i := range 1000 {
		s.Append(Info, frame(fmt.Sprintf("%0100d", i)))
	}
	got := drained(t, s.Current().Queues[Info])
	if lost := sum(t, s.metrics.dropped, ReasonDamaged); len(got)+lost != 1000 || lost < 4096/128 || lost > 4096/128+2 {
		t.Errorf("%d records, %d lost", len(got), lost)
	}
}

// TestSegmentIsGone: somebody removed a file; its records are lost, and counted.
func TestSegmentIsGone(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{SegmentBytes: 4 << 10})
	for i := range 100 {
		s.Append(Info, frame(fmt.Sprintf("%0100d", i)))
	}
	q := s.Current().Queues[Info]
	missing := q.segments[1].records
	if err := os.Remove(q.segments[1].path); err != nil {
		t.Fatal(err)
	}
	if got := drained(t, q); len(got) != 100-missing || sum(t, s.metrics.dropped, ReasonDamaged) != missing {
		t.Errorf("%d records, %d counted of %d missing", len(got), sum(t, s.metrics.dropped, ReasonDamaged), missing)
	}
}

func FuzzNext(f *testing.F) {
	sound := frame("hello")
	seal(sound, place{1, 1}, crc32.Checksum([]byte("hello"), castagnoli))
	f.Add(sound)
	f.Add(ending(place{2, 2}))
	f.Add([]byte{0xF5, 'S', 'c', 0xF7, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		w := walk{}
		w.over(b, true, math.MaxInt, math.MaxInt, func(Record) {})
		if w.at != int64(len(b)) {
			t.Fatalf("%d read of %d", w.at, len(b))
		}
		w.finish(place{})
		for _, h := range w.harms {
			if h.size <= 0 && h.why != whyMissing {
				t.Fatalf("%+v", h)
			}
		}
	})
}
