package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

type logsExport struct {
	meshFlags
	question
	Format string `default:"ndjson" enum:"ndjson,csv" help:"ndjson: one JSON object a line; csv: RFC 4180 with a header."`
	Out    string `short:"o" help:"The file; it gets its name when it is whole. Nothing: the standard output." type:"path" placeholder:"FILE"`
}

func (logsExport) Help() string {
	return `Every matching record, oldest first. The last line says that the export is whole, how many records it has, and what is
missing from the log in that time: {"end":{…}} in NDJSON, lines that begin with # in CSV. Without it, it is cut off.
A cell that a spreadsheet would take for a formula has a ' before it.

Examples:
  signalbox logs export --since 24h service:catalogs -o catalogs.ndjson
  signalbox logs export --format csv --since 13:00 --until 14:00 'level>=warn' -o warnings.csv
  signalbox logs export --since 1h | jq -r 'select(.msg).msg'`
}

// Run streams it, and tells on a terminal how far it is.
func (c *logsExport) Run(ctx context.Context, p Process) error {
	query, err := c.values(p.now())
	if err != nil {
		return err
	}
	query.Set("format", c.Format)
	api, err := c.connect(p)
	if err != nil {
		return err
	}
	stream, err := api.Stream(ctx, logsPath+"/export", query)
	if err != nil {
		return showPlace(err)
	}
	defer stream.Close() //nolint:errcheck // it was only read
	out, done, err := c.open(p)
	if err != nil {
		return err
	}
	t := &exported{out: out, stderr: p.Stderr, screen: screenOf(p.Stderr, p.Environ), began: time.Now()}
	_, err = io.Copy(t, stream)
	if err == nil {
		err = t.whole()
	}
	t.tell(true)
	if err != nil {
		return errors.Join(c.broken(err), done(false))
	}
	return done(true)
}

// broken names what there is of an export that did not come to its end.
func (c *logsExport) broken(err error) error {
	if c.Out == "" {
		return fmt.Errorf("the export is not whole: %w", err)
	}
	return fmt.Errorf("the export is not whole: %w; what came is in %s.part", err, c.Out)
}

// open makes FILE.part, which done gives its name.
func (c *logsExport) open(p Process) (io.Writer, func(whole bool) error, error) {
	if c.Out == "" {
		return p.Stdout, func(bool) error { return nil }, nil
	}
	f, err := os.OpenFile(c.Out+".part", os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // logs are not for everybody
	if err != nil {
		return nil, nil, fmt.Errorf("write the export: %w", err)
	}
	return f, func(whole bool) error {
		if err := f.Close(); err != nil || !whole {
			return err
		}
		return os.Rename(f.Name(), c.Out)
	}, nil
}

// exported counts what passes, and keeps the last line.
type exported struct {
	out     io.Writer
	stderr  io.Writer
	screen  screen
	began   time.Time
	told    time.Time
	lines   int64
	bytes   int64
	last    []byte // the line that is coming in
	ended   []byte // the last whole one
	toolong bool
}

// maxEnd is as much of a line as is kept; the last line is shorter.
const maxEnd = 1 << 20

func (t *exported) Write(b []byte) (int, error) {
	n, err := t.out.Write(b)
	t.bytes += int64(n)
	for rest := b[:n]; len(rest) > 0; {
		line, more, whole := bytes.Cut(rest, []byte("\n"))
		if t.toolong = t.toolong || len(t.last)+len(line) > maxEnd; !t.toolong {
			t.last = append(t.last, line...)
		}
		if rest = more; whole {
			t.lines++
			t.ended, t.last, t.toolong = append(t.ended[:0], t.last...), t.last[:0], false
		}
	}
	if time.Since(t.told) > time.Second/2 {
		t.tell(false)
	}
	return n, err
}

// tell writes over its own line on a terminal, and says nothing elsewhere.
func (t *exported) tell(end bool) {
	if !t.screen.terminal {
		return
	}
	t.told = time.Now()
	took := time.Since(t.began)
	fmt.Fprintf(t.stderr, "\r\x1b[K%s lines, %s, %s/s, %v", grouped(t.lines), amount(float64(t.bytes)), //nolint:errcheck // people may look away
		amount(float64(t.bytes)/max(took.Seconds(), 0.001)), took.Round(100*time.Millisecond))
	if end {
		fmt.Fprintln(t.stderr) //nolint:errcheck // as above
	}
}

// whole looks for the last line.
func (t *exported) whole() error {
	if bytes.HasPrefix(t.ended, []byte("# end: ")) {
		if bytes.HasPrefix(t.ended, []byte("# end: broken off")) {
			return errors.New(printable(string(t.ended[len("# end: "):])))
		}
		return nil
	}
	var line struct {
		End *struct {
			Complete bool
			Cause    string
		}
	}
	if json.Unmarshal(t.ended, &line) != nil || line.End == nil {
		return errors.New("the connection broke")
	}
	if !line.End.Complete {
		return errors.New(printable(line.End.Cause))
	}
	return nil
}
