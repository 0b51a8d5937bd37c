package httpapi

import (
	"context"
	"log/slog"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

type pauseInput struct {
	SchedulePath
	Body struct {
		Note string `json:"note" minLength:"1" maxLength:"500" pattern:"^[^\\x00]+$" doc:"why, for whoever asks later"`
	}
}

type runOutput struct{ Body api.Run }

type backfillInput struct {
	SchedulePath
	Body api.BackfillRequest
}

type backfillOutput struct{ Body api.Backfill }

func (h *API) pause(ctx context.Context, in *pauseInput) (*scheduleOutput, error) {
	_, p, err := h.permitted(ctx, in.Name, access.Operator)
	if err != nil {
		return nil, err
	}
	s, err := h.Operations.Pause(ctx, in.Name, p.Name, in.Body.Note)
	if err != nil {
		return nil, answer(err)
	}
	h.audit(ctx, p, "schedule paused", in.Name, slog.String("note", in.Body.Note))
	return &scheduleOutput{worded(s)}, nil
}

func (h *API) resume(ctx context.Context, in *SchedulePath) (*scheduleOutput, error) {
	_, p, err := h.permitted(ctx, in.Name, access.Operator)
	if err != nil {
		return nil, err
	}
	s, err := h.Operations.Resume(ctx, in.Name, p.Name)
	if err != nil {
		return nil, answer(err)
	}
	h.audit(ctx, p, "schedule resumed", in.Name)
	return &scheduleOutput{worded(s)}, nil
}

func (h *API) run(ctx context.Context, in *SchedulePath) (*runOutput, error) {
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

func (h *API) backfill(ctx context.Context, in *backfillInput) (*backfillOutput, error) {
	_, p, err := h.permitted(ctx, in.Name, access.Operator)
	if err != nil {
		return nil, err
	}
	b := postgres.Backfill{Name: in.Name, From: in.Body.From.UTC(), To: in.Body.To.UTC(), Again: in.Body.Again, DryRun: in.Body.DryRun, By: p.Name}
	switch {
	case b.From.Year() < 1970:
		return nil, invalid("/from", "lies before 1970")
	case !b.To.After(b.From):
		return nil, invalid("/to", "is not after from")
	}
	done, err := h.Operations.Backfill(ctx, b)
	if err != nil {
		return nil, answer(err)
	}
	if done.ID != "" {
		h.audit(ctx, p, "schedule backfilled", in.Name, slog.String("backfill", done.ID), slog.Int("fires", done.Fires),
			slog.Time("from", b.From), slog.Time("to", b.To), slog.Bool("again", b.Again))
	}
	return &backfillOutput{done}, nil
}
