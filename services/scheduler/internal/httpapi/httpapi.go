// Package httpapi is the scheduler's REST API: viewers read, operators change, each within the services of his
// grant. What lies outside a caller's scope is not found.
package httpapi

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

const base = "/api/scheduler/v1"

// Schedules are read.
type Schedules interface {
	Schedules(ctx context.Context, f postgres.ScheduleFilter) ([]api.Schedule, error)
	Schedule(ctx context.Context, name string) (api.Schedule, error)
	Listens(ctx context.Context, name, service string) (postgres.Listener, error)
}

// Edits make, change and delete schedules.
type Edits interface {
	Put(ctx context.Context, e postgres.Edit) (postgres.Edited, error)
	Revert(ctx context.Context, e postgres.Edit) (postgres.Edited, error)
	Delete(ctx context.Context, e postgres.Edit) error
}

// Operations work a schedule as it is. by is the caller's name.
type Operations interface {
	Pause(ctx context.Context, name, by, note string) (api.Schedule, error)
	Resume(ctx context.Context, name, by string) (api.Schedule, error)
	Run(ctx context.Context, name, by string) (fireID string, err error)
	Backfill(ctx context.Context, b postgres.Backfill) (api.Backfill, error)
}

// Ledger is read by pages, and its open fires can be cancelled.
type Ledger interface {
	Fires(ctx context.Context, f postgres.FireFilter) ([]api.Fire, error)
	Fire(ctx context.Context, id string) (api.Fire, error)
	Cancel(ctx context.Context, id, by, note string) (api.Fire, error)
	Backfilled(ctx context.Context, id string) (api.Backfilled, error)
}

// Offers are the fires that are taken by whoever asks, who reports of them then.
type Offers interface {
	Offered(ctx context.Context, schedules []string) (map[string]int, error)
	Take(ctx context.Context, schedule, instance string) (postgres.Taken, bool, error)
	Report(ctx context.Context, kind string, r timed.Receipt) (api.Fire, postgres.Settlement, error)
}

// Settings of the API.
type Settings struct {
	Schedules  Schedules
	Edits      Edits
	Operations Operations
	Ledger     Ledger
	Offers     Offers
	Settled    func(postgres.Settlement) // counts what reports came to, once it is committed
	AllowURL   func(url string) error    // of a target http; nil: there are none. Its error is for whoever wrote the schedule
	Keys       []api.Key                 // that requests to targets http are signed with
	Logger     *slog.Logger              // of audit records
}

// API answers; Close ends its long polls.
type API struct {
	Settings
	waiting *waiting
}

// Mount registers all routes.
func Mount(a *web.API, s Settings) *API {
	h := &API{Settings: s, waiting: newWaiting(s.Offers)}
	viewer, operator := access.Has(access.Viewer), access.Has(access.Operator)
	web.Register(a, op(http.MethodGet, "list-schedules", "/schedules", "Schedules with their next due time, last fire and figures, by name"), viewer, h.list)
	web.Register(a, op(http.MethodPost, "preview-schedule", "/schedules/preview", "When a spec would be due; nothing is stored"), viewer, h.preview)
	web.Register(a, op(http.MethodGet, "get-schedule", "/schedules/{name}", "One schedule"), viewer, h.show)
	web.Register(a, op(http.MethodPut, "put-schedule", "/schedules/{name}", "Make a schedule, replace a made one, or edit a declared one"), operator, h.put)
	web.Register(a, empty(op(http.MethodDelete, "delete-schedule", "/schedules/{name}", "Delete a made schedule; its ledger stays")), operator, h.remove)
	web.Register(a, op(http.MethodDelete, "revert-schedule", "/schedules/{name}/edit", "Take the edit of a declared schedule back"), operator, h.revert)
	web.Register(a, op(http.MethodGet, "next-due-times", "/schedules/{name}/next", "The next due times of a schedule, paused or not"), viewer, h.next)
	web.Register(a, op(http.MethodPost, "pause-schedule", "/schedules/{name}/pause", "Hold a schedule: its due times are skipped, with the reason in the ledger"), operator, h.pause)
	web.Register(a, op(http.MethodPost, "resume-schedule", "/schedules/{name}/resume", "Let a schedule go on with its next due time"), operator, h.resume)
	web.Register(a, accepted(op(http.MethodPost, "run-schedule", "/schedules/{name}/run", "Fire a schedule now, beside its plan")), operator, h.run)
	web.Register(a, op(http.MethodPost, "backfill-schedule", "/schedules/{name}/backfill", "Fire the due times of a past range, 10 000 at most"), operator, h.backfill)
	web.Register(a, op(http.MethodPost, "take-fire", "/schedules/{name}/take", "Take the oldest offered fire of a schedule of target poll; 204 where there is none in time"), operator, h.take)
	web.Register(a, op(http.MethodGet, "list-fires", "/fires", "The fire ledger, newest due time first"), viewer, h.fires)
	web.Register(a, op(http.MethodGet, "get-fire", "/fires/{id}", "One fire"), viewer, h.fire)
	web.Register(a, op(http.MethodGet, "get-backfill", "/backfills/{id}", "How far a backfill has come"), viewer, h.backfilled)
	web.Register(a, op(http.MethodGet, "list-keys", "/keys", "The public keys to verify requests to targets of schedules with"), viewer, h.keys)
	web.Register(a, op(http.MethodPost, "cancel-fire", "/fires/{id}/cancel", "End a fire: at once, or by telling its handler"), operator, h.cancel)
	web.Register(a, op(http.MethodPost, "report-fire", "/fires/{id}/receipt", "Tell how a fire goes that was taken, and how it ended"), operator, h.report)
	return h
}

// Close ends the long polls, so that a stop does not wait for them. Idempotent.
func (h *API) Close() { h.waiting.close() }

func op(method, id, path, summary string) huma.Operation {
	return huma.Operation{OperationID: id, Method: method, Path: base + path, Summary: summary, DefaultStatus: http.StatusOK}
}

func accepted(o huma.Operation) huma.Operation {
	o.DefaultStatus = http.StatusAccepted
	return o
}

func empty(o huma.Operation) huma.Operation {
	o.DefaultStatus = http.StatusNoContent
	return o
}

// permitted finds a schedule that the caller may touch in this role. One that he may not even see is not found.
func (h *API) permitted(ctx context.Context, name string, role access.Role) (api.Schedule, access.Principal, error) {
	s, err := h.Schedules.Schedule(ctx, name)
	if err != nil {
		return s, access.Principal{}, answer(err)
	}
	p, err := allowed(ctx, s.Service, role, postgres.ErrNotFound)
	return s, p, err
}

// allowed is the caller, if he holds the role for the service. hidden is the answer to who may not even read of it.
func allowed(ctx context.Context, service string, role access.Role, hidden error) (access.Principal, error) {
	p, _ := access.From(ctx)
	switch {
	case p.Has(role, service):
		return p, nil
	case !p.Has(access.Viewer, service):
		return p, answer(hidden)
	default:
		return p, problem.New(problem.Forbidden, "this needs the role "+string(role)+" for "+service)
	}
}

// scope of what the caller may read.
func scope(ctx context.Context) postgres.Scope {
	p, _ := access.From(ctx)
	services, all := p.Scope(access.Viewer)
	return postgres.Scope{Services: services, All: all}
}

func (h *API) audit(ctx context.Context, p access.Principal, what, schedule string, more ...slog.Attr) {
	attrs := append([]slog.Attr{slog.String("schedule", schedule), slog.String("user_id", p.Subject),
		slog.String("user_name", p.Name)}, more...)
	logging.Audit(ctx, h.Logger, what, attrs...)
}

func now() time.Time { return time.Now().UTC() }
