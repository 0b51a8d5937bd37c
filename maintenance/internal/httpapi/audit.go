package httpapi

import (
	"context"
	"encoding/json"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
)

type auditIn struct {
	Since   string `query:"since" doc:"from this time on: RFC 3339, or how long ago, as 15m or 7d" maxLength:"64"`
	Until   string `query:"until" doc:"before this time" maxLength:"64"`
	Actor   string `query:"actor" doc:"who did it: a subject, or a name" maxLength:"256"`
	Action  string `query:"action" doc:"as lease.set, lease.drop, lease.expire, lease.spent, level.local, profile.captured, profile.deleted" maxLength:"64"`
	Service string `query:"service" doc:"changes of this service, and of all" maxLength:"256"`
	Subject string `query:"subject" doc:"what was changed: a lease's id" maxLength:"256"`
	Before  int64  `query:"before" minimum:"0" doc:"next of the page before"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// Change is one row of the audit as the API shows it.
type Change struct {
	ID      int64           `json:"id"`
	At      time.Time       `json:"at"`
	Actor   string          `json:"actor"`
	Name    string          `json:"name"`
	Action  string          `json:"action"`
	Service string          `json:"service,omitempty" doc:"missing: all"`
	Subject string          `json:"subject"`
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	Detail  any             `json:"detail"`
	Results []Outcome       `json:"results,omitempty" doc:"of each instance, as far as is known by now"`
}

type auditOut struct {
	Body struct {
		Changes []Change `json:"changes"`
		Next    int64    `json:"next,omitempty" doc:"before of the next page; missing: this is the last"`
	}
}

func (h *Handlers) listAudit(ctx context.Context, in *auditIn) (*auditOut, error) {
	f := lease.AuditFilter{Actor: in.Actor, Action: in.Action, Service: in.Service, Subject: in.Subject, Before: in.Before, Limit: in.Limit}
	now := time.Now()
	for _, bound := range []struct {
		name, text string
		into       *time.Time
	}{{"since", in.Since, &f.Since}, {"until", in.Until, &f.Until}} {
		var err error
		if bound.text == "" {
			continue
		}
		if *bound.into, err = moment(bound.name, bound.text, now); err != nil {
			return nil, err
		}
	}
	all, err := h.settings.Fleet.Audit(ctx, scope(ctx), f)
	if err != nil {
		return nil, h.failed(err)
	}
	out := &auditOut{}
	out.Body.Changes = make([]Change, len(all))
	for i, c := range all {
		out.Body.Changes[i] = showChange(c)
	}
	if len(all) == in.Limit {
		out.Body.Next = all[len(all)-1].ID
	}
	return out, nil
}

func showChange(c lease.Change) Change {
	out := Change{ID: c.ID, At: c.At.UTC(), Actor: c.Actor, Name: c.Name, Action: c.Action, Service: c.Service, Subject: c.Subject, Results: outcomes(c.Results, nil)}
	var parts map[string]json.RawMessage
	if json.Unmarshal(c.Detail, &parts) != nil {
		out.Detail = c.Detail
		return out
	}
	out.Before, out.After = parts["before"], parts["after"]
	delete(parts, "before")
	delete(parts, "after")
	out.Detail = parts
	return out
}
