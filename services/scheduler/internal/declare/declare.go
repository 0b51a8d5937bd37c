// Package declare answers the gRPC contract by which services declare their schedules.
package declare

import (
	"context"
	"fmt"
	"log/slog"

	schedulev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/schedule/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
)

// MaxSchedules of one service.
const MaxSchedules = 2000

// Store reconciles a service's schedules.
type Store interface {
	Declare(ctx context.Context, service string, wanted []timed.Schedule) (postgres.Declared, error)
}

// Server implements schedulev1.ScheduleServiceServer. The caller is known from its token alone.
type Server struct {
	schedulev1.UnimplementedScheduleServiceServer
	store  Store
	caller func(ctx context.Context) string
	log    *slog.Logger
}

// New makes the server; caller tells the verified name of the calling service.
func New(store Store, caller func(ctx context.Context) string, log *slog.Logger) *Server {
	return &Server{store: store, caller: caller, log: log}
}

// Declare makes the caller's schedules be exactly these. If one is wrong, nothing is changed.
func (s *Server) Declare(ctx context.Context, r *schedulev1.DeclareRequest) (*schedulev1.DeclareResponse, error) {
	service := s.caller(ctx)
	wanted, err := read(service, r)
	if err != nil {
		return nil, problem.New(problem.Invalid, err.Error())
	}
	d, err := s.store.Declare(ctx, service, wanted)
	if err != nil {
		return nil, problem.Wrap(problem.Unavailable, "the schedules could not be stored", err)
	}
	if d != (postgres.Declared{}) {
		logging.Audit(ctx, s.log, "schedules declared", slog.String("by", service),
			slog.Int("created", d.Created), slog.Int("changed", d.Changed), slog.Int("retired", d.Retired),
			slog.String("edits_ended", d.Ended), slog.String("edited_and_retired", d.Dropped))
	}
	return &schedulev1.DeclareResponse{Created: int32(d.Created), Changed: int32(d.Changed), Retired: int32(d.Retired)}, nil
}

func read(service string, r *schedulev1.DeclareRequest) ([]timed.Schedule, error) {
	if len(r.GetSchedules()) > MaxSchedules {
		return nil, fmt.Errorf("%d schedules, at most %d", len(r.GetSchedules()), MaxSchedules)
	}
	wanted := make([]timed.Schedule, 0, len(r.GetSchedules()))
	seen := map[string]bool{}
	for _, p := range r.GetSchedules() {
		one := timed.FromProto(p)
		if err := one.Validate(service); err != nil {
			return nil, err
		}
		if seen[one.Name] {
			return nil, fmt.Errorf("schedule %q: declared twice", one.Name)
		}
		seen[one.Name] = true
		wanted = append(wanted, one)
	}
	return wanted, nil
}
