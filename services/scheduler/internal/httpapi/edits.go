package httpapi

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"strconv"
	"strings"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Match is the condition under which a change is made; exported so that huma looks into it.
type Match struct {
	IfMatch string `header:"If-Match" maxLength:"64" doc:"the revision that the schedule must have, or *: it must exist; else the change is refused with 412"`
}

type putInput struct {
	SchedulePath
	Match
	DryRun bool `query:"dry_run" doc:"answer what would be, with the next due times and warnings; store nothing"`
	Body   api.Put
}

type savedOutput struct{ Body api.Saved }

type removeInput struct {
	SchedulePath
	Match
	Note string `query:"note" maxLength:"500" doc:"why, for whoever asks later"`
}

// shown due times before saving.
const shown = 5

// serviceOf a schedule's name: who handles it.
func serviceOf(name string) string {
	first, _, _ := strings.Cut(name, ".")
	return timed.Owner(first)
}

func (h *API) put(ctx context.Context, in *putInput) (*savedOutput, error) {
	service := serviceOf(in.Name)
	p, err := allowed(ctx, service, access.Operator, postgres.ErrNotFound)
	if err != nil {
		return nil, err
	}
	if _, err := h.check(in.Name, service, in.Body.Spec); err != nil {
		return nil, err
	}
	e := postgres.Edit{Name: in.Name, Service: service, By: p.Name, Note: in.Body.Note, DryRun: in.DryRun, Revision: in.Body.Revision,
		Spec: postgres.Normal(in.Name, in.Body.Spec)}
	if err := in.revision(&e); err != nil {
		return nil, err
	}
	if in.IfMatch == "*" {
		there, err := h.Schedules.Schedule(ctx, in.Name)
		if errors.Is(err, postgres.ErrNotFound) {
			return nil, in.refused(&postgres.ConflictError{})
		}
		if err != nil {
			return nil, answer(err)
		}
		e.Revision = &there.Revision
	}
	done, err := h.Edits.Put(ctx, e)
	if err != nil {
		return nil, in.refused(err)
	}
	return h.saved(ctx, p, e, done)
}

// refused is answer for a change under the condition: that it does not hold has a status of its own.
func (m Match) refused(err error) error {
	known := answer(err)
	if p, ok := errors.AsType[*problem.Error](known); ok && m.IfMatch != "" {
		if _, changed := errors.AsType[*postgres.ConflictError](err); changed {
			p.Status = http.StatusPreconditionFailed
		}
	}
	return known
}

// revision of If-Match goes before that of the body.
func (m Match) revision(e *postgres.Edit) error {
	if m.IfMatch == "" || m.IfMatch == "*" {
		return nil
	}
	n, err := strconv.ParseInt(strings.Trim(m.IfMatch, `"`), 10, 64)
	if err != nil || n < 0 {
		return invalid("If-Match", "is not a schedule's revision")
	}
	e.Revision = &n
	return nil
}

func (h *API) revert(ctx context.Context, in *removeInput) (*savedOutput, error) {
	s, p, err := h.permitted(ctx, in.Name, access.Operator)
	if err != nil {
		return nil, err
	}
	e := postgres.Edit{Name: in.Name, Service: s.Service, By: p.Name, Note: in.Note}
	if err := in.revision(&e); err != nil {
		return nil, err
	}
	done, err := h.Edits.Revert(ctx, e)
	if err != nil {
		return nil, in.refused(err)
	}
	return h.saved(ctx, p, e, done)
}

// saved answers an edit, and says in the audit what was changed.
func (h *API) saved(ctx context.Context, p access.Principal, e postgres.Edit, done postgres.Edited) (*savedOutput, error) {
	if done.Changed && !e.DryRun {
		h.audit(ctx, p, "schedule edited", e.Name, slog.String("note", e.Note), slog.Int64("revision", done.Schedule.Revision),
			slog.Int64("revision_before", done.Before), slog.String("drift", strings.Join(done.Schedule.Drift, ", ")))
	}
	s := done.Schedule.Spec.Schedule(e.Name)
	next, err := upcoming(s, shown)
	if err != nil {
		return nil, err
	}
	warnings, err := h.warnings(ctx, e.Service, s, next.Items)
	if err != nil {
		return nil, err
	}
	return &savedOutput{api.Saved{Schedule: worded(done.Schedule), Created: done.Before == 0, DryRun: e.DryRun, Next: next, Warnings: warnings}}, nil
}

func (h *API) remove(ctx context.Context, in *removeInput) (*struct{}, error) {
	s, p, err := h.permitted(ctx, in.Name, access.Operator)
	if err != nil {
		return nil, err
	}
	e := postgres.Edit{Name: in.Name, Service: s.Service, By: p.Name, Note: in.Note}
	if err := in.revision(&e); err != nil {
		return nil, err
	}
	if err := h.Edits.Delete(ctx, e); err != nil {
		return nil, in.refused(err)
	}
	h.audit(ctx, p, "schedule deleted", in.Name, slog.String("note", in.Note), slog.Int64("revision_before", s.Revision))
	return nil, nil
}
