package httpapi

import (
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/overdue"
)

// Overdue is what should have ended of the timed events.
type Overdue interface {
	Overdue(ctx context.Context, scope logs.Scope, limit int) ([]overdue.Item, error)
}

type overdueIn struct {
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// OverdueSchedule is a schedule with due times that should have ended by now.
type OverdueSchedule struct {
	Schedule  string     `json:"schedule"`
	Service   string     `json:"service"`
	Due       time.Time  `json:"due" doc:"the first due time of which no end was heard"`
	Since     time.Time  `json:"since" doc:"when its end was expected: the handler's deadline and 15 s after it was due"`
	Count     int        `json:"count" doc:"due times that are overdue"`
	More      bool       `json:"more,omitempty" doc:"they were not counted to the end"`
	LastDue   *time.Time `json:"last_due,omitempty" doc:"the newest due time that has ended"`
	LastState string     `json:"last_state,omitempty"`
	Reason    string     `json:"last_reason,omitempty" doc:"why it did not end in done"`
}

type overdueOut struct {
	Body struct {
		Items []OverdueSchedule `json:"items"`
	}
}

// listOverdue answers from what the scheduler has said, whether or not it still says anything.
func (h *Handlers) listOverdue(ctx context.Context, in *overdueIn) (*overdueOut, error) {
	all, err := h.settings.Overdue.Overdue(ctx, scope(ctx), in.Limit)
	if err != nil {
		return nil, h.failed(err)
	}
	out := &overdueOut{}
	out.Body.Items = make([]OverdueSchedule, len(all))
	for i, o := range all {
		out.Body.Items[i] = OverdueSchedule{Schedule: o.Schedule, Service: o.Service, Due: o.Due, Since: o.Since, Count: o.Count, More: o.More,
			LastState: o.Last.State, Reason: o.Last.Reason}
		if !o.Last.Due.IsZero() {
			out.Body.Items[i].LastDue = &o.Last.Due
		}
	}
	return out, nil
}
