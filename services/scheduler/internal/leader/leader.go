package leader

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
)

const (
	idleEvery    = 900 * time.Millisecond // a leader's longest silence
	storeTimeout = 5 * time.Second
	stuckAfter   = 10 * time.Second
	patience     = 5 * time.Second // with a bus that is not ready, before planning stops
)

// Term is one leadership. Its methods are called by one goroutine at a time.
type Term interface {
	Epoch() int64
	// Pass plans what is due; Hold does not, for the bus has not been ready for that long.
	Pass(ctx context.Context, now time.Time) (plan.Pass, error)
	// Ahead is a Pass of what will be due at an instant that is near: it ends then, or at once where nothing can be prepared.
	Ahead(ctx context.Context, due time.Time) (plan.Pass, error)
	Hold(ctx context.Context, unready time.Duration) error
	Down() bool // a Hold was the last of the two, in this term or before it
	Expire(ctx context.Context) (ended map[api.Reason]int, more bool, err error)
	Measure(ctx context.Context) ([]plan.Level, error)
	// Woken returns nil when a pass is wanted before its time, ctx's error when that ends first.
	Woken(ctx context.Context) error
	Close(ctx context.Context) error
}

// Campaign tries to get elected; nil without an error when somebody else leads.
type Campaign func(ctx context.Context) (Term, error)

// Relieve ends the term of a leader that holds, for its bus is away; true: it has. It is called by a candidate whose own
// bus is ready.
type Relieve func(ctx context.Context) (bool, error)

// Settings of a Leader. Campaign is required.
type Settings struct {
	Campaign   Campaign
	Relieve    Relieve     // nil: never
	Ready      func() bool // whether the bus takes publications; nil: always
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Leader is one replica's part in the election, and the planner while it leads.
type Leader struct {
	campaign Campaign
	relieve  Relieve
	ready    func() bool
	log      *slog.Logger
	metrics  *metrics

	mu       sync.Mutex
	epoch    int64 // 0: not leading
	lastPass time.Time
	err      error // of the last campaign or term
}

// New makes a candidate.
func New(s Settings) *Leader {
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Ready == nil {
		s.Ready = func() bool { return true }
	}
	if s.Relieve == nil {
		s.Relieve = func(context.Context) (bool, error) { return false, nil }
	}
	return &Leader{campaign: s.Campaign, relieve: s.Relieve, ready: s.Ready, log: s.Logger, metrics: newMetrics(s.Registerer)}
}

// Leading returns the epoch of the term, or 0.
func (l *Leader) Leading() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.epoch
}

// Check is for /hc: a candidate that cannot ask who leads, or a leader whose planner does not get on.
func (l *Leader) Check(context.Context) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.epoch != 0 && time.Since(l.lastPass) > stuckAfter {
		return fmt.Errorf("the planner has not ended a pass for %s", time.Since(l.lastPass).Round(time.Second))
	}
	return l.err
}

func (l *Leader) serve(ctx context.Context, term Term) {
	l.begin(term.Epoch())
	l.log.InfoContext(ctx, "leads", slog.Int64("epoch", term.Epoch()))
	err := l.lead(ctx, term)
	l.begin(0)
	closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := term.Close(closing); err != nil {
		l.log.DebugContext(ctx, "the leader's session did not close in order", slog.Any("err", err))
	}
	if ctx.Err() == nil {
		l.log.WarnContext(ctx, "leads no more", slog.Int64("epoch", term.Epoch()), slog.Any("err", err))
	}
}

func (l *Leader) begin(epoch int64) {
	l.mu.Lock()
	l.epoch, l.lastPass = epoch, time.Now()
	l.mu.Unlock()
	l.metrics.term(epoch)
}

// lead plans until the term is lost or ctx ends. Every error of the store ends the term: the session is in
// doubt, and the next one comes within a second.
func (l *Leader) lead(ctx context.Context, term Term) error {
	alarm, err := newAlarm(l.metrics)
	if err != nil {
		return err
	}
	defer alarm.stop()
	chores, eve := newChores(), eve{lead: shortestLead}
	link := link{ready: l.ready}
	for {
		began := time.Now()
		pass, wait, err := l.turn(ctx, term, &link)
		if err != nil {
			return err
		}
		if err := l.chores(ctx, term, &chores, wait > 0); err != nil {
			return err
		}
		if err := sleep(ctx, alarm, term, eve.wait(pass, wait)-time.Since(began)); err != nil {
			return err
		}
		if eve.come(pass, time.Since(began)) {
			if err := l.ahead(ctx, term, &eve); err != nil {
				return err
			}
		}
	}
}

func (l *Leader) pass(ctx context.Context, term Term) (plan.Pass, error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	began := time.Now()
	p, err := term.Pass(ctx, time.Time{})
	if err == nil {
		l.metrics.passed(p, time.Since(began))
	}
	l.passed(err)
	return p, err
}

// passed notes progress, for Check.
func (l *Leader) passed(err error) {
	if err != nil {
		return
	}
	l.mu.Lock()
	l.lastPass = time.Now()
	l.mu.Unlock()
}

// Missed counts due times that did not end in done; call it once that is committed.
func (l *Leader) Missed(reason api.Reason, n int) { l.metrics.miss(reason, n) }

// Recovered counts those that were counted as missed for that reason, and are done after all or missed for another one.
func (l *Leader) Recovered(reason api.Reason, n int) {
	l.metrics.recovered.WithLabelValues(string(reason)).Add(float64(n))
}

var errStopped = errors.New("stopped")
