package ops

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
)

// LocalSettings of the overrides of one instance.
type LocalSettings struct {
	// Push takes every change of the set, in no order of precedence: there is one override a logger. Calls do not
	// overlap.
	Push func(all []level.Override)
	// Effective is a logger's level as it is now.
	Effective func(logger string) slog.Level
	// Changed hears of each override that begins or ends, after it did; it does not block. nil: nobody does.
	Changed func(c Change)
	Audit   *slog.Logger // hears when one runs out; nil: nobody does
}

// Change is an override that has begun, or ended.
type Change struct {
	ID            string
	Logger        string // "root" for all
	Before, After slog.Level
	Actor         string // "": its time was over
	Reason        string
	TTL           time.Duration // 0: it has ended
}

// Local are this instance's own overrides. Each runs out on the monotonic clock, whatever else is
// down. Safe for concurrent use.
type Local struct {
	set LocalSettings

	mu      sync.Mutex
	by      map[string]*local // by logger
	stopped bool
}

type local struct {
	level.Override
	timer         *time.Timer
	until         time.Time
	actor, reason string
}

// NewLocal makes an empty set.
func NewLocal(s LocalSettings) *Local {
	if s.Audit == nil {
		s.Audit = slog.New(slog.DiscardHandler)
	}
	if s.Changed == nil {
		s.Changed = func(Change) {}
	}
	return &Local{set: s, by: map[string]*local{}}
}

// OverrideLocal puts w into effect; it replaces an earlier override of the same logger.
func (s *Local) OverrideLocal(w Wanted) Override {
	o := level.Override{LeaseID: "local-" + rand.Text(), Logger: w.Logger, Level: w.Level}
	until := time.Now().Add(w.TTL)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.by[w.Logger]; ok {
		old.timer.Stop()
	}
	if !s.stopped {
		before := s.set.Effective(w.Logger)
		s.by[w.Logger] = &local{o, time.AfterFunc(w.TTL, func() { s.expire(w.Logger, o.LeaseID) }), until, w.Actor, w.Reason}
		s.changed()
		s.set.Changed(Change{ID: o.LeaseID, Logger: named(w.Logger), Before: before, After: s.set.Effective(w.Logger), Actor: w.Actor, Reason: w.Reason, TTL: w.TTL})
	}
	return Override{ID: o.LeaseID, Logger: named(w.Logger), Level: w.Level, Until: until.UTC()}
}

// ResetLocal ends the override of a logger ("" is the root) before its time; false when there is none.
func (s *Local) ResetLocal(logger, actor string) (id string, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.by[logger]
	if !ok || s.stopped {
		return "", false
	}
	o.timer.Stop()
	s.end(o, actor)
	return o.LeaseID, true
}

// Lease tells of an override in effect as of a lease; false when the id is none's.
func (s *Local) Lease(id string) (lease.Lease, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range s.by {
		if o.LeaseID == id {
			return lease.Lease{ID: id, Kind: lease.Level, Logger: o.Logger, Value: o.Level.String(), Owner: o.actor, Reason: o.reason, Until: o.until}, true
		}
	}
	return lease.Lease{}, false
}

// expire ends an override, unless it was replaced in the meantime.
func (s *Local) expire(logger, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	o, ok := s.by[logger]
	if !ok || o.LeaseID != id || s.stopped {
		return
	}
	s.end(o, "")
	logging.Audit(context.Background(), s.set.Audit, "local level change ran out", slog.String("target", named(logger)), slog.String("lease_id", id))
}

// end takes an override out of effect. s.mu is held.
func (s *Local) end(o *local, actor string) {
	before := s.set.Effective(o.Logger)
	delete(s.by, o.Logger)
	s.changed()
	s.set.Changed(Change{ID: o.LeaseID, Logger: named(o.Logger), Before: before, After: s.set.Effective(o.Logger), Actor: actor, Reason: o.reason})
}

// Stop ends the timers; what is in effect stays so, and nothing comes after it.
func (s *Local) Stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped = true
	for _, o := range s.by {
		o.timer.Stop()
	}
}

// changed pushes the set. s.mu is held.
func (s *Local) changed() {
	all := make([]level.Override, 0, len(s.by))
	for _, o := range s.by {
		all = append(all, o.Override)
	}
	slices.SortFunc(all, func(a, b level.Override) int { return strings.Compare(a.Logger, b.Logger) })
	s.set.Push(all)
}

func named(logger string) string {
	if logger == "" {
		return Root
	}
	return logger
}
