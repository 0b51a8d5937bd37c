package follow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
)

// progress is what others may ask while Run reads.
type progress struct {
	read, ahead atomic.Int64
	failed      error // of the cursor; Run's alone
	heardOfMove time.Time
}

// Read is how many bytes were read since the start.
func (p *progress) Read() int64 { return p.read.Load() }

// Ahead is how many bytes of the file are left, as of the latest look.
func (p *progress) Ahead() int64 { return p.ahead.Load() }

// find opens the file that the place is in, or the one at the path; it waits for that when it follows.
func (f *File) find(ctx context.Context) error {
	for {
		one, err := openSource(f.settings.Path)
		if err == nil {
			return f.begin(one)
		}
		if !f.settings.Follow || !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("read the file: %w", err)
		}
		if err := pause(ctx, poll); err != nil {
			return err
		}
	}
}

// begin goes on where the last run stopped, if that can be found.
func (f *File) begin(one *source) error {
	switch {
	case !f.at.known():
		if f.settings.AtEnd {
			one.off = one.size()
			one.head, _ = one.begins(int(min(one.off, headBytes)))
		}
		f.use(one)
		return f.save(one.off)
	case one.is(f.at) && one.resume(f.at):
		f.use(one)
		return nil
	}
	old := rotated(f.settings.Path, f.at)
	if old == nil {
		if f.at.offset > 0 {
			f.lost("the file that was read before is gone: what it got after that is lost", f.at.offset)
		}
		f.use(one)
		return f.save(0)
	}
	f.queue = later(f.settings.Path, old)
	f.use(old)
	return one.file.Close()
}

// use makes a file the current one.
func (f *File) use(one *source) {
	f.current, f.base, f.heard, f.heardOfMove = one, one.off, time.Now(), time.Time{}
	if one.path == f.settings.Path {
		f.ahead.Store(max(0, one.size()-one.off))
	}
	f.stream = foreign.NewStream(f.settings.Format, func(r foreign.Record) {
		f.settings.Emit(r)
		if err := f.save(f.base + r.End); err != nil {
			f.failed = err
		}
	})
}

func (f *File) save(offset int64) error { return f.cursor.save(f.current.place(offset)) }

// leave ends with the current file. With a line that is not at its end yet, the place stays before it.
func (f *File) leave(midLine bool) error {
	if f.current == nil {
		return nil
	}
	if midLine {
		f.stream.Flush()
	} else {
		f.stream.Close()
		f.failed = errors.Join(f.failed, f.save(f.current.off))
	}
	return errors.Join(f.failed, f.current.file.Close())
}

// next goes to the file after the current one, which is at its end for good. Where there is none yet, it stays.
func (f *File) next(ctx context.Context) error {
	if f.current.path == f.settings.Path {
		f.queue = later(f.settings.Path, f.current)
	}
	one, err := f.following()
	if errors.Is(err, fs.ErrNotExist) { // between rename and create
		if !f.settings.Follow {
			return errDone
		}
		return pause(ctx, poll)
	}
	if err != nil {
		return fmt.Errorf("read the file: %w", err)
	}
	if err := f.leave(false); err != nil {
		return errors.Join(err, one.file.Close())
	}
	f.settings.Tell(slog.LevelDebug, "the file was rotated", slog.String("file", f.settings.Path))
	f.use(one)
	return f.save(0)
}

// following opens the next of the queue that is still there, or the file at the path.
func (f *File) following() (*source, error) {
	for len(f.queue) > 0 {
		path := f.queue[0]
		f.queue = f.queue[1:]
		if one, err := openSource(path); err == nil {
			return one, nil
		}
	}
	return openSource(f.settings.Path)
}

// truncated takes the rest from the copy that was made before, if there is one, and begins anew.
func (f *File) truncated() error {
	at := f.current.place(f.current.off)
	if copied := rotated(f.settings.Path, at); copied != nil {
		err := f.rest(copied)
		if err := errors.Join(err, copied.file.Close()); err != nil {
			return err
		}
	} else {
		f.lost("the file was truncated, and no copy of it is there: what was written last and not read is lost", at.offset)
	}
	f.stream.Close()
	f.current.off, f.current.head = 0, nil
	f.use(f.current)
	return errors.Join(f.failed, f.save(0))
}

// rest reads a copy from where the original was read up to, into the stream of the original.
func (f *File) rest(copied *source) error {
	for {
		n, err := copied.read(f.buf)
		if err != nil {
			return fmt.Errorf("read %s: %w", copied.path, err)
		}
		if n == 0 {
			return nil
		}
		_, _ = f.stream.Write(f.buf[:n]) // it does not fail
		f.read.Add(int64(n))
	}
}

// lost tells of lines that cannot be found any more.
func (f *File) lost(what string, offset int64) {
	f.settings.Tell(slog.LevelWarn, what, slog.String("file", f.settings.Path), slog.Int64("read_up_to", offset))
}
