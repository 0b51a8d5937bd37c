package topology

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

type source struct {
	all []Instance
	err error
}

func (s *source) Mesh(context.Context) ([]Instance, error) { return s.all, s.err }

func states(t *testing.T, w *Watch) (text string, err error) {
	t.Helper()
	all, err := w.Mesh(t.Context())
	for _, i := range all {
		text += fmt.Sprintf("%s=%s/%s ", i.Instance, i.State, i.Health)
	}
	return text, err
}

func said(instance, health string, calls uint64) Instance {
	return Instance{Service: "catalogs", Instance: instance, Epoch: "e1", Health: health, State: Live, HeardAt: time.Now(),
		Now: Snapshot{time.Now(), []Edge{{Source: "catalogs", Destination: "postgresql", Protocol: "postgresql", Calls: []uint64{calls}}}}}
}

// While the store is away a replica answers with what it hears itself, and takes nobody for lost who speaks to another one.
func TestWatchOutlivesItsSource(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &source{all: []Instance{said("c_1", "up", 1), said("c_2", "up", 1)}}
		w := NewWatch(s, 15*time.Second, 10*time.Minute)
		if got, err := states(t, w); got != "c_1=live/up c_2=live/up " || err != nil {
			t.Errorf("%s %v", got, err)
		}
		s.err = errors.New("away")
		<-time.After(time.Minute)
		w.Hear(said("c_1", "down", 2))
		if got, err := states(t, w); got != "c_1=live/down c_2=live/up " || err == nil {
			t.Errorf("%s %v", got, err)
		}
		<-time.After(59 * time.Second) // it may have spoken to another replica
		if got, _ := states(t, w); got != "c_1=live/down c_2=live/up " {
			t.Error(got)
		}
		<-time.After(2 * time.Second)
		if got, _ := states(t, w); got != "c_1=lost/down c_2=live/up " {
			t.Error(got)
		}
		s.err = nil
		s.all = []Instance{said("c_1", "up", 9), said("c_2", "up", 9)}
		if got, err := states(t, w); got != "c_1=live/up c_2=live/up " || err != nil {
			t.Errorf("%s %v", got, err)
		}
		<-time.After(time.Second)
		last := said("c_1", "draining", 9)
		last.State = Stopped
		w.Hear(last)
		if got, _ := states(t, w); got != "c_2=live/up " {
			t.Error(got)
		}
	})
}

// A killed instance whose name never comes back is a cause for ten minutes, whether the store or this replica has heard it last.
// One that nobody stands in for stays a cause, and so it is when the last of the others goes.
func TestWhoIsGoneIsNoCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		dead := said("c_old", "up", 1)
		dead.State = Lost
		s := &source{}
		w := NewWatch(s, 15*time.Second, 10*time.Minute)
		w.Hear(said("c_gone", "up", 1))
		alone := said("b_1", "up", 1)
		alone.Service, alone.Now = "billing", Snapshot{}
		w.Hear(alone)
		causes := func(health string) string {
			t.Helper()
			s.all = []Instance{said("c_new", health, 1), dead}
			all, err := w.Mesh(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return told(Causes(all))
		}
		<-time.After(time.Minute)
		if got := causes("up"); got != "billing; catalogs[c_gone c_old]" {
			t.Errorf("after a minute: %q", got)
		}
		<-time.After(9*time.Minute + time.Second)
		for health, want := range map[string]string{"up": "billing", "degraded": "catalogs; billing", "down": "billing; catalogs[c_gone c_old]"} {
			if got := causes(health); got != want {
				t.Errorf("after ten minutes, the one that is there is %s: %q, want %q", health, got, want)
			}
		}
	})
}

// Rates are of the last one to two minutes, and begin anew with an epoch.
func TestWatchKeepsAWindow(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := NewWatch(&source{}, 15*time.Second, 10*time.Minute)
		for n := range uint64(100) { // ten calls a second, every five seconds
			w.Hear(said("c_1", "up", n*50))
			all, _ := w.Mesh(t.Context())
			over := all[0].Now.At.Sub(all[0].Before.At)
			if n == 0 && !all[0].Before.At.IsZero() || n > 0 && n < 13 && over != time.Duration(n)*5*time.Second || n > 24 && (over < time.Minute || over > 2*time.Minute+10*time.Second) {
				t.Fatalf("report %d: a window of %v", n, over)
			}
			if l := Draw(all).Links[0]; n > 0 && (l.Rate < 9.99 || l.Rate > 10.01) {
				t.Fatalf("report %d: %v a second", n, l.Rate)
			}
			<-time.After(5 * time.Second)
		}
		fresh := said("c_1", "up", 3)
		fresh.Epoch = "e2"
		w.Hear(fresh)
		if all, _ := w.Mesh(t.Context()); !all[0].Before.At.IsZero() {
			t.Error("a new run is held against the old one")
		}
	})
}

// The last word of a run may come after the first of the next one.
func TestWatchHearsTheYoungestRun(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := NewWatch(&source{}, 15*time.Second, 10*time.Minute)
		young, old := said("c_1", "up", 1), said("c_1", "draining", 9)
		young.Epoch, old.State = "e2", Stopped
		w.Hear(young)
		w.Hear(old)
		if got, _ := states(t, w); got != "c_1=live/up " {
			t.Errorf("behind the last word of the run before: %q", got)
		}
		<-time.After(16 * time.Second)
		old.State, old.HeardAt = Live, time.Now() // its clock was set back: it is the one that speaks
		w.Hear(old)
		if got, _ := states(t, w); got != "c_1=live/draining " {
			t.Error(got)
		}
		<-time.After(2 * time.Hour)
		w.Hear(said("c_2", "up", 1))
		if len(w.heard) != 1 {
			t.Errorf("%d are remembered", len(w.heard))
		}
	})
}

func TestWatchIsBounded(t *testing.T) {
	t.Parallel()
	w := NewWatch(&source{}, time.Second, time.Minute)
	for n := range maxHeard + 100 {
		w.Hear(Instance{Service: "a", Instance: fmt.Sprint(n), State: Live, HeardAt: time.Now()})
	}
	if n := len(w.heard); n > maxHeard {
		t.Errorf("%d are known", n)
	}
}
