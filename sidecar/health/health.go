// Package health runs a service's checks in the background and answers /hc and /liveness. On
// alexliesenfeld/health, with what it lacks: degraded, draining, rise and fall counts.
package health

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	lib "github.com/alexliesenfeld/health"
	"github.com/prometheus/client_golang/prometheus"
)

// Status of a service or of one check.
type Status string

// The states of ARCHITECTURE §3.
const (
	Up           Status = "up"
	Degraded     Status = "degraded"
	Down         Status = "down"
	Draining     Status = "draining"
	OutOfService Status = "out_of_service"
	Unknown      Status = "unknown"
)

// Weight is what a failing check does to the service.
type Weight uint8

// Weights.
const (
	Degrades Weight = iota // the service goes on without it
	Downs                  // it cannot work without it
)

func (w Weight) String() string {
	if w == Downs {
		return "down"
	}
	return "degraded"
}

// Check is one dependency. Run is called in the background every Interval, bounded by Timeout. A Run
// that outlives its Timeout counts as failed, and is not called again before it returned.
type Check struct {
	Name     string
	Node     string // of the topology, that it asks after: a service's name, telemetry.NodePostgres, …; "": this instance itself
	Weight   Weight
	Interval time.Duration // 0: 2 s
	Timeout  time.Duration // 0: 1 s
	Rise     int           // successes in a row to be up again; 0: 1
	Fall     int           // failures in a row to be failing; 0: 2
	Run      func(ctx context.Context) error
}

// Report is what /hc answers, as JSON.
type Report struct {
	Status   Status        `json:"status"`
	Service  string        `json:"service"`
	Instance string        `json:"instance"`
	Version  string        `json:"version"`
	Since    time.Time     `json:"since"`
	Window   *WindowReport `json:"window,omitempty"` // while one is open
	Checks   []CheckReport `json:"checks"`           // sorted by name
}

// CheckReport is one check's last word. Its status is up, down or unknown; what down means for the
// service is its weight's to say.
type CheckReport struct {
	Name     string    `json:"name"`
	Node     string    `json:"node,omitempty"` // of the topology, that it asks after
	Status   Status    `json:"status"`
	Weight   string    `json:"weight"` // "down" or "degraded"
	Age      string    `json:"age"`    // since it last ran, a Go duration
	Duration string    `json:"duration"`
	Since    time.Time `json:"since"`
	Error    string    `json:"error,omitempty"` // secrets masked
}

// Settings of a Health.
type Settings struct {
	Service, Instance, Version string
	Registerer                 prometheus.Registerer // nil: no metrics
	Logger                     *slog.Logger          // told when a status changes, and nothing else; nil: nobody is
	Changed                    func()                // called after the service's status changed; nil: nobody is told
}

// Health of one sidecar; safe for concurrent use.
type Health struct {
	settings Settings
	dogs     watchdogs

	mu       sync.Mutex
	checks   map[string]*state
	running  []lib.Checker
	started  bool
	draining bool
	windows  []Window
	last     Status // as of the last change
	since    time.Time
	unsaid   []func() // who is to be told of a change once mu is free: a log that hangs must not hold up /hc
}

// New makes a Health with no checks: each is unknown until its first run.
func New(s Settings) *Health {
	h := &Health{settings: s, checks: map[string]*state{}, last: Up, since: time.Now().UTC()}
	if s.Registerer != nil {
		s.Registerer.MustRegister(&collector{health: h})
	}
	return h
}

// Add registers a check; before or after Start. A name that is there already panics: it is a wiring
// error.
func (h *Health) Add(c Check) {
	defer h.say()
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, twice := h.checks[c.Name]; twice || c.Name == "" || c.Run == nil {
		panic("health: check " + c.Name + " is there already, or has no name or no Run")
	}
	st := newState(c)
	h.checks[c.Name] = st
	h.settle()
	if h.started {
		h.run(st)
	}
}

// Start runs the checks until ctx ends. It does not wait for them; a second call does nothing.
func (h *Health) Start(ctx context.Context) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.started {
		return
	}
	h.started = true
	for _, st := range h.checks {
		h.run(st)
	}
	context.AfterFunc(ctx, h.stop)
}

// stop ends the checks and returns when none runs any more.
func (h *Health) stop() {
	h.mu.Lock()
	running := h.running
	h.running, h.started = nil, false
	h.mu.Unlock()
	for _, c := range running {
		c.Stop()
	}
}

// Drain makes /hc say 503 (draining) from now on, for good.
func (h *Health) Drain() { h.override(func() { h.draining = true }) }

func (h *Health) override(set func()) {
	defer h.say()
	h.mu.Lock()
	defer h.mu.Unlock()
	set()
	h.settle()
}

// settle notices a change of the service's status. h.mu is held.
func (h *Health) settle() {
	now := h.status()
	if now == h.last {
		return
	}
	was := h.last
	h.last, h.since = now, time.Now().UTC()
	if !h.started { // while wiring, every check added would be a change
		return
	}
	h.tell(severity(now), "health changed", slog.String("from", string(was)), slog.String("to", string(now)))
	if h.settings.Changed != nil {
		h.unsaid = append(h.unsaid, h.settings.Changed)
	}
}

// tell leaves a line for say. h.mu is held.
func (h *Health) tell(level slog.Level, text string, attrs ...slog.Attr) {
	if log := h.settings.Logger; log != nil {
		h.unsaid = append(h.unsaid, func() { log.LogAttrs(context.Background(), level, text, attrs...) })
	}
}

// say tells what is to be told. h.mu is free.
func (h *Health) say() {
	h.mu.Lock()
	unsaid := h.unsaid
	h.unsaid = nil
	h.mu.Unlock()
	for _, one := range unsaid {
		one()
	}
}

func severity(s Status) slog.Level {
	if s == Up || s == Draining || s == Unknown {
		return slog.LevelInfo
	}
	return slog.LevelWarn
}

// status: an override first, then the worst that the checks do to the service. A check that has not
// run yet holds it back only where the service cannot work without it. h.mu is held.
func (h *Health) status() Status {
	switch {
	case h.draining:
		return Draining
	case h.window(time.Now()) != nil:
		return OutOfService
	}
	worst := Up
	for _, st := range h.checks {
		worst = worse(worst, st.effect())
	}
	return worst
}

func worse(a, b Status) Status {
	rank := func(s Status) int {
		switch s {
		case Down:
			return 3
		case Unknown:
			return 2
		case Degraded:
			return 1
		default:
			return 0
		}
	}
	if rank(b) > rank(a) {
		return b
	}
	return a
}

// HC answers /hc: 200 up or degraded, 503 otherwise (unknown too). It never runs a check.
func (h *Health) HC() http.Handler { return hcHandler(h) }

// Liveness answers /liveness from the process alone: 200 and one word, 503 when a watchdog was not
// fed. It works on a nil Health.
func (h *Health) Liveness() http.Handler {
	if h == nil {
		return livenessHandler(nil)
	}
	return livenessHandler(&h.dogs)
}

// Watchdog returns a beat function for a main loop: if it is not called for limit, /liveness says 503.
// The first limit begins now. Only what a restart of the process would mend belongs here.
func (h *Health) Watchdog(name string, limit time.Duration) (beat func()) {
	return h.dogs.add(name, limit)
}
