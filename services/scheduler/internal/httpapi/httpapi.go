// Package httpapi is the scheduler's REST API: viewers read, operators change, each within the services of his
// grant. What lies outside a caller's scope is not found.
package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

const base = "/api/scheduler/v1"

// Schedules are read and operated.
type Schedules interface {
	Schedules(ctx context.Context, scope postgres.Scope) ([]api.Schedule, error)
	Schedule(ctx context.Context, name string) (api.Schedule, error)
	Spec(ctx context.Context, name string) (timed.Schedule, error)
}

// Operations change a schedule. by is the caller's name.
type Operations interface {
	Pause(ctx context.Context, name, by, note string) (api.Schedule, error)
	Resume(ctx context.Context, name, by string) (api.Schedule, error)
	Run(ctx context.Context, name, by string) (fireID string, err error)
}

// Ledger is read by pages.
type Ledger interface {
	Fires(ctx context.Context, f postgres.FireFilter) ([]api.Fire, error)
}

// Settings of the API.
type Settings struct {
	Schedules  Schedules
	Operations Operations
	Ledger     Ledger
	Logger     *slog.Logger // of audit records
}

type handlers struct{ Settings }

// Mount registers all routes.
func Mount(a *web.API, s Settings) {
	h := handlers{s}
	viewer, operator := access.Has(access.Viewer), access.Has(access.Operator)
	web.Register(a, get("list-schedules", "/schedules", "Schedules with their next due time and last fire"), viewer, h.list)
	web.Register(a, get("get-schedule", "/schedules/{name}", "One schedule"), viewer, h.show)
	web.Register(a, get("next-due-times", "/schedules/{name}/next", "The next due times of a schedule, paused or not"), viewer, h.next)
	web.Register(a, get("list-fires", "/fires", "The fire ledger, newest due time first"), viewer, h.fires)
	web.Register(a, post("pause-schedule", "/schedules/{name}/pause", "Hold a schedule: its due times are skipped, with the reason in the ledger", http.StatusOK), operator, h.pause)
	web.Register(a, post("resume-schedule", "/schedules/{name}/resume", "Let a schedule go on with its next due time", http.StatusOK), operator, h.resume)
	web.Register(a, post("run-schedule", "/schedules/{name}/run", "Fire a schedule now, beside its plan", http.StatusAccepted), operator, h.run)
}

func get(id, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodGet, Path: base + path, Summary: summary}
}

func post(id, path, summary string, status int) huma.Operation {
	return huma.Operation{OperationID: id, Method: http.MethodPost, Path: base + path, Summary: summary, DefaultStatus: status}
}

// permitted finds a schedule that the caller may touch in this role. One that he may not even see is not found.
func (h handlers) permitted(ctx context.Context, name string, role access.Role) (api.Schedule, access.Principal, error) {
	p, _ := access.From(ctx)
	s, err := h.Schedules.Schedule(ctx, name)
	if err != nil {
		return s, p, answer(err)
	}
	switch {
	case !p.Has(access.Viewer, s.Service) && !p.Has(role, s.Service):
		return s, p, answer(postgres.ErrNotFound)
	case !p.Has(role, s.Service):
		return s, p, problem.New(problem.Forbidden, "this needs the role "+string(role)+" for "+s.Service)
	}
	return s, p, nil
}

// scope of what the caller may read.
func scope(ctx context.Context) postgres.Scope {
	p, _ := access.From(ctx)
	services, all := p.Scope(access.Viewer)
	return postgres.Scope{Services: services, All: all}
}

// answer turns a store's error into one that may leave the service.
func answer(err error) error {
	if errors.Is(err, postgres.ErrNotFound) {
		return problem.New(problem.NotFound, "there is no such schedule")
	}
	return err
}
