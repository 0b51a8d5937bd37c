package fleet

import (
	"cmp"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"time"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

var errOvertaken = errors.New("a later change came first, a sync is under way")

// near is how much two reckonings of the same end may differ, by the time that a Sync is under way.
const near = 250 * time.Millisecond

// held is a lease that is for this instance.
type held struct {
	lease.Lease
	refused error // why it is not in effect here
	told    bool  // the refusal is in the journal
	spent   bool  // its budget is used up: its effect has let it go by itself
}

// earlier is what the budget of a lease has come to in the processes before this one: it does not begin anew.
type earlier struct {
	lease.Use
	spent bool
}

// leases of this instance. Whatever changes them puts them into effect, in one go.
type leases struct {
	service, instance string
	effects           map[string]lease.Effect
	note              func(all ...Event) // takes no lock that anybody holds who calls here
	save              func()             // asks for the disk; does not block
	effective         func(logger string) slog.Level

	mu      sync.Mutex
	heard   revisions
	held    map[string]*held
	stale   map[string]bool // kinds whose leases have changed since their effect was told
	before  map[string]earlier
	next    time.Time     // when expire looks again, if nobody wakes it
	changed chan struct{} // the next end is before that, or a budget is spent

	tallies sync.Mutex // apart, since who spends may be held up by a push
	spent   []tally
}

func newLeases(service, instance string, effects map[string]lease.Effect) *leases {
	l := &leases{service: service, instance: instance, effects: effects, note: func(...Event) {}, save: func() {}, held: map[string]*held{},
		stale: map[string]bool{}, before: map[string]earlier{}, changed: make(chan struct{}, 1)}
	l.heard.reset(0)
	return l
}

// seen is the highest revision heard of.
func (l *leases) seen() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.heard.highest
}

// count is how many are in effect.
func (l *leases) count() (n int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, one := range l.held {
		if one.refused == nil && !one.spent {
			n++
		}
	}
	return n
}

func (l *leases) lease(id string) (lease.Lease, bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if one := l.held[id]; one != nil {
		return one.Lease, true
	}
	return lease.Lease{}, false
}

func (l *leases) applied() (all []*fleetv1.AppliedLease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id, one := range l.held {
		report := &fleetv1.AppliedLease{Id: id, Spent: one.spent}
		if one.refused != nil {
			report.Error = one.refused.Error()
		}
		all = append(all, report)
	}
	slices.SortFunc(all, func(a, b *fleetv1.AppliedLease) int { return cmp.Compare(a.Id, b.Id) })
	return all
}

// replace takes over what a Sync answered that was asked at a time when the revision was before. It refuses,
// and returns false, an answer that is older than a message that came in meanwhile. An older revision
// without that is the truth: view-service's database was set back.
func (l *leases) replace(res *fleetv1.SyncResponse, before int64, asked time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.heard.highest != before && res.GetRevision() < l.heard.highest {
		return false
	}
	l.heard.reset(res.GetRevision())
	named := map[string]bool{}
	for _, in := range res.GetLeases() {
		if one := taken(in, asked); one.Matches(l.service, l.instance) {
			named[one.ID] = true
			l.put(one)
		}
	}
	for id := range l.held {
		if !named[id] {
			l.remove(id)
		}
	}
	maps.DeleteFunc(l.before, func(id string, _ earlier) bool { return !named[id] })
	l.push()
	return true
}

// set applies a lease from a message; false says that a revision before it was missed.
func (l *leases) set(in lease.Lease) (whole bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if in.Revision > l.heard.highest {
		l.heard.step(in.Revision)
	} else if !l.heard.fill(in.Revision, in.ID) {
		return l.heard.whole(), l.known(in.ID) // the Sync that brought the revision brought its effect
	}
	if in.Matches(l.service, l.instance) {
		l.put(in)
		l.push()
		err = l.held[in.ID].refused
	}
	return l.heard.whole(), err
}

// drop ends a lease; false says that a revision before it was missed. A drop that a later change has overtaken counts
// too: no lease comes back under its id.
func (l *leases) drop(id string, revision int64) (whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if revision > l.heard.highest {
		l.heard.step(revision)
	} else {
		l.heard.fill(revision, id)
	}
	l.heard.drop(id)
	l.remove(id)
	l.push()
	return l.heard.whole()
}

// known is why a lease that was heard of is not in effect; nil when it is, or is over.
func (l *leases) known(id string) error {
	one := l.held[id]
	switch {
	case one != nil:
		return one.refused
	case !l.heard.whole():
		return errOvertaken
	default:
		return nil
	}
}

// put takes a lease in; the same one with the same end is no change.
func (l *leases) put(in lease.Lease) {
	if old := l.held[in.ID]; old != nil && same(old.Lease, in) {
		return
	}
	next := &held{Lease: in, spent: l.before[in.ID].spent}
	if old := l.held[in.ID]; old != nil {
		next.told, next.spent = old.told, old.spent
	}
	l.held[in.ID] = next
	l.stale[in.Kind] = true
}

func same(a, b lease.Lease) bool {
	if off := a.Until.Sub(b.Until); a.Kept() != b.Kept() || off > near || off < -near {
		return false
	}
	a.Until = b.Until
	return a == b
}

func (l *leases) remove(id string) {
	if one := l.held[id]; one != nil {
		delete(l.held, id)
		delete(l.before, id)
		l.stale[one.Kind] = true
	}
}

// push puts the kinds that have changed into effect, each weakest first, as view-service orders them.
func (l *leases) push() {
	for kind := range l.stale {
		l.apply(kind)
	}
	if len(l.stale) > 0 {
		l.save()
	}
	clear(l.stale)
	for _, one := range l.held {
		if !one.Kept() && one.Until.Before(l.next) {
			l.wake()
			return
		}
	}
}

func (l *leases) wake() {
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l *leases) apply(kind string) {
	effect := l.effects[kind]
	var all []lease.Lease
	for _, one := range l.held {
		switch {
		case one.Kind != kind || l.before[one.ID].spent:
		case effect == nil:
			l.refuse(one, fmt.Errorf("this version knows no leases of the kind %.40q", kind))
		case len(one.Value) > lease.MaxValue:
			l.refuse(one, lease.ErrTooLarge)
		default:
			in := one.Lease
			in.Used = l.before[in.ID].Use
			all = append(all, in)
		}
	}
	if effect == nil {
		return
	}
	lease.Sort(all)
	refused := effect.Apply(all)
	for _, one := range all {
		l.refuse(l.held[one.ID], refused[one.ID])
	}
}

// refuse notes why a lease is not in effect, or that it is.
func (l *leases) refuse(one *held, why error) {
	one.refused = why
	if why != nil && !one.told {
		one.told = true
		l.note(Event{LeaseID: one.ID, What: Refused, Before: one.Value, Detail: why.Error()})
	}
}

// taken is a lease as the contract has it, from a Sync that was asked at.
func taken(in *fleetv1.Lease, asked time.Time) lease.Lease {
	one := lease.Lease{ID: in.GetId(), Kind: in.GetKind(), Service: in.GetService(), Instance: in.GetInstance(), Logger: in.GetLogger(),
		Value: in.GetValue(), Owner: in.GetOwner(), Reason: in.GetReason(), Revision: in.GetRevision(),
		Lines: in.GetBudget().GetLines(), Bytes: in.GetBudget().GetBytes()}
	if !in.GetKeep() {
		one.Until = asked.Add(in.GetRemaining().AsDuration())
	}
	return one
}
