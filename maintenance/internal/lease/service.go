package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Config of leases.
type Config struct {
	TTL    time.Duration // of a lease that names none
	MaxTTL time.Duration
	Wait   time.Duration // for acknowledgements
}

// Changes of leases. Each gets its audit row, its event on the bus and a note of the live instances that it is for, of
// which nothing is known yet, in one transaction; setting and dropping get the next revision, too.
type Changes interface {
	// soon, which does not block, is told what is about to be committed, as long as it was not.
	SetLease(ctx context.Context, l Lease, ttl time.Duration, soon func(Lease, []Target)) (Lease, []Target, error)
	// DropLease ends a lease now. Errors: ErrUnknown; ErrOver, with the lease as it has ended.
	DropLease(ctx context.Context, id string, by Actor) (Lease, []Target, error)
	// ExpireLeases ends those whose time is over, some at a time, each once whoever calls; none: there are no more.
	ExpireLeases(ctx context.Context) ([]Lease, error)
}

// Outcomes of changes at the instances.
type Outcomes interface {
	Learn(ctx context.Context, leaseID, change string, all []Outcome) error
	// LearnLate takes an outcome that came after the waiting, of the change with the revision.
	LearnLate(ctx context.Context, leaseID string, revision int64, o Outcome) error
}

// Fleet is what is known of the instances.
type Fleet interface {
	// Members are the live instances that a lease with this target is for.
	Members(ctx context.Context, service, instance string) ([]Member, error)
	// HasLogger says whether one of them has the logger, or one below it.
	HasLogger(ctx context.Context, service, instance, logger string) (bool, error)
	InForce(ctx context.Context) ([]Lease, error)
}

// Store keeps leases.
type Store interface {
	Changes
	Outcomes
	Fleet
}

// Settings of a Service.
type Settings struct {
	Config     Config
	Store      Store
	Announcer  *Announcer
	Known      func() []string // services of the mesh, whether they run or not; nil: not known
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Service sets, drops and ends leases. Safe for concurrent use.
type Service struct {
	Settings
	effect  prometheus.Histogram
	changes *prometheus.CounterVec
	keeper
}

// New makes a service and registers its metrics.
func New(s Settings) *Service {
	effect := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "signalbox_lease_effect_duration_seconds",
		Help: "Time from the commit of a lease's change to the last acknowledgement", Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 2},
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour})
	changes := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_lease_changes_total",
		Help: "Changes of leases, and of levels on the instances themselves, that this replica has written into the audit"}, []string{"kind", "action"})
	for _, kind := range Kinds() {
		for _, action := range []string{ActionSet, ActionDrop, ActionExpire} {
			changes.WithLabelValues(kind, action)
		}
	}
	for _, kind := range []string{lease.Level, lease.Debug} { // which have budgets
		changes.WithLabelValues(kind, ActionSpent)
	}
	changes.WithLabelValues(lease.Level, ActionLocal)
	s.Registerer.MustRegister(effect, changes)
	return &Service{Settings: s, effect: effect, changes: changes, keeper: keeper{receipts: make(chan kept, unkept)}}
}

// Set makes the lease and answers after all live instances that it is for have applied it, or after
// Config.Wait. Errors are *problem.Error.
func (s *Service) Set(ctx context.Context, by access.Principal, r Request) (Receipt, error) {
	start := time.Now()
	ttl, err := s.admit(by, &r)
	if err != nil {
		return Receipt{}, err
	}
	if r.Strict {
		if err := s.strict(ctx, r.Lease); err != nil {
			return Receipt{}, err
		}
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Receipt{}, fmt.Errorf("make the lease's id: %w", err)
	}
	r.ID, r.Owner, r.OwnerName = id.String(), by.Subject, by.Name
	has := s.look(ctx, r.Lease)
	var text draft
	l, targets, err := s.Store.SetLease(ctx, r.Lease, ttl, func(l Lease, targets []Target) { text = s.Announcer.draft(actionSet, l, len(targets)) })
	if err != nil {
		return Receipt{}, stored("set the lease", err)
	}
	got := s.tell(ctx, actionSet, l, targets, text, start)
	got.Warnings = s.warn(l, targets, has)
	return got, nil
}

// Preview says what the lease would cost, and changes nothing. Errors are those of Set.
func (s *Service) Preview(ctx context.Context, by access.Principal, r Request) (Preview, []string, error) {
	if _, err := s.admit(by, &r); err != nil {
		return Preview{}, nil, err
	}
	if r.Strict {
		if err := s.strict(ctx, r.Lease); err != nil {
			return Preview{}, nil, err
		}
	}
	members, err := s.Store.Members(ctx, r.Service, r.Instance)
	if err != nil {
		return Preview{}, nil, stored("read the fleet", err)
	}
	warnings := s.unmatched(r.Lease, members)
	if r.Kind != lease.Level {
		return Preview{Instances: len(members)}, append(warnings, "only what a level adds to the log can be foreseen"), nil
	}
	holding, err := s.Store.InForce(ctx)
	if err != nil {
		return Preview{}, nil, stored("read the leases", err)
	}
	r.ID, r.Revision = "this one", math.MaxInt64 // newer than all that hold
	return preview(r.Lease, holding, members), warnings, nil
}

// Drop ends a lease before its time, with the same receipt. It never guesses a level: what held
// before it holds again.
func (s *Service) Drop(ctx context.Context, by access.Principal, l Lease) (Receipt, error) {
	start := time.Now()
	if err := may(by, l); err != nil {
		return Receipt{}, err
	}
	l, targets, err := s.Store.DropLease(ctx, l.ID, Actor{by.Subject, by.Name})
	switch {
	case errors.Is(err, ErrUnknown):
		return Receipt{}, problem.New(problem.NotFound, "no such lease")
	case errors.Is(err, ErrOver):
		return Receipt{}, problem.New(problem.Conflict, over(l))
	case err != nil:
		return Receipt{}, stored("drop the lease", err)
	}
	return s.tell(ctx, actionDrop, l, targets, s.Announcer.draft(actionDrop, l, len(targets)), start), nil
}

// over says how a lease has ended that is to be dropped.
func over(l Lease) string {
	at := l.EndedAt
	if at == nil {
		at = l.ExpiresAt
	}
	text := "the lease has ended already"
	if at != nil {
		text = fmt.Sprintf("the lease has ended already: it %s at %s", map[bool]string{true: "was dropped", false: "expired"}[l.Ended == Dropped],
			at.UTC().Format(time.RFC3339))
	}
	if l.Ended == Dropped {
		text += " by " + l.EndedBy
	}
	return text
}

// Expire ends the leases whose time is over, in the books: the instances have done so by their own clocks.
func (s *Service) Expire(ctx context.Context) error {
	for {
		all, err := s.Store.ExpireLeases(ctx)
		if err != nil {
			return fmt.Errorf("end leases: %w", err)
		}
		for _, l := range all {
			s.changes.WithLabelValues(l.Kind, ActionExpire).Inc()
			logging.Audit(ctx, s.Logger, "lease expired", slog.String("lease_id", l.ID), slog.String("kind", l.Kind), slog.String("target", l.target()),
				slog.String("value", l.Value), slog.String("user", l.OwnerName))
		}
		if len(all) == 0 {
			return nil
		}
	}
}

// Late takes an acknowledgement that nobody waits for any more.
func (s *Service) Late(ctx context.Context, leaseID string, revision int64, o Outcome) {
	if _, err := uuid.Parse(leaseID); err != nil {
		return
	}
	if err := s.Store.LearnLate(ctx, leaseID, revision, o); err != nil {
		s.Logger.DebugContext(ctx, "late acknowledgement not kept, the next sync reports it", slog.Any("err", err), slog.String("lease_id", leaseID))
	}
}

// Count counts what Syncs have brought.
func (s *Service) Count(all []Noted) {
	for _, n := range all {
		s.changes.WithLabelValues(n.Kind, n.Action).Inc()
	}
}

// tell announces the change; that the bus is away is no error, since every heartbeat brings it too.
func (s *Service) tell(ctx context.Context, action string, l Lease, targets []Target, text draft, start time.Time) Receipt {
	committed := time.Now()
	// The change is made: that its caller has gone is no reason not to tell of it, or not to keep who has done it.
	ctx = context.WithoutCancel(ctx)
	waiting, cancel := context.WithTimeout(ctx, s.Config.Wait)
	defer cancel()
	r := s.Announcer.Announce(waiting, l, targets, text, start)
	r.Lease, r.Took = l, time.Since(start)
	if r.Applied == r.Expected && r.Expected > 0 {
		s.effect.Observe(time.Since(committed).Seconds())
	}
	if one := (kept{ctx, action, r}); !s.takes(one) {
		s.keep(one)
	}
	s.changes.WithLabelValues(l.Kind, map[string]string{actionSet: ActionSet, actionDrop: ActionDrop}[action]).Inc()
	return r
}
