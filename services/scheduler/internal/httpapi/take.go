package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// longest wait for a fire: what stands before the scheduler gives up after 30 s.
const longest = 25 * time.Second

type takeInput struct {
	SchedulePath
	Body api.Take
}

type takeOutput struct {
	Status int
	Body   *api.Taken
}

func (h *API) take(ctx context.Context, in *takeInput) (*takeOutput, error) {
	s, _, err := h.permitted(ctx, in.Name, access.Operator)
	if err != nil {
		return nil, err
	}
	if s.Target != timed.TargetPoll {
		return nil, problem.New(problem.Conflict, "the fires of this schedule go to its target "+s.Target+"; only those of target poll can be taken")
	}
	ctx, cancel := context.WithTimeout(ctx, min(longest, time.Duration(in.Body.WaitSeconds)*time.Second))
	defer cancel()
	f, ok, err := h.waiting.take(ctx, in.Name, in.Body.Instance)
	switch {
	case err != nil:
		return nil, answer(err)
	case !ok:
		return &takeOutput{Status: http.StatusNoContent}, nil
	}
	h.Settled(f.Settlement)
	return &takeOutput{Status: http.StatusOK, Body: &api.Taken{Fire: f.Fire}}, nil
}

type reportInput struct {
	FirePath
	Body api.Receipt
}

type settledOutput struct{ Body api.Settled }

func (h *API) report(ctx context.Context, in *reportInput) (*settledOutput, error) {
	f, _, err := h.permittedFire(ctx, in.ID, access.Operator)
	if err != nil {
		return nil, err
	}
	b := in.Body
	r := timed.Receipt{FireID: f.ID, Attempt: b.Attempt, Instance: b.Instance, DurationMS: b.DurationMS, Error: b.Error, Final: b.Final,
		Result: b.Result, Progress: b.Progress, Note: b.Note, TraceID: b.TraceID}
	if b.StartedAt != nil {
		if unlikely(*b.StartedAt) {
			return nil, invalid("/started_at", "is not within a year of now")
		}
		r.StartedAt = *b.StartedAt
	}
	f, result, err := h.Offers.Report(ctx, kinds(b.Kind), r)
	if err != nil {
		return nil, answer(err)
	}
	h.Settled(result)
	return &settledOutput{api.Settled{Changed: result.Outcomes[0] != plan.Ignored, Fire: f}}, nil
}

// kinds are the receipts' words on the bus.
func kinds(kind string) string {
	switch kind {
	case "received":
		return timed.Received
	case "progress":
		return timed.InProgress
	case "completed":
		return timed.Completed
	default:
		return timed.Failed
	}
}

func unlikely(t time.Time) bool {
	return t.Before(now().AddDate(-1, 0, 0)) || t.After(now().AddDate(1, 0, 0))
}
