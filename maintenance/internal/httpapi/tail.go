package httpapi

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const (
	lookEvery  = 500 * time.Millisecond // for what other replicas have stored
	lookAtMost = 50 * time.Millisecond  // between two looks, however much comes in here
	gapsEvery  = 2 * time.Second        // for what is missing
	gapsBack   = 2 * time.Minute        // how much later than its time a gap may be found out
	heartbeat  = 10 * time.Second
	writeLimit = 10 * time.Second
	tailLimit  = time.Hour
	maxAfter   = 8192 // characters
)

// tail streams what is stored from now on as server-sent events. Each has the place behind it as its id: a client that
// comes again with the last one, as Last-Event-ID or after, misses no record and gets none twice.
func (h *Handlers) tail(w http.ResponseWriter, r *http.Request) {
	t, err := h.newTail(r)
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
	if t.log, err = t.begin(r.Context()); err != nil {
		problem.Write(w, r, h.failed(err))
		return
	}
	_ = t.run(r.Context(), newStream(w)) // whoever left has nobody to tell
}

// tailing is one open tail. Not safe for concurrent use.
type tailing struct {
	handlers *Handlers
	begin    func(ctx context.Context) (*logs.Tail, error)
	log      *logs.Tail
	scope    logs.Scope
	gapsAt   time.Time       // up to when gaps were looked for
	looked   bool            // here already
	told     map[string]bool // gaps
	end      time.Time
}

func (h *Handlers) newTail(r *http.Request) (*tailing, error) {
	now, in := time.Now(), r.URL.Query()
	q := logs.Query{Scope: scope(r.Context()), Since: now.Add(-defaultWindow), Until: now.Add(ahead)}
	err := known(in, "q", "since", "backlog", "after")
	if err != nil {
		return nil, err
	}
	if q.Expr, err = expression(in.Get("q")); err != nil {
		return nil, err
	}
	if text := in.Get("since"); text != "" {
		if q.Since, err = moment("since", text, now); err != nil {
			return nil, err
		}
	}
	t := &tailing{handlers: h, scope: narrow(q.Scope, query.Services(q.Expr)), gapsAt: now, told: map[string]bool{}, end: endOf(r.Context(), now)}
	if after := place(r, in); after != "" {
		return t, t.resume(q, after)
	}
	backlog := 0
	if text := in.Get("backlog"); text != "" {
		if backlog, err = strconv.Atoi(text); err != nil || backlog < 0 || backlog > 1000 {
			return nil, invalid("backlog", "how many records of before to begin with, 0 to 1000")
		}
	}
	t.begin = func(ctx context.Context) (*logs.Tail, error) { return logs.NewTail(ctx, h.settings.Logs, q, backlog) }
	return t, nil
}

// place that the client names; what a browser sends by itself is newer than what its URL says.
func place(r *http.Request, in url.Values) string {
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		return last
	}
	return in.Get("after")
}

// resume reads a place: when gaps were last looked for, and where the records are.
func (t *tailing) resume(q logs.Query, after string) error {
	wrong := invalid("after", "the id of the tail's last event, unchanged")
	at, records, _ := strings.Cut(after, ".")
	milli, err := strconv.ParseInt(at, 36, 64)
	if err != nil || len(after) > maxAfter || milli < 0 {
		return wrong
	}
	log, err := logs.Resume(t.handlers.settings.Logs, q, records)
	if errors.Is(err, logs.ErrPlace) {
		return wrong
	}
	t.gapsAt = latest(time.UnixMilli(milli), t.gapsAt.Add(-defaultWindow))
	t.begin = func(context.Context) (*logs.Tail, error) { return log, err }
	return nil
}

func (t *tailing) id(records string) string {
	return strconv.FormatInt(t.gapsAt.UnixMilli(), 36) + "." + records
}

// run looks whenever something was stored here, and twice a second for what was stored elsewhere.
func (t *tailing) run(ctx context.Context, s *stream) error {
	if err := errors.Join(s.start(), s.event("", t.id(t.log.Place()), nil), s.flush()); err != nil {
		return err
	}
	for beat := time.Now(); time.Now().Before(t.end); {
		woken := t.handlers.wake.next()
		page, full, err := t.log.Next(ctx)
		if err == nil {
			err = t.gaps(ctx, s, time.Now())
		}
		if err != nil && !passes(err) {
			return err
		}
		switch {
		case len(page) > 0:
			err, beat = t.records(s, page), time.Now()
		case time.Since(beat) > heartbeat:
			err, beat = errors.Join(s.event("", t.id(t.log.Place()), nil), s.write(": heartbeat\n\n"), s.flush()), time.Now()
		default:
			err = nil
		}
		if err != nil || ctx.Err() != nil {
			return errors.Join(err, ctx.Err())
		}
		if !full && !t.handlers.pause(ctx, woken) {
			break
		}
	}
	id := t.id(t.log.Place())
	return errors.Join(s.event("end", id, map[string]string{"after": id}), s.flush())
}

// passes: the store is away or busy, and will be there again; a tail waits for it.
func passes(err error) bool { return !errors.Is(err, context.Canceled) }

func (t *tailing) records(s *stream, page []logs.Shown) error {
	for _, r := range page {
		if err := s.event("record", t.id(r.Resume), t.handlers.show(r.Stored)); err != nil {
			return err
		}
	}
	return s.flush()
}

// gaps tells what was found to be missing since it last looked. One may be told again to a client that comes again.
func (t *tailing) gaps(ctx context.Context, s *stream, now time.Time) error {
	if now.Sub(t.gapsAt) < gapsEvery && t.looked {
		return nil
	}
	all, err := t.handlers.settings.Logs.Gaps(ctx, t.scope, t.gapsAt.Add(-gapsBack), now.Add(ahead), 100)
	if err != nil {
		return err
	}
	t.gapsAt, t.looked = now, true
	for _, g := range all {
		if t.told[gapKey(g)] {
			continue
		}
		t.told[gapKey(g)] = true
		if err := s.event("gap", "", Gap(g)); err != nil {
			return err
		}
	}
	return s.flush()
}

// gapKey tells gaps apart.
func gapKey(g logs.Gap) string {
	return strings.Join([]string{g.Service, g.Instance, g.Epoch, g.Class, strconv.FormatUint(g.FromSeq, 10)}, "\x00")
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
func (h *Handlers) pause(ctx context.Context, woken <-chan struct{}) bool {
	return h.wait(ctx, lookAtMost, nil) && h.wait(ctx, lookEvery-lookAtMost, woken)
}

func (h *Handlers) wait(ctx context.Context, limit time.Duration, woken <-chan struct{}) bool {
	timer := time.NewTimer(limit)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-woken:
	case <-h.wake.done:
		return false
	case <-ctx.Done():
		return false
	}
	return true
}
