package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

// A tail that says nothing for silence is broken: the mesh sends a sign of life every ten seconds.
const (
	silence    = 35 * time.Second
	firstRetry = 200 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// tailing is a tail that outlives its connections. Its place is the id of the last event: the next connection begins
// behind it, so that no record is missed and none comes twice.
type tailing struct {
	command *logsSearch
	process Process
	lines   *lines
	asked   url.Values      // the question
	place   string          // "": nothing has said yet where we are
	shown   map[string]bool // ids of records that came before the first place
	last    time.Time       // of the last record
	broken  time.Time       // since when there is no connection; zero: there is one
}

// follow tails until ctx ends, which is a good end.
func (c *logsSearch) follow(ctx context.Context, p Process, l *lines, asked url.Values) error {
	t := &tailing{command: c, process: p, lines: l, asked: asked, shown: map[string]bool{}}
	for pause := firstRetry; ; pause = min(2*pause, lastRetry) {
		began := time.Now()
		err := t.connection(ctx)
		if ctx.Err() != nil {
			return nil
		}
		if err := t.lasting(err); err != nil {
			return err
		}
		if err == nil || time.Since(began) > lastRetry {
			pause = firstRetry
		}
		if err == nil {
			continue // an end that was said
		}
		select {
		case <-time.After(pause/2 + rand.N(pause)):
		case <-ctx.Done():
			return nil
		}
	}
}

// lasting is the error that no further try can mend; the first of the others is told.
func (t *tailing) lasting(err error) error {
	var refused *client.Problem
	var misused usageError
	switch {
	case err == nil:
		return nil
	case errors.As(err, &misused), errors.Is(err, errOutput):
		return err
	case errors.As(err, &refused) && refused.Status < 500 && refused.Status != http.StatusTooManyRequests:
		if t.place == "" || refused.Status != http.StatusBadRequest {
			return showPlace(err)
		}
		t.place = ""
		t.note(fmt.Sprintf("--- the place is not known there any more: what was stored since %s is not shown here ---", t.lines.clock(t.last)))
	case t.place == "" && t.broken.IsZero():
		return err // it never began
	}
	if t.broken.IsZero() {
		t.broken = time.Now()
		t.tell("the connection broke (%s); trying again until it holds", oneLine(err))
	}
	return nil
}

func (t *tailing) note(text string) {
	if t.lines.json {
		t.tell("%s", text)
	}
	_ = t.lines.note(text) // a broken output shows at the next record
}

func (t *tailing) tell(format string, args ...any) {
	fmt.Fprintf(t.process.Stderr, "signalbox: "+format+"\n", args...) //nolint:errcheck // people may look away
}

// connection follows one stream to its end. nil: the mesh ended it in order, and said where to go on.
func (t *tailing) connection(ctx context.Context) error {
	api, err := t.command.connect(t.process) // anew: a restarted mesh has another address and token
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	watch := time.AfterFunc(silence, func() { cancel(fmt.Errorf("nothing came for %v", silence)) })
	defer watch.Stop()
	stream, err := api.Stream(ctx, logsPath+"/tail", t.query())
	if err != nil {
		return orCause(ctx, err)
	}
	defer stream.Close() //nolint:errcheck // it was only read
	err = t.events(signs{stream, watch})
	if err == nil {
		return nil
	}
	return orCause(ctx, err)
}

func (t *tailing) query() url.Values {
	v := url.Values{"q": {t.command.text()}}
	if t.place == "" {
		v.Set("backlog", strconv.Itoa(t.command.limit()))
		v.Set("since", t.asked.Get("since"))
		return v
	}
	v.Set("after", t.place)
	return v
}

// orCause is why ctx was broken off, if it was; else err.
func orCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// signs of life set the watch back.
type signs struct {
	io.Reader
	watch *time.Timer
}

func (s signs) Read(b []byte) (int, error) {
	n, err := s.Reader.Read(b)
	s.watch.Reset(silence)
	return n, err
}

// events prints what one stream brings. io.ErrUnexpectedEOF: it ended without having said so.
func (t *tailing) events(stream io.Reader) error {
	ended := false
	err := eachEvent(stream, func(e event) error {
		t.connected()
		switch e.name {
		case "record":
			return t.record(e)
		case "gap":
			var g gap
			if json.Unmarshal(e.data, &g) == nil {
				if err := t.lines.gap(g); err != nil {
					return fmt.Errorf("%w: %w", errOutput, err)
				}
			}
		case "end":
			ended = true
		}
		if e.id != "" {
			t.place = e.id
		}
		return nil
	})
	if err == nil && !ended {
		return io.ErrUnexpectedEOF
	}
	return err
}

// errOutput: nobody reads what is printed any more.
var errOutput = errors.New("print")

func (t *tailing) record(e event) error {
	var r record
	if err := json.Unmarshal(e.data, &r); err != nil {
		return fmt.Errorf("read a record: %w", err)
	}
	if !t.shown[r.ID] {
		if err := t.lines.record(e.data); err != nil {
			return fmt.Errorf("%w: %w", errOutput, err)
		}
		t.last = r.TS
	}
	switch {
	case e.id != "":
		t.place = e.id
	case r.ID != "":
		t.shown[r.ID] = true // a backlog has no places; broken off, it comes again
	}
	return nil
}

// connected tells that it holds again.
func (t *tailing) connected() {
	if t.broken.IsZero() {
		return
	}
	how := "nothing was missed"
	if t.place == "" {
		how = "it begins anew"
	}
	t.tell("connected again after %v; %s", time.Since(t.broken).Round(100*time.Millisecond), how)
	t.broken = time.Time{}
}
