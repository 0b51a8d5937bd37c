package httpapi

import (
	"context"
	"encoding/base64"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/postgres"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// SchedulePath is the schedule that a path names; exported so that huma looks into it.
type SchedulePath struct {
	Name string `path:"name" maxLength:"128" pattern:"^[a-z0-9._-]+$" doc:"<service>.<what>"`
}

type listInput struct {
	Service string   `query:"service" maxLength:"64" pattern:"^[a-z0-9-]*$" doc:"only of this service"`
	Names   []string `query:"names" maxItems:"200" doc:"only these"`
	Text    string   `query:"q" maxLength:"128" pattern:"^[a-z0-9._-]*$" doc:"only names with this in them"`
	State   string   `query:"state" enum:"ok,paused,failing,edited,late" doc:"failing: the last fire that ended has failed within 24 h; late: due for more than 10 s and not planned"`
	Brief   bool     `query:"brief" doc:"without last fires and figures, which takes a fraction of the time"`
	Recent  int      `query:"recent" minimum:"0" maximum:"50" doc:"with so many of the newest fires of each, in short"`
	Limit   int      `query:"limit" default:"100" minimum:"1" maximum:"200"`
	Cursor  string   `query:"cursor" maxLength:"256" doc:"next_cursor of the page before"`
}

type schedulesOutput struct{ Body api.Schedules }

type scheduleOutput struct{ Body api.Schedule }

type nextInput struct {
	SchedulePath
	N int `query:"n" default:"5" minimum:"1" maximum:"100" doc:"how many"`
}

type nextOutput struct{ Body api.Next }

type previewInput struct{ Body api.Preview }

func (h *API) list(ctx context.Context, in *listInput) (*schedulesOutput, error) {
	f := postgres.ScheduleFilter{Scope: scope(ctx), Service: in.Service, Names: in.Names, Text: in.Text, State: in.State,
		Brief: in.Brief, Recent: in.Recent, Limit: in.Limit + 1}
	if in.Cursor != "" {
		name, err := base64.RawURLEncoding.DecodeString(in.Cursor)
		if err != nil || !utf8.Valid(name) || len(name) == 0 {
			return nil, badCursor()
		}
		f.After = string(name)
	}
	items, err := h.Schedules.Schedules(ctx, f)
	if err != nil {
		return nil, answer(err)
	}
	for i := range items {
		items[i] = worded(items[i])
	}
	out := &schedulesOutput{api.Schedules{Items: items}}
	if len(items) > in.Limit {
		out.Body.Items = items[:in.Limit]
		out.Body.NextCursor = base64.RawURLEncoding.EncodeToString([]byte(items[in.Limit-1].Name))
	}
	return out, nil
}

func badCursor() error {
	return &problem.Error{Code: problem.Invalid, Detail: "the cursor cannot be read",
		Fields: []problem.Field{{Name: "cursor", Detail: "give next_cursor of the page before, unchanged"}}}
}

func (h *API) show(ctx context.Context, in *SchedulePath) (*scheduleOutput, error) {
	s, _, err := h.permitted(ctx, in.Name, access.Viewer)
	if err != nil {
		return nil, err
	}
	return &scheduleOutput{worded(s)}, nil
}

// worded has the timing in words.
func worded(s api.Schedule) api.Schedule {
	s.Text = timing.Describe(s.Spec.Schedule(s.Name).When())
	return s
}

func (h *API) next(ctx context.Context, in *nextInput) (*nextOutput, error) {
	s, _, err := h.permitted(ctx, in.Name, access.Viewer)
	if err != nil {
		return nil, err
	}
	next, err := upcoming(s.Spec.Schedule(s.Name), in.N)
	if err != nil {
		return nil, wrong(s.Name, err) // stored by a release that understood it
	}
	return &nextOutput{next}, nil
}

// preview computes only: the name stands for nothing but the jitter.
func (h *API) preview(_ context.Context, in *previewInput) (*nextOutput, error) {
	name := in.Body.Name
	if name == "" {
		name = "preview.preview"
	}
	s, err := h.check(name, serviceOf(name), in.Body.Spec)
	if err != nil {
		return nil, err
	}
	next, err := upcoming(s, in.Body.N)
	if err != nil {
		return nil, wrong(name, err)
	}
	return &nextOutput{next}, nil
}
