package fleet

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
)

// kindLevel is the one kind of lease that there is.
const kindLevel = "level"

var (
	errKind      = errors.New("this kind of lease is not known here")
	errOvertaken = errors.New("a later change came first, a sync is under way")
)

// lease that holds here, and until when by our own clock.
type lease struct {
	id                        string
	revision                  int64
	service, instance, logger string
	level                     slog.Level
	until                     time.Time
}

// leases of this instance. Whatever changes them changes the levels with them, in one go.
type leases struct {
	service, instance string
	levels            Levels

	mu       sync.Mutex
	revision int64 // of the mesh, as far as it was heard
	hole     bool  // a revision below was missed, and no Sync has brought it yet
	held     map[string]lease
	refused  map[string]string // lease id: why it is not in effect here
	changed  chan struct{}     // the next expiry may be another one
}

func newLeases(service, instance string, l Levels) *leases {
	return &leases{service: service, instance: instance, levels: l, held: map[string]lease{}, refused: map[string]string{}, changed: make(chan struct{}, 1)}
}

// seen is the highest revision heard of.
func (l *leases) seen() int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.revision
}

func (l *leases) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.held)
}

func (l *leases) applied() (all []*fleetv1.AppliedLease) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for id := range l.held {
		all = append(all, &fleetv1.AppliedLease{Id: id})
	}
	for id, why := range l.refused {
		all = append(all, &fleetv1.AppliedLease{Id: id, Error: why})
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
	if l.revision != before && res.GetRevision() < l.revision {
		return false
	}
	l.revision, l.hole = res.GetRevision(), false
	clear(l.held)
	clear(l.refused)
	for _, in := range res.GetLeases() {
		_ = l.put(in, asked) // what it refuses stands in l.refused, and is reported with the next Sync
	}
	l.push()
	return true
}

// set applies a lease from a message; false says that a revision before it was missed.
func (l *leases) set(in *fleetv1.Lease, now time.Time) (whole bool, err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if in.GetRevision() <= l.revision {
		return true, l.known(in.GetId()) // the Sync that brought the revision brought its effect
	}
	whole = l.step(in.GetRevision())
	if l.mine(in) {
		err = l.put(in, now)
		l.push()
	}
	return whole, err
}

// drop ends a lease; false says that a revision before it was missed. A drop that a later change has overtaken counts
// too: no lease comes back under its id.
func (l *leases) drop(id string, revision int64) (whole bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	whole = revision <= l.revision || l.step(revision)
	delete(l.held, id)
	delete(l.refused, id)
	l.push()
	return whole
}

// step notes the revision, and reports whether it is the next one.
func (l *leases) step(revision int64) bool {
	next := revision == l.revision+1
	l.revision, l.hole = revision, l.hole || !next
	return next
}

func (l *leases) mine(in *fleetv1.Lease) bool {
	return (in.GetService() == "" || in.GetService() == l.service) && (in.GetInstance() == "" || in.GetInstance() == l.instance)
}

// known is why a lease that was heard of is not in effect; nil when it is, or is over.
func (l *leases) known(id string) error {
	if why := l.refused[id]; why != "" {
		return errors.New(why)
	}
	if _, ok := l.held[id]; !ok && l.hole {
		return errOvertaken
	}
	return nil
}

func (l *leases) put(in *fleetv1.Lease, now time.Time) error {
	one := lease{id: in.GetId(), revision: in.GetRevision(), service: in.GetService(), instance: in.GetInstance(), logger: in.GetLogger(),
		until: now.Add(in.GetRemaining().AsDuration())}
	err := one.level.UnmarshalText([]byte(in.GetValue()))
	if in.GetKind() != kindLevel {
		err = errKind
	} else if err != nil {
		err = fmt.Errorf("%q is no level", in.GetValue())
	}
	if err != nil {
		l.refused[one.id] = err.Error()
		return err
	}
	l.held[one.id] = one
	return nil
}

// push makes the levels be what the leases say: weakest first, as view-service orders them.
func (l *leases) push() {
	all := make([]lease, 0, len(l.held))
	for _, one := range l.held {
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b lease) int {
		return cmp.Or(cmp.Compare(a.specific(), b.specific()), cmp.Compare(a.revision, b.revision))
	})
	overrides := make([]level.Override, len(all))
	for i, one := range all {
		overrides[i] = level.Override{LeaseID: one.id, Logger: one.logger, Level: one.level}
	}
	l.levels.Set(Source, overrides)
	select {
	case l.changed <- struct{}{}:
	default:
	}
}

func (l lease) specific() (n int) {
	if l.service != "" {
		n++
	}
	if l.instance != "" {
		n += 2
	}
	return n
}

// expire ends leases when their time is over, until ctx ends.
func (l *leases) expire(ctx context.Context) {
	for {
		timer := time.NewTimer(l.due(time.Now()))
		select {
		case <-timer.C:
		case <-l.changed:
		case <-ctx.Done():
			timer.Stop()
			return
		}
		timer.Stop()
	}
}

// due ends what is over, and returns the time until the next end.
func (l *leases) due(now time.Time) time.Duration {
	l.mu.Lock()
	defer l.mu.Unlock()
	next, over := time.Hour, false
	for id, one := range l.held {
		if left := one.until.Sub(now); left <= 0 {
			delete(l.held, id)
			over = true
		} else {
			next = min(next, left)
		}
	}
	if over {
		l.push()
	}
	return next
}
