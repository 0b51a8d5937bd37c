package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
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
	return &takeOutput{Status: http.StatusOK, Body: &api.Taken{Fire: f}}, nil
}
