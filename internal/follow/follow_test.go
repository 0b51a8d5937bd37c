package follow

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// bed is a log and what was read of it by several runs.
type bed struct {
	t    *testing.T
	dir  string
	path string

	mu   sync.Mutex
	got  []string
	told []string
	stop func() error // of the run under way
}

func newBed(t *testing.T) *bed {
	dir := t.TempDir()
	return &bed{t: t, dir: dir, path: filepath.Join(dir, "shop.log")}
}

func (b *bed) settings(follow bool) Settings {
	return Settings{Path: b.path, Cursor: filepath.Join(b.dir, "state", "shop.cursor"), Follow: follow,
		Emit: func(r foreign.Record) {
			b.mu.Lock()
			defer b.mu.Unlock()
			b.got = append(b.got, r.Message)
		},
		Tell: func(level slog.Level, what string, _ ...slog.Attr) {
			b.mu.Lock()
			defer b.mu.Unlock()
			if level >= slog.LevelWarn {
				b.told = append(b.told, what)
			}
		}}
}

func (b *bed) once() {
	b.t.Helper()
	f, err := Open(b.settings(false))
	if err == nil {
		err = f.Run(b.t.Context())
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) start() {
	b.t.Helper()
	f, err := Open(b.settings(true))
	if err != nil {
		b.t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(b.t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.Run(ctx) }()
	b.stop = func() error { cancel(); return <-ended }
	b.t.Cleanup(cancel)
}

func (b *bed) end() {
	b.t.Helper()
	if err := b.stop(); err != nil {
		b.t.Fatal(err)
	}
}

// write appends lines to a file, which is made if it is missing.
func (b *bed) write(path, text string) {
	b.t.Helper()
	f, err := os.OpenFile(path, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err == nil {
		_, err = f.WriteString(text)
	}
	if err == nil {
		err = f.Close()
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func lines(from, to int) string {
	var s strings.Builder
	for i := from; i <= to; i++ {
		fmt.Fprintf(&s, "line %d\n", i)
	}
	return s.String()
}

func (b *bed) rename(from, to string) {
	b.t.Helper()
	if err := os.Rename(from, to); err != nil {
		b.t.Fatal(err)
	}
}

// copytruncate is what logrotate's option of that name does.
func (b *bed) copytruncate(to string) {
	b.t.Helper()
	text, err := os.ReadFile(b.path)
	if err == nil {
		err = os.WriteFile(to, text, 0o600)
	}
	if err == nil {
		err = os.Truncate(b.path, 0)
	}
	if err != nil {
		b.t.Fatal(err)
	}
}

func (b *bed) count() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.got)
}

// has waits until n lines have come, and sees that they are those from 1 to n, each once.
func (b *bed) has(n int) {
	b.t.Helper()
	wait.For(b.t, 20*time.Second, fmt.Sprintf("%d lines", n), func() bool { return b.count() >= n })
	b.mu.Lock()
	defer b.mu.Unlock()
	if got, want := strings.Join(b.got, "\n")+"\n", lines(1, n); got != want {
		b.t.Fatalf("%d lines came, %d were written:\n%.2000s", len(b.got), n, got)
	}
}

func TestOnceAndAgain(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.write(b.path, lines(1, 3)+"line 4") // no end
	b.once()
	b.has(4)
	b.once()
	b.has(4)
	b.write(b.path, "\n"+lines(5, 6))
	b.once()
	b.has(6)
	s := b.settings(false)
	s.Again = true
	f, err := Open(s)
	if err == nil {
		err = f.Run(t.Context())
	}
	if err != nil || b.count() != 12 {
		t.Errorf("again: %v, %d lines", err, b.count())
	}
}

func TestFromTheEnd(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.write(b.path, "before\n")
	for range 2 { // the place of the first run holds for the second
		s := b.settings(false)
		s.AtEnd = true
		f, err := Open(s)
		if err == nil {
			err = f.Run(t.Context())
		}
		if err != nil || b.count() != 0 {
			t.Fatalf("%v, %q", err, b.got)
		}
	}
	b.write(b.path, lines(1, 1))
	b.once()
	b.has(1)
}

func TestFollowsThroughRotation(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.start() // before there is a file
	b.write(b.path, lines(1, 2))
	b.has(2)
	b.rename(b.path, b.path+".1")
	b.write(b.path+".1", lines(3, 4)) // the program has it open still
	b.has(4)
	b.write(b.path, lines(5, 6))
	b.has(6)
	b.copytruncate(b.path + ".2")
	b.write(b.path, lines(7, 8))
	b.has(8)
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	b.write(b.path, lines(9, 10))
	b.has(10)
	b.write(b.path, "line 11")
	b.end() // in the middle of a line
	b.has(10)
	b.start()
	b.write(b.path, "\n")
	b.has(11)
	b.end()
	if len(b.told) != 0 {
		t.Errorf("told: %q", b.told)
	}
}

// What happened while nobody read is found afterwards.
func TestResumesAfterRotation(t *testing.T) {
	t.Parallel()
	for name, rotate := range map[string]func(b *bed){
		"renamed": func(b *bed) {
			b.write(b.path, lines(4, 5))
			b.rename(b.path, b.path+".1")
			b.write(b.path, lines(6, 8))
		},
		"renamed twice": func(b *bed) {
			b.write(b.path, lines(4, 5))
			b.rename(b.path, b.path+"-20261120")
			b.write(b.path, lines(6, 7))
			later := time.Now().Add(time.Second)
			b.rename(b.path, b.path+"-20261121")
			if err := os.Chtimes(b.path+"-20261121", later, later); err != nil {
				b.t.Fatal(err)
			}
			b.write(b.path, lines(8, 8))
		},
		"copied and truncated": func(b *bed) {
			b.write(b.path, lines(4, 5))
			b.copytruncate(b.path + ".1")
			b.write(b.path, lines(6, 8))
		},
		"grown": func(b *bed) { b.write(b.path, lines(4, 8)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			b := newBed(t)
			b.write(b.path, lines(1, 3))
			b.once()
			rotate(b)
			b.start()
			b.has(8)
			b.end()
			if len(b.told) != 0 {
				t.Errorf("told: %q", b.told)
			}
		})
	}
}

// What cannot be found is told.
func TestTellsWhatMayBeLost(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.write(b.path, "unread "+strings.Repeat("x", 100)+"\n")
	b.once()
	if err := os.Remove(b.path); err != nil {
		t.Fatal(err)
	}
	b.write(b.path, "another file\n")
	b.once()
	if b.count() != 2 || len(b.told) != 1 || !strings.Contains(b.told[0], "gone") {
		t.Errorf("%q, told %q", b.got, b.told)
	}
}

// One reader a file and service; a damaged cursor is none; a half-written slot leaves the other.
func TestCursor(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "c")
	c, at, err := openCursor(path)
	if err != nil || at.known() {
		t.Fatalf("%+v, %v", at, err)
	}
	if _, _, err := openCursor(path); err == nil || !strings.Contains(err.Error(), "another") {
		t.Errorf("a second reader: %v", err)
	}
	for i := range 3 {
		if err := c.save(place{inode: 7, offset: int64(i) * 100, headSize: 3, headHash: 9}); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	for i := range whole {
		torn := append([]byte{}, whole...)
		torn[i] ^= 0xff
		if err := os.WriteFile(path, torn, 0o600); err != nil {
			t.Fatal(err)
		}
		c, at, err := openCursor(path)
		if err != nil || at.inode != 7 || at.offset != 200 && at.offset != 100 {
			t.Fatalf("byte %d flipped: %+v, %v", i, at, err)
		}
		if err := c.close(); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRefusesWhatIsNoLog(t *testing.T) {
	t.Parallel()
	b := newBed(t)
	b.write(b.path, "\x1f\x8b\x08\x00 and so on")
	if _, err := Open(b.settings(false)); err == nil || !strings.Contains(err.Error(), "zcat") {
		t.Errorf("a compressed file: %v", err)
	}
	s := b.settings(false)
	s.Path = b.dir
	if _, err := Open(s); err == nil || !strings.Contains(err.Error(), "regular") {
		t.Errorf("a folder: %v", err)
	}
	s.Path = b.path + ".none"
	if _, err := Open(s); err == nil {
		t.Error("a file that is not there")
	}
}
