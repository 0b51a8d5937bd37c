package follow

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
)

// Settings of a File.
type Settings struct {
	Path   string
	Cursor string // file that keeps the place; its folder is made
	Follow bool   // go on when the end is reached
	AtEnd  bool   // without a place: begin at the present end
	Again  bool   // forget the place

	Format foreign.Settings
	// Emit takes the records in order. When it returns, the record is kept, and the place moves on.
	Emit func(foreign.Record)
	// Gate waits while there is no room for more; nil: there always is.
	Gate func(ctx context.Context) error
	// Tell hears of what may have been lost, and of rotation; nil: nobody does.
	Tell func(level slog.Level, what string, attrs ...slog.Attr)
}

const (
	poll  = 100 * time.Millisecond // between two looks at a file that does not grow
	grace = 2 * time.Second        // a program that was told to open its new file may write to the old one for a while
)

// File is one that is read. Run may be called once; the counts may be asked for at any time, by any goroutine.
type File struct {
	settings Settings
	cursor   *cursor
	at       place
	current  *source
	stream   *foreign.Stream
	base     int64 // where in the current file the stream began
	queue    []string
	buf      []byte
	heard    time.Time // of the latest bytes
	progress
}

// Open takes the cursor, and finds the file; one that does not exist is an error unless it is followed.
func Open(s Settings) (*File, error) {
	path, err := filepath.Abs(s.Path)
	if err != nil {
		return nil, fmt.Errorf("file: %w", err)
	}
	s.Path = path
	if s.Gate == nil {
		s.Gate = func(ctx context.Context) error { return ctx.Err() }
	}
	if s.Tell == nil {
		s.Tell = func(slog.Level, string, ...slog.Attr) {}
	}
	if err := readable(s); err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(s.Cursor), 0o700); err != nil {
		return nil, fmt.Errorf("make the folder of the cursor: %w", err)
	}
	c, at, err := openCursor(s.Cursor)
	if err != nil {
		return nil, err
	}
	if s.Again {
		at = place{}
	}
	return &File{settings: s, cursor: c, at: at, buf: make([]byte, 256<<10)}, nil
}

// readable finds early what would stop the reading.
func readable(s Settings) error {
	one, err := openSource(s.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist) && s.Follow:
		return nil
	case err != nil:
		return fmt.Errorf("read the file: %w", err)
	}
	defer one.file.Close() //nolint:errcheck // it was only read
	magic, _ := one.begins(4)
	for kind, begins := range map[string]string{"zcat": "\x1f\x8b", "xzcat": "\xfd7zX", "zstdcat": "\x28\xb5\x2f\xfd", "bzcat": "BZh"} {
		if len(magic) >= len(begins) && string(magic[:len(begins)]) == begins {
			return fmt.Errorf("%s is compressed: `%s %s | signalbox ship --service NAME`", s.Path, kind, s.Path)
		}
	}
	return nil
}

// Run reads until the end of the file, or of ctx when it follows. It emits all that it has read of whole lines, and
// closes the cursor.
func (f *File) Run(ctx context.Context) (err error) {
	defer func() { err = errors.Join(err, f.cursor.close()) }()
	if err := f.find(ctx); err != nil {
		return ignoreEnd(ctx, err)
	}
	for {
		err := f.drain(ctx)
		if err == nil {
			err = f.ended(ctx)
		}
		if err != nil {
			return errors.Join(ignoreEnd(ctx, err), f.leave(!errors.Is(err, errDone)))
		}
	}
}

// errDone: all that there was to read is read.
var errDone = errors.New("done")

func ignoreEnd(ctx context.Context, err error) error {
	if errors.Is(err, errDone) || ctx.Err() != nil {
		return nil
	}
	return err
}

// drain reads to the present end of the file.
func (f *File) drain(ctx context.Context) error {
	for {
		if err := f.settings.Gate(ctx); err != nil {
			return err
		}
		if f.current.changed() {
			return nil
		}
		n, err := f.current.read(f.buf)
		if err != nil {
			return fmt.Errorf("read %s: %w", f.current.path, err)
		}
		if n == 0 {
			return nil
		}
		f.heard = time.Now()
		_, _ = f.stream.Write(f.buf[:n]) // it does not fail
		f.read.Add(int64(n))
		if f.current.path == f.settings.Path {
			f.ahead.Store(max(0, f.current.size()-f.current.off))
		}
		if f.failed != nil {
			return f.failed
		}
	}
}

// ended decides what comes after the end of the current file.
func (f *File) ended(ctx context.Context) error {
	switch {
	case f.current.changed():
		return f.truncated()
	case f.current.path != f.settings.Path:
		return f.next(ctx)
	case !f.settings.Follow:
		return errDone
	}
	moved, err := f.moved()
	if err != nil {
		return err
	}
	if moved && time.Since(f.heard) > grace {
		return f.next(ctx)
	}
	if f.stream.Waiting() && time.Since(f.heard) > foreign.Idle {
		f.stream.Flush()
	}
	return pause(ctx, poll)
}

// moved says whether the path is another file than the current one by now. While there is none, the current one stays.
func (f *File) moved() (bool, error) {
	info, err := os.Stat(f.settings.Path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the file: %w", err)
	}
	dev, ino := identity(info)
	same := dev == f.current.dev && ino == f.current.ino
	if same {
		f.heardOfMove = time.Time{}
		return false, nil
	}
	if f.heardOfMove.IsZero() {
		f.heardOfMove = time.Now()
	}
	return time.Since(f.heardOfMove) > grace, nil
}

func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
