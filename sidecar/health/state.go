package health

import (
	"context"
	"errors"
	"log/slog"
	"sync/atomic"
	"time"

	lib "github.com/alexliesenfeld/health"
)

var errStillRunning = errors.New("the check before this one has not ended yet")

// state of one check; its fields are under Health's lock, but for busy.
//
//	unknown ──first run──▶ up ──Fall failures in a row──▶ down
//	   └──────first run failed────────────────────────────▶ │
//	                       ▲──────Rise successes in a row───┘
type state struct {
	Check
	status    Status
	since     time.Time
	ranAt     time.Time // when the last run ended; zero: never
	lastedFor time.Duration
	err       error
	good, bad int // in a row
	changes   int // of status, since the start: a check that flaps
	busy      atomic.Bool
}

func newState(c Check) *state {
	if c.Interval <= 0 {
		c.Interval = 2 * time.Second
	}
	if c.Timeout <= 0 {
		c.Timeout = time.Second
	}
	c.Rise = max(c.Rise, 1)
	if c.Fall <= 0 {
		c.Fall = 2
	}
	return &state{Check: c, status: Unknown, since: time.Now().UTC()}
}

// effect is what this check does to the service.
func (s *state) effect() Status {
	switch {
	case s.status == Up:
		return Up
	case s.Weight == Degrades:
		return Degraded
	default:
		return s.status
	}
}

// note counts a result and reports whether the status changed by it.
func (s *state) note(err error, began time.Time) (changed bool) {
	now := time.Now()
	s.ranAt, s.lastedFor, s.err = now, now.Sub(began), err
	was := s.status
	if err == nil {
		s.good, s.bad = s.good+1, 0
		if s.status == Unknown || s.good >= s.Rise {
			s.status = Up
		}
	} else {
		s.good, s.bad = 0, s.bad+1
		if s.status == Unknown || s.bad >= s.Fall {
			s.status = Down
		}
	}
	if s.status == was {
		return false
	}
	s.since = now.UTC()
	s.changes++
	return true
}

// once guards against a Run that ignores its context: it never runs twice at a time, so a hanging
// dependency costs one goroutine and not one every interval.
func (s *state) once(ctx context.Context) error {
	if !s.busy.CompareAndSwap(false, true) {
		return errStillRunning
	}
	defer s.busy.Store(false)
	return s.Run(ctx)
}

// run gives the check to a checker of its own, which makes it possible to add one at any time.
// h.mu is held.
func (h *Health) run(st *state) {
	c := lib.NewChecker(
		lib.WithDisabledAutostart(),
		lib.WithInterceptors(h.listen(st)),
		lib.WithPeriodicCheck(st.Interval, 0, lib.Check{Name: st.Name, Timeout: st.Timeout, Check: st.once}),
	)
	h.running = append(h.running, c)
	c.Start()
}

// listen hears every result, which the library's status listener does not: its own counts leave a
// check up that never succeeded.
func (h *Health) listen(st *state) lib.Interceptor {
	return func(next lib.InterceptorFunc) lib.InterceptorFunc {
		return func(ctx context.Context, name string, cs lib.CheckState) lib.CheckState {
			began := time.Now()
			after := next(ctx, name, cs)
			h.heard(st, after.Result, began)
			return after
		}
	}
}

func (h *Health) heard(st *state, err error, began time.Time) {
	defer h.say()
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.started {
		return // cut short by stop: no word about the dependency
	}
	if st.note(err, began) {
		h.turned(st)
	}
	h.settle()
}

// turned tells of a check. h.mu is held.
func (h *Health) turned(st *state) {
	attrs := []slog.Attr{slog.String("check", st.Name), slog.String("status", string(st.status))}
	level := slog.LevelInfo
	if st.err != nil {
		level = slog.LevelWarn
		attrs = append(attrs, slog.String("err", mask(st.err.Error())))
	}
	h.tell(level, "health check changed", attrs...)
}
