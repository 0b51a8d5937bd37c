package fleet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// told is what view-service was told in one Sync.
func told(in *fleetv1.SyncRequest) (all []string) {
	for _, e := range in.GetEvents() {
		all = append(all, fmt.Sprintf("%s %s %s>%s", e.GetWhat(), e.GetLeaseId(), e.GetBefore(), e.GetAfter()))
	}
	return all
}

func TestWhatHappensIsToldUntilItWasHeard(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "leases.json")
	synctest.Test(t, func(t *testing.T) {
		m := &machine{boot: "b", booted: time.Now()}
		v := &view{}
		v.answers = once(v, answering(3, lev("a", 1, "DEBUG", 7*time.Second), lev("b", 2, "loud", time.Hour), lev("c", 3, "WARN", time.Hour)))
		a, _, _ := m.instance(t, v, file)
		began := time.Now()
		ctx, kill := context.WithCancel(t.Context())
		dead := make(chan struct{})
		go func() { defer close(dead); _ = a.Run(ctx) }()
		<-time.After(time.Second)
		a.Spent("c", 10, 2000)
		a.Spent("nobody", 1, 1)
		synctest.Wait()
		a.Note(Event{LeaseID: "local-1", What: LocalSet, Before: "INFO", After: "DEBUG", Actor: "me"})
		<-time.After(20 * time.Second)
		kill()
		<-dead
		want := "refused b loud>,spent c WARN>,local_set local-1 INFO>DEBUG,expired a DEBUG>"
		last := v.heard[len(v.heard)-1]
		if got := strings.Join(told(last), ","); got != want {
			t.Errorf("while view-service is away it is told %q, want %q", got, want)
		}
		if took := last.GetEvents()[3].GetAt().AsTime().Sub(began); took != 7*time.Second {
			t.Errorf("it ended after %s", took)
		}

		// The process ends, and another takes over: nothing is forgotten, and each has the name that it had.
		v.answers = answering(3, lev("b", 2, "loud", time.Hour), lev("c", 3, "WARN", time.Hour))
		second, levels, _ := m.instance(t, v, file)
		if levels.is() != "" {
			t.Errorf("a budget that was spent begins anew: %q", levels.is())
		}
		for range 2 {
			if err := second.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		heard := v.heard[len(v.heard)-2:]
		if got := strings.Join(told(heard[0]), ","); got != want+",refused b loud>,resumed b >loud,resumed c >WARN" {
			t.Errorf("after the restart it is told %q", got)
		}
		for i, e := range last.GetEvents() {
			if heard[0].GetEvents()[i].GetId() != e.GetId() {
				t.Errorf("%v has another name now", e)
			}
		}
		if again := told(heard[1]); again != nil {
			t.Errorf("what was heard is told again: %q", again)
		}
		if levels.is() != "" {
			t.Errorf("a budget that was spent begins anew with the first sync: %q", levels.is())
		}
		if all := heard[1].GetApplied(); len(all) != 2 || !all[1].GetSpent() || all[0].GetError() == "" {
			t.Errorf("it reports %v", all)
		}
	})
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	a, _, _ := agent(t, &view{answers: answering(0)})
	for i := range maxEvents + 500 {
		a.Note(Event{LeaseID: fmt.Sprint(i), What: LocalSet, Detail: strings.Repeat("\xffé", 1000)})
	}
	all := a.events.all()
	if len(all) != maxEvents || all[0].LeaseID != "500" || testutil.ToFloat64(a.metrics.lost) != 500 {
		t.Errorf("%d wait, the oldest is %s", len(all), all[0].LeaseID)
	}
	if n := len(all[0].Detail); n == 0 || n > maxText {
		t.Errorf("a detail of %d bytes", n)
	}
}

// View-service answers a Sync within its time only if there is not too much in it: what has gathered while it was away is
// told piece by piece, each event once, with no heartbeat in between.
func TestManyEventsAreToldInPieces(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &view{answers: answering(0)}
		a, _, _ := agent(t, v)
		for i := range maxEvents {
			a.Note(Event{LeaseID: fmt.Sprint(i), What: LocalSet})
		}
		live(t, a, 4*time.Second) // a heartbeat is 5 s
		next := 0
		for _, in := range v.heard {
			if n := len(in.GetEvents()); n > maxTold {
				t.Errorf("%d events in one sync", n)
			}
			for _, e := range in.GetEvents() {
				if e.GetLeaseId() != fmt.Sprint(next) {
					t.Fatalf("event %s is told, want %d", e.GetLeaseId(), next)
				}
				next++
			}
		}
		if next != maxEvents {
			t.Errorf("%d events are told", next)
		}
	})
}

// picky is an effect that refuses one value.
type picky struct{ applied [][]lease.Lease }

func (p *picky) Apply(all []lease.Lease) map[string]error {
	p.applied = append(p.applied, all)
	for _, one := range all {
		if one.Value == "no" {
			return map[string]error{one.ID: errors.New("not here")}
		}
	}
	return nil
}

func TestAnEffectIsToldOfChangesAloneAndRefuses(t *testing.T) {
	t.Parallel()
	one := func(id, value string) *fleetv1.Lease {
		l := lev(id, 1, value, time.Minute)
		l.Kind, l.Budget = lease.Profile, &fleetv1.Budget{Lines: 3, Bytes: 4}
		return l
	}
	huge := one("huge", strings.Repeat("x", lease.MaxValue+1))
	v := &view{answers: answering(1, one("a", "yes"), one("b", "no"), huge)}
	a, _, _ := agent(t, v)
	effect := &picky{}
	a.leases.effects[lease.Profile] = effect
	for range 3 {
		if err := a.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if len(effect.applied) != 1 || len(effect.applied[0]) != 2 || effect.applied[0][0].Lines != 3 || effect.applied[0][0].Bytes != 4 {
		t.Errorf("it was given %v", effect.applied)
	}
	var got []string
	for _, l := range v.heard[2].GetApplied() {
		got = append(got, l.GetId()+": "+l.GetError())
	}
	if want := "a: ,b: not here,huge: the value is larger than 4 KiB"; strings.Join(got, ",") != want {
		t.Errorf("reported %q, want %q", got, want)
	}
	if a.leases.count() != 1 {
		t.Errorf("%d are in effect", a.leases.count())
	}
	v.answers = answering(2, one("b", "no"))
	if err := a.Sync(t.Context()); err != nil || len(effect.applied) != 2 {
		t.Errorf("it was given %v (%v)", effect.applied, err)
	}
	v.answers = answering(3)
	if err := a.Sync(t.Context()); err != nil || len(effect.applied) != 3 || len(effect.applied[2]) != 0 {
		t.Errorf("it was given %v (%v)", effect.applied, err)
	}
	var refusals []string
	for _, in := range v.heard {
		refusals = append(refusals, told(in)...)
	}
	if len(refusals) != 2 {
		t.Errorf("it was told %q of 2 refusals", refusals)
	}
}
