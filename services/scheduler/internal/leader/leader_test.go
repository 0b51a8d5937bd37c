package leader_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/leader"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
)

// term is a leadership whose every pass is written down.
type term struct {
	epoch int64
	every time.Duration // something is due so often
	fail  int           // from this pass on
	many  bool          // schedules are due at once
	took  time.Duration // to prepare them

	mu      sync.Mutex
	passes  []time.Time
	aheads  []time.Duration // before the due time
	expired int
	closed  bool
	down    bool
	holds   []time.Duration
	wake    chan error // nil: nobody wants a pass
}

func (f *term) Epoch() int64 { return f.epoch }

func (f *term) Pass(context.Context, time.Time) (plan.Pass, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.passes, f.down = append(f.passes, time.Now()), false
	if f.fail > 0 && len(f.passes) >= f.fail {
		return plan.Pass{}, errors.New("connection lost")
	}
	now := time.Now()
	return plan.Pass{Now: now, Complete: true, Fired: 1, Late: []time.Duration{time.Millisecond},
		Skipped: map[api.Reason]int{api.ReasonPaused: 2}, NextDue: now.Truncate(f.every).Add(f.every), Many: f.many}, nil
}

// Ahead prepares nothing unless many are due at once; then it ends when they are.
func (f *term) Ahead(ctx context.Context, due time.Time) (plan.Pass, error) {
	f.mu.Lock()
	f.aheads = append(f.aheads, time.Until(due))
	f.mu.Unlock()
	<-time.After(time.Until(due))
	return plan.Pass{Now: due, Fired: 1, Took: f.took}, ctx.Err()
}

func (f *term) Expire(context.Context) (map[api.Reason]int, bool, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.expired++
	return nil, false, nil
}

func (f *term) Hold(_ context.Context, unready time.Duration) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.down = true
	f.holds = append(f.holds, unready)
	return nil
}

func (f *term) Down() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.down
}

func (f *term) Measure(context.Context) ([]plan.Level, error) {
	return []plan.Level{{State: api.Waiting, Waits: api.WaitsCatchUp, Number: 3}}, nil
}

func (f *term) Woken(ctx context.Context) error {
	select {
	case err := <-f.wake:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (f *term) Close(context.Context) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.closed = true
	return nil
}

func (f *term) all() []time.Time {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.passes
}

// run runs a leader for d of the bubble's time.
func run(t *testing.T, l *leader.Leader, d time.Duration) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), d)
	defer cancel()
	if err := l.Run(ctx); err != nil {
		t.Error(err)
	}
	if l.Leading() != 0 {
		t.Error("leads after its end")
	}
}

func TestPlannerWakesAtDueTimesAndGivesSignsOfLife(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		busy := &term{epoch: 1, every: 200 * time.Millisecond}
		run(t, leader.New(leader.Settings{Campaign: once(busy)}), 10*time.Second)
		for _, at := range busy.all()[1:] {
			if late := at.Sub(at.Truncate(busy.every)); late > 5*time.Millisecond {
				t.Errorf("a pass %s after the due time", late)
			}
		}
		if n := len(busy.all()); n < 45 || n > 60 || !busy.closed || busy.expired != 1 {
			t.Errorf("%d passes, closed %t, expired %d", n, busy.closed, busy.expired)
		}
		idle := &term{epoch: 2, every: 24 * time.Hour}
		run(t, leader.New(leader.Settings{Campaign: once(idle)}), 2*time.Minute)
		for i, at := range idle.all()[1:] {
			if silent := at.Sub(idle.passes[i]); silent > time.Second {
				t.Errorf("silent for %s", silent)
			}
		}
		if idle.expired != 2 {
			t.Errorf("expired %d times in two minutes", idle.expired)
		}
	})
}

// What is due together is prepared once, twice as long before as it took the last time; the passes at the due times stay.
func TestPlannerPreparesWhatIsDueTogether(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		for took, want := range map[time.Duration]time.Duration{
			100 * time.Millisecond: 200 * time.Millisecond, time.Millisecond: 50 * time.Millisecond, time.Second: 400 * time.Millisecond,
		} {
			busy := &term{epoch: 1, every: time.Second, many: true, took: took}
			run(t, leader.New(leader.Settings{Campaign: once(busy)}), 10500*time.Millisecond)
			for i, lead := range busy.aheads {
				if i > 0 && (lead > want || lead < want-5*time.Millisecond) || lead > 400*time.Millisecond {
					t.Errorf("after one that took %s: %s before it is due", took, lead)
				}
			}
			at := map[time.Duration]bool{}
			for _, pass := range busy.all() {
				if late := pass.Sub(pass.Truncate(time.Second)); late < 5*time.Millisecond {
					at[pass.Sub(busy.all()[0]).Round(time.Second)] = true
				}
			}
			if n := len(busy.aheads); n < 9 || n > 11 || len(at) < 10 {
				t.Errorf("after one that took %s: %d prepared, %d passes when it was due", took, n, len(at))
			}
		}
	})
}

func once(only *term) leader.Campaign {
	taken := false
	return func(context.Context) (leader.Term, error) {
		if taken {
			return nil, nil
		}
		taken = true
		return only, nil
	}
}

func TestLostTermIsLeftAndTheNextOneTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		terms := []*term{{epoch: 1, every: time.Second, fail: 3}, {epoch: 2, every: time.Second}}
		calls := 0
		reg := prometheus.NewRegistry()
		l := leader.New(leader.Settings{Registerer: reg, Campaign: func(context.Context) (leader.Term, error) {
			calls++
			switch calls {
			case 1:
				return nil, errors.New("no server")
			case 2:
				return nil, nil // somebody else
			case 3:
				return terms[0], nil
			default:
				return terms[1], nil
			}
		}})
		run(t, l, 10*time.Second)
		if !terms[0].closed || len(terms[0].all()) != 3 || len(terms[1].all()) < 5 {
			t.Errorf("first term: closed %t after %d passes; second: %d passes", terms[0].closed, len(terms[0].all()), len(terms[1].all()))
		}
		if gap := terms[1].all()[0].Sub(terms[0].all()[2]); gap > time.Second {
			t.Errorf("%s between the terms", gap)
		}
		if problems, err := testutil.GatherAndLint(reg); err != nil || len(problems) > 0 {
			t.Errorf("metrics: %v, %v", problems, err)
		}
		if n, err := testutil.GatherAndCount(reg, "signalbox_scheduler_missed_total", "signalbox_scheduler_timer_runs_total"); n != len(api.Reasons())+1 || err != nil {
			t.Errorf("%d series, %v", n, err)
		}
	})
}

// A bus that is away for a moment changes nothing; one that is away for longer is waited for, and what lasts when a
// term begins is not planned into.
func TestHoldsWhileTheBusIsAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		away := func(from, to time.Duration) bool { return time.Since(began) >= from && time.Since(began) < to }
		ready := func() bool { return !away(10*time.Second, 13*time.Second) && !away(20*time.Second, 50*time.Second) }
		one := &term{epoch: 1, every: 100 * time.Millisecond}
		run(t, leader.New(leader.Settings{Campaign: once(one), Ready: ready}), time.Minute)
		if n := len(one.holds); n < 25 || n > 30 || one.holds[0] < 5*time.Second || one.holds[0] > 6*time.Second || one.down {
			t.Errorf("%d holds, after %s, down %t", n, one.holds, one.down)
		}
		for _, at := range one.all() {
			if since := at.Sub(began); since > 26*time.Second && since < 50*time.Second {
				t.Errorf("planned %s after the begin", since)
			}
		}
		lasting := &term{epoch: 2, every: 100 * time.Millisecond, down: true}
		run(t, leader.New(leader.Settings{Campaign: once(lasting), Ready: func() bool { return false }}), 3*time.Second)
		if len(lasting.all()) != 0 || len(lasting.holds) < 3 {
			t.Errorf("%d passes, %d holds", len(lasting.all()), len(lasting.holds))
		}
	})
}

// Whoever ends a fire that others wait for does not wait for the timer; a session that is lost is noticed at once.
func TestAPassIsWantedBeforeItsTime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		idle := &term{epoch: 1, every: 24 * time.Hour, wake: make(chan error)}
		began := time.Now()
		go func() {
			<-time.After(2500 * time.Millisecond)
			idle.wake <- nil
			idle.wake <- errors.New("connection lost")
		}()
		run(t, leader.New(leader.Settings{Campaign: once(idle)}), 5*time.Second)
		passes := idle.all()
		if last := passes[len(passes)-1].Sub(began); len(passes) != 4 || last < 2500*time.Millisecond || last > 2505*time.Millisecond || !idle.closed {
			t.Errorf("%d passes, the last after %s, closed %t", len(passes), last, idle.closed)
		}
	})
}

// Healthy but useless (G-4): a candidate that cannot ask says so, and says when it can again.
func TestG4_CheckNoticesNoProgress(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var failing error
		l := leader.New(leader.Settings{Campaign: func(context.Context) (leader.Term, error) { return nil, failing }})
		failing = errors.New("no server")
		run(t, l, time.Second)
		if l.Check(t.Context()) == nil {
			t.Error("the check is content without a server")
		}
		failing = nil
		run(t, l, time.Second)
		if err := l.Check(t.Context()); err != nil {
			t.Errorf("the check has not recovered: %v", err)
		}
	})
}
