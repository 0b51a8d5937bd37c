package spool

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"time"
)

// maxCrash is what of a crash file is read: the cause and the stack of the goroutine at fault come first.
const maxCrash = 60 << 10

// CrashOutput has the runtime write what it says when the process dies (a panic, a fatal error, a
// deadlock) into a file in dir, besides standard error. The setting is the process's: its main calls this
// once, before anything else, with the spool folder of one of its instances (STATE/spool/<service>/<instance>);
// the next start of that service ships the text as one ERROR record. Call it again and only the last holds.
func CrashOutput(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("prepare crash output: %w", err)
	}
	name := fmt.Sprintf("crash-%d-%d.txt", os.Getpid(), time.Now().UnixNano())
	hidden := filepath.Join(dir, "."+name) // until it is locked, or a sibling would take it for a dead process's
	f, err := os.OpenFile(hidden, os.O_CREATE|os.O_EXCL|os.O_RDWR|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("prepare crash output: %w", err)
	}
	defer f.Close() // the runtime keeps a duplicate, and the lock with it
	if err := flock(f); err != nil {
		return fmt.Errorf("lock crash output: %w", err)
	}
	if err := os.Rename(hidden, filepath.Join(dir, name)); err != nil {
		return fmt.Errorf("name crash output: %w", err)
	}
	if err := debug.SetCrashOutput(f, debug.CrashOptions{}); err != nil {
		return fmt.Errorf("set crash output: %w", err)
	}
	return nil
}

// Crash is what a dead process left.
type Crash struct {
	Instance string // whose folder it was in
	At       time.Time
	Text     string // its beginning, 60 KiB at most
}

// Cause is one line that says why the process died. Of a panic it is the runtime's; the text of a fatal error
// the runtime writes to standard error alone, so that it is told from the stack.
func (c Crash) Cause() string {
	first := ""
	for line := range strings.Lines(c.Text) {
		line = strings.TrimSpace(line)
		if strings.HasPrefix(line, "panic: ") || strings.HasPrefix(line, "fatal error: ") {
			return line
		}
		if first == "" {
			first = line
		}
	}
	if strings.HasPrefix(first, "goroutine ") || first == "runtime stack:" {
		return "fatal error: " + c.fatal(first)
	}
	return first
}

// fatal tells the kinds of fatal errors apart. What comes first is the stack at fault, if there is one.
func (c Crash) fatal(header string) string {
	stack, _, _ := strings.Cut(strings.TrimSpace(c.Text), "\n\n")
	in := func(frames ...string) bool {
		return slices.ContainsFunc(frames, func(f string) bool { return strings.Contains(stack, f) })
	}
	switch {
	case strings.HasPrefix(header, "goroutine ") && !strings.Contains(header, "[running"):
		return "all goroutines are asleep - deadlock!"
	case in("runtime/maps.fatal(", "runtime.mapassign", "runtime.mapaccess", "runtime.mapdelete"):
		return "concurrent map access"
	case in("sync.fatal("):
		return "misuse of a lock"
	case in("runtime.newstack("):
		return "stack overflow"
	case in("runtime.(*mcache).", "runtime.(*mheap).", "runtime.sysMap", "runtime.sysReserve", "runtime.newosproc("):
		return "out of memory"
	}
	return "its text is on standard error"
}

// Crashes hands each crash file of the service whose process is gone to tell, and removes it when tell answers
// that its record is kept; if not, the next start tells of it.
func (s *Spool) Crashes(tell func(Crash) (kept bool)) {
	for _, path := range s.entries() {
		if name := filepath.Base(path); strings.HasPrefix(name, "crash-") && filepath.Ext(name) == ".txt" {
			s.metrics.failed("crash", s.crash(path, tell))
		}
	}
}

func (s *Spool) crash(path string, tell func(Crash) bool) error {
	f, err := lockFile(path, 0)
	if err != nil {
		return nil // its process lives, or somebody else tells of it
	}
	defer unlock(f)
	info, err := f.Stat()
	if err != nil {
		return err
	}
	text, err := io.ReadAll(io.LimitReader(f, maxCrash))
	if err != nil {
		return err
	}
	if len(text) > 0 && !tell(Crash{Instance: filepath.Base(filepath.Dir(path)), At: info.ModTime(), Text: string(text)}) {
		return nil
	}
	return os.Remove(path)
}
