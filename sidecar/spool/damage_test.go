package spool

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestL7_DamageCostsOneFrame truncates a segment, and flips a bit in it, at a sample of offsets.
func TestL7_DamageCostsOneFrame(t *testing.T) {
	t.Parallel()
	const records = 100
	template := instanceDir(t)
	first := opened(t, Settings{Dir: template})
	for i := range records {
		first.Append(Info, frame(fmt.Sprintf("record %d %s", i, bytes.Repeat([]byte("x"), i))))
	}
	_ = first.Close(context.Background())
	name := segmentName(Info, 1)
	whole, err := os.ReadFile(filepath.Join(first.current.dir, name))
	if err != nil {
		t.Fatal(err)
	}
	ends := frameEnds(whole)
	dir := instanceDir(t)
	epoch := filepath.Join(dir, first.Current().Epoch)
	for off := 0; off < len(whole); off += 37 {
		cut := damaged(t, dir, epoch, name, whole[:off])
		if want := wholeFrames(ends, off); len(cut) != want {
			t.Fatalf("cut at %d: %d records, want %d", off, len(cut), want)
		}
		flipped := bytes.Clone(whole)
		flipped[off] ^= 1 << (off % 8)
		hit := wholeFrames(ends, off) // the frame that the bit is in
		got := damaged(t, dir, epoch, name, flipped)
		if len(got) != records-1 {
			t.Fatalf("flipped at %d: %d records, want %d", off, len(got), records-1)
		}
		for _, r := range got {
			if r.Seq == uint64(hit+1) {
				t.Fatalf("flipped at %d: the damaged record came out", off)
			}
		}
	}
}

func frameEnds(b []byte) (ends []int) {
	for at := 0; at < len(b); {
		_, size := next(b[at:])
		at += size
		ends = append(ends, at)
	}
	return ends
}

func wholeFrames(ends []int, off int) (n int) {
	for n < len(ends) && ends[n] <= off {
		n++
	}
	return n
}

// damaged adopts an epoch with one segment of the given content.
func damaged(t *testing.T, dir, epoch, name string, content []byte) []Record {
	t.Helper()
	if err := os.MkdirAll(epoch, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(epoch, name), content, 0o600); err != nil {
		t.Fatal(err)
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
	records := drained(t, epochs[0].Queues[Info])
	if pending := epochs[0].Queues[Info].State().Pending; pending != 0 || s.space.used.Load() != 0 {
		t.Fatalf("%d records, %d bytes left in the books", pending, s.space.used.Load())
	}
	if err := epochs[0].Remove(); err != nil {
		t.Fatal(err)
	}
	return records
}

// TestDamageAmongManyChunks: a segment larger than what is read at once, damaged at its middle.
func TestDamageAmongManyChunks(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{})
	payload := string(bytes.Repeat([]byte("x"), 1000))
	const records = 3500
	for range records {
		s.Append(Info, frame(payload))
	}
	path := s.Current().Queues[Info].last().path
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	for frame := 500; frame < 3000; frame += 500 {
		if _, err := f.WriteAt([]byte{0xff, 0xff, 0xff}, int64(frame*1020+4)); err != nil {
			t.Fatal(err)
		}
	}
	_ = f.Close()
	if got := drained(t, s.Current().Queues[Info]); len(got) != records-5 || sum(t, s.metrics.damaged) != 5 {
		t.Errorf("%d records, %d damaged places", len(got), sum(t, s.metrics.damaged))
	}
}

func FuzzNext(f *testing.F) {
	sound := frame("hello")
	seal(sound, 1, 0)
	f.Add(sound)
	f.Add([]byte{0xF5, 'S', 'b', 0xF7, 0xff, 0xff, 0xff, 0xff})
	f.Fuzz(func(t *testing.T, b []byte) {
		for at := 0; at < len(b); {
			_, size := next(b[at:])
			if size == 0 {
				size = resync(b[at:])
			}
			if size < HeaderSize && at+size < len(b) && size <= 0 || at+size > len(b) {
				t.Fatalf("step of %d at %d of %d", size, at, len(b))
			}
			at += size
		}
	})
}
