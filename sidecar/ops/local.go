package ops

import (
	"context"
	"crypto/rand"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
)

// Local are this instance's own overrides. Each runs out on the monotonic clock, whatever else is
// down. Safe for concurrent use.
type Local struct {
	push  func(all []level.Override)
	audit *slog.Logger

	mu      sync.Mutex
	by      map[string]*local // by logger
	stopped bool
}

type local struct {
	level.Override
	timer *time.Timer
}

// NewLocal gives every change of the set to push, in no order of precedence: there is one override a
// logger. push is not called concurrently. audit hears when one runs out; nil: nobody does.
func NewLocal(push func(all []level.Override), audit *slog.Logger) *Local {
	if audit == nil {
		audit = slog.New(slog.DiscardHandler)
	}
	return &Local{push: push, audit: audit, by: map[string]*local{}}
}

// OverrideLocal puts l into effect for ttl; it replaces an earlier override of the same logger ("" is
// the root).
func (s *Local) OverrideLocal(logger string, l slog.Level, ttl time.Duration, _ string) Override {
	o := level.Override{LeaseID: "local-" + rand.Text(), Logger: logger, Level: l}
	until := time.Now().UTC().Add(ttl)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old, ok := s.by[logger]; ok {
		old.timer.Stop()
	}
	if !s.stopped {
		s.by[logger] = &local{o, time.AfterFunc(ttl, func() { s.expire(logger, o.LeaseID) })}
		s.changed()
	}
	return Override{ID: o.LeaseID, Logger: named(logger), Level: l, Until: until}
}

// expire ends an override, unless it was replaced in the meantime.
func (s *Local) expire(logger, id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.by[logger]; !ok || o.LeaseID != id || s.stopped {
		return
	}
	delete(s.by, logger)
	s.changed()
	logging.Audit(context.Background(), s.audit, "local level change ran out", slog.String("target", named(logger)), slog.String("lease_id", id))
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
	s.push(all)
}

func named(logger string) string {
	if logger == "" {
		return Root
	}
	return logger
}
