package lease

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Config of leases.
type Config struct {
	TTL    time.Duration // of a lease that names none
	MaxTTL time.Duration
	Wait   time.Duration // for acknowledgements
}

// Service sets and drops leases. Safe for concurrent use.
type Service struct {
	config   Config
	store    Store
	announce *Announcer
	log      *slog.Logger
	effect   prometheus.Histogram
}

// New makes a service.
func New(c Config, s Store, a *Announcer, log *slog.Logger, r prometheus.Registerer) *Service {
	effect := prometheus.NewHistogram(prometheus.HistogramOpts{Name: "signalbox_lease_effect_duration_seconds",
		Help: "Time from the commit of a lease's change to the last acknowledgement", Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 2},
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour})
	r.MustRegister(effect)
	return &Service{config: c, store: s, announce: a, log: log, effect: effect}
}

// Set makes the lease and answers after all live instances that it is for have applied it, or after
// Config.Wait. ttl 0 is Config.TTL. Errors are *problem.Error.
func (s *Service) Set(ctx context.Context, by access.Principal, l Lease, ttl time.Duration) (Receipt, error) {
	if ttl == 0 {
		ttl = s.config.TTL
	}
	if ttl < time.Second || ttl > s.config.MaxTTL {
		detail := fmt.Sprintf("1s to %s", s.config.MaxTTL)
		return Receipt{}, &problem.Error{Code: problem.Invalid, Detail: "the lease is not valid", Fields: []problem.Field{{Name: "/ttl", Detail: detail}}}
	}
	if err := l.check(); err != nil {
		return Receipt{}, err
	}
	if err := may(by, l.Service); err != nil {
		return Receipt{}, err
	}
	id, err := uuid.NewV7()
	if err != nil {
		return Receipt{}, fmt.Errorf("make the lease's id: %w", err)
	}
	l.ID, l.Owner, l.OwnerName = id.String(), by.Subject, by.Name
	l, err = s.store.SetLease(ctx, l, ttl)
	if err != nil {
		return Receipt{}, stored("set the lease", err)
	}
	return s.tell(ctx, actionSet, l), nil
}

// Drop ends a lease before its time, with the same receipt. It never guesses a level: what held
// before it holds again.
func (s *Service) Drop(ctx context.Context, by access.Principal, l Lease) (Receipt, error) {
	if err := may(by, l.Service); err != nil {
		return Receipt{}, err
	}
	l, err := s.store.DropLease(ctx, l.ID, Actor{by.Subject, by.Name})
	switch {
	case errors.Is(err, ErrUnknown):
		return Receipt{}, problem.New(problem.NotFound, "no such lease")
	case errors.Is(err, ErrOver):
		return Receipt{}, problem.New(problem.Conflict, "the lease has ended already")
	case err != nil:
		return Receipt{}, stored("drop the lease", err)
	}
	return s.tell(ctx, actionDrop, l), nil
}

func may(by access.Principal, service string) error {
	if service == "" {
		if _, all := by.Scope(access.Operator); !all {
			return problem.New(problem.Forbidden, "a lease for all services needs the role operator for all of them")
		}
		return nil
	}
	if !by.Has(access.Operator, service) {
		return problem.New(problem.Forbidden, "the role operator is needed for "+service)
	}
	return nil
}

func stored(doing string, err error) error {
	if pg.IsUnavailable(err) {
		return problem.Wrap(problem.Unavailable, "the lease store cannot be reached now", err)
	}
	return fmt.Errorf("%s: %w", doing, err)
}

// tell announces the change; that the bus is away is no error, since every heartbeat brings it too.
func (s *Service) tell(ctx context.Context, action string, l Lease) Receipt {
	start := time.Now()
	targets, err := s.store.LiveInstances(ctx, l.Service, l.Instance)
	if err != nil {
		s.log.WarnContext(ctx, "who is live is not known, the lease is told all the same", slog.Any("err", err))
	}
	// The change is made: that its caller has gone is no reason not to tell of it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.Wait)
	defer cancel()
	r := s.announce.Announce(ctx, action, l, targets)
	r.Lease, r.Took = l, time.Since(start)
	if r.Applied == r.Expected && r.Expected > 0 {
		s.effect.Observe(r.Took.Seconds())
	}
	logging.Audit(ctx, s.log, "lease changed", slog.String("action", action), slog.String("lease_id", l.ID), slog.String("target", l.target()),
		slog.String("value", l.Value), slog.Int64("revision", l.Revision), slog.Int("applied", r.Applied), slog.Int("expected", r.Expected),
		slog.String("user", l.OwnerName))
	return r
}

func (l Lease) target() string {
	all := func(s string) string {
		if s == "" {
			return "*"
		}
		return s
	}
	return all(l.Service) + "/" + all(l.Instance) + "/" + all(l.Logger)
}
