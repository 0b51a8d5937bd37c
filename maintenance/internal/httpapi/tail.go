package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const (
	lookEvery  = 500 * time.Millisecond // for what other replicas have stored
	lookAtMost = 50 * time.Millisecond  // between two looks, however much comes in here
	heartbeat  = 10 * time.Second
	writeLimit = 10 * time.Second
	tailLimit  = time.Hour
	maxAfter   = 4096 // characters
)

// tail streams what is stored from now on as server-sent events: "record" with a Record; comments as
// heartbeat; "end" when the client should come again, with "after": given in the next request, nothing is
// missed in between.
func (h *Handlers) tail(w http.ResponseWriter, r *http.Request) {
	begin, err := tailQuery(r)
	if err != nil {
		problem.Write(w, r, err)
		return
	}
	select {
	case h.tails <- struct{}{}:
		defer func() { <-h.tails }()
	default:
		problem.Write(w, r, problem.New(problem.TooMany, "too many tails are open"))
		return
	}
	t, before, err := begin(r.Context(), h.settings.Logs)
	if pg.IsRefused(err) {
		err = invalid("after", "after of the tail's end event, unchanged")
	}
	if err != nil {
		problem.Write(w, r, h.failed(err))
		return
	}
	s := &stream{w: w, control: http.NewResponseController(w)}
	s.start()
	if s.records(before) == nil {
		h.follow(r, t, s)
	}
}

// beginning opens a tail, and gives the records to begin with.
type beginning func(ctx context.Context, s logs.Store) (*logs.Tail, []logs.Stored, error)

func tailQuery(r *http.Request) (beginning, error) {
	now, in := time.Now(), r.URL.Query()
	q := logs.Query{Scope: scope(r.Context()), Since: now.Add(-defaultWindow), Until: now.Add(ahead)}
	var err error
	if q.Expr, err = expression(in.Get("q")); err != nil {
		return nil, err
	}
	if after := in.Get("after"); after != "" {
		if len(after) > maxAfter || strings.Trim(after, "0123456789:,") != "" {
			return nil, invalid("after", "after of the tail's end event, unchanged")
		}
		return func(ctx context.Context, s logs.Store) (*logs.Tail, []logs.Stored, error) {
			return logs.Resume(ctx, s, q, after)
		}, nil
	}
	backlog := 0
	if text := in.Get("backlog"); text != "" {
		backlog, err = strconv.Atoi(text)
		if err != nil || backlog < 0 || backlog > 1000 {
			return nil, invalid("backlog", "how many records of before to begin with, 0 to 1000")
		}
	}
	return func(ctx context.Context, s logs.Store) (*logs.Tail, []logs.Stored, error) {
		return logs.NewTail(ctx, s, q, backlog)
	}, nil
}

// follow looks whenever something was stored here, and twice a second for what was stored elsewhere.
func (h *Handlers) follow(r *http.Request, t *logs.Tail, s *stream) {
	end := endOf(r.Context(), time.Now())
	for beat := time.Now(); time.Now().Before(end); {
		woken := h.wake.next()
		page, full, err := t.Next(r.Context(), time.Now())
		if err == nil && len(page) > 0 {
			err, beat = s.records(page), time.Now()
		} else if time.Since(beat) > heartbeat || err != nil {
			err, beat = s.comment("heartbeat"), time.Now()
		}
		if err != nil || r.Context().Err() != nil {
			return
		}
		if !full && !h.pause(r, woken) {
			break
		}
	}
	data, _ := json.Marshal(map[string]string{"after": t.Seen()})
	_ = s.event("end", data)
}

// endOf a tail that begins now: with the token that opened it, after which it must be shown again.
func endOf(ctx context.Context, now time.Time) time.Time {
	end := now.Add(tailLimit)
	if p, _ := access.From(ctx); !p.Until.IsZero() && p.Until.Before(end) {
		return p.Until
	}
	return end
}

// pause waits for the next look: never shorter than lookAtMost, then until something was stored here or
// lookEvery is over. false when it is time to close.
func (h *Handlers) pause(r *http.Request, woken <-chan struct{}) bool {
	return h.wait(r, lookAtMost, nil) && h.wait(r, lookEvery-lookAtMost, woken)
}

func (h *Handlers) wait(r *http.Request, limit time.Duration, woken <-chan struct{}) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-woken:
	case <-h.wake.done:
		return false
	case <-r.Context().Done():
		return false
	}
	return true
}

// stream writes events; a client that does not read for 10 s is given up.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func (s *stream) start() {
	s.w.Header().Set("Content-Type", "text/event-stream")
	s.w.Header().Set("Cache-Control", "no-cache")
	s.w.Header().Set("X-Accel-Buffering", "no")
	s.w.WriteHeader(http.StatusOK)
	_ = s.comment("signalbox")
}

func (s *stream) records(all []logs.Stored) error {
	for _, r := range all {
		data, err := json.Marshal(show(r))
		if err != nil {
			return err
		}
		if err := s.write("event: record\ndata: %s\n\n", data); err != nil {
			return err
		}
	}
	return s.control.Flush()
}

func (s *stream) event(name string, data []byte) error {
	if err := s.write("event: %s\ndata: %s\n\n", name, data); err != nil {
		return err
	}
	return s.control.Flush()
}

func (s *stream) comment(text string) error {
	if err := s.write(": %s\n\n", text); err != nil {
		return err
	}
	return s.control.Flush()
}

func (s *stream) write(format string, args ...any) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(writeLimit)) // a server without deadlines has none to miss
	_, err := fmt.Fprintf(s.w, format, args...)
	return err
}

// wake tells all tails at once that something was stored.
type wake struct {
	mu   sync.Mutex
	ch   chan struct{}
	once sync.Once
	done chan struct{}
}

func newWake() *wake { return &wake{ch: make(chan struct{}), done: make(chan struct{})} }

// next is closed by the next all.
func (w *wake) next() <-chan struct{} {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.ch
}

func (w *wake) all() {
	w.mu.Lock()
	defer w.mu.Unlock()
	close(w.ch)
	w.ch = make(chan struct{})
}

func (w *wake) close() { w.once.Do(func() { close(w.done) }) }
