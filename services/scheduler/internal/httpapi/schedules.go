package httpapi

import (
	"context"
	"log/slog"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// SchedulePath is the schedule that a path names; exported so that huma looks into it.
type SchedulePath struct {
	Name string `path:"name" maxLength:"128" pattern:"^[a-z0-9._-]+$" doc:"<service>.<what>"`
}

type schedulesOutput struct{ Body api.Schedules }

type scheduleOutput struct{ Body api.Schedule }

type nextInput struct {
	SchedulePath
	N int `query:"n" default:"5" minimum:"1" maximum:"100" doc:"how many"`
}

type nextOutput struct{ Body api.Next }

type pauseInput struct {
	SchedulePath
	Body struct {
		Note string `json:"note" minLength:"1" maxLength:"500" pattern:"^[^\\x00]+$" doc:"why, for whoever asks later"`
	}
}

type runOutput struct{ Body api.Run }

func (h handlers) list(ctx context.Context, _ *struct{}) (*schedulesOutput, error) {
	items, err := h.Schedules.Schedules(ctx, scope(ctx))
	if err != nil {
		return nil, answer(err)
	}
	return &schedulesOutput{api.Schedules{Items: items}}, nil
}

func (h handlers) show(ctx context.Context, in *SchedulePath) (*scheduleOutput, error) {
	s, _, err := h.permitted(ctx, in.Name, access.Viewer)
	if err != nil {
		return nil, err
	}
	return &scheduleOutput{s}, nil
}

func (h handlers) next(ctx context.Context, in *nextInput) (*nextOutput, error) {
	if _, _, err := h.permitted(ctx, in.Name, access.Viewer); err != nil {
		return nil, err
	}
	spec, err := h.Schedules.Spec(ctx, in.Name)
	if err != nil {
		return nil, answer(err)
	}
	when, err := timing.Parse(spec.When())
	if err != nil {
		return nil, err
	}
	out := &nextOutput{api.Next{Items: []time.Time{}, TimeZone: spec.TimeZone}}
	for due := when.Next(time.Now()); !due.IsZero() && len(out.Body.Items) < in.N; due = when.Next(due) {
		out.Body.Items = append(out.Body.Items, due)
	}
	return out, nil
}

func (h handlers) pause(ctx context.Context, in *pauseInput) (*scheduleOutput, error) {
	_, p, err := h.permitted(ctx, in.Name, access.Operator)
	if err != nil {
		return nil, err
	}
	s, err := h.Operations.Pause(ctx, in.Name, p.Name, in.Body.Note)
	if err != nil {
		return nil, answer(err)
	}
	h.audit(ctx, p, "schedule paused", in.Name, slog.String("note", in.Body.Note))
	return &scheduleOutput{s}, nil
}

func (h handlers) resume(ctx context.Context, in *SchedulePath) (*scheduleOutput, error) {
	_, p, err := h.permitted(ctx, in.Name, access.Operator)
	if err != nil {
		return nil, err
	}
	s, err := h.Operations.Resume(ctx, in.Name, p.Name)
	if err != nil {
		return nil, answer(err)
	}
	h.audit(ctx, p, "schedule resumed", in.Name)
	return &scheduleOutput{s}, nil
}

func (h handlers) run(ctx context.Context, in *SchedulePath) (*runOutput, error) {
	_, p, err := h.permitted(ctx, in.Name, access.Operator)
	if err != nil {
		return nil, err
	}
	id, err := h.Operations.Run(ctx, in.Name, p.Name)
	if err != nil {
		return nil, answer(err)
	}
	h.audit(ctx, p, "schedule run by hand", in.Name, slog.String("fire", id))
	return &runOutput{api.Run{FireID: id}}, nil
}

func (h handlers) audit(ctx context.Context, p access.Principal, what, schedule string, more ...slog.Attr) {
	attrs := append([]slog.Attr{slog.String("schedule", schedule), slog.String("user_id", p.Subject),
		slog.String("user_name", p.Name)}, more...)
	logging.Audit(ctx, h.Logger, what, attrs...)
}
