package httpapi

import (
	"context"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
)

type annotationsIn struct {
	From string `query:"from" doc:"milliseconds since 1970, as Grafana sends them, RFC 3339, or how long ago; default: 24 h before to" maxLength:"64"`
	To   string `query:"to" doc:"the same; default: now" maxLength:"64"`
	Tags string `query:"tags" doc:"names with commas between them: only what has them all, as level or service:catalogs" maxLength:"500"`
}

// Annotation in the form of Grafana's.
type Annotation struct {
	Time    int64    `json:"time" doc:"milliseconds since 1970"`
	TimeEnd int64    `json:"timeEnd,omitempty" doc:"the same; missing: it has no length"`
	Title   string   `json:"title"`
	Text    string   `json:"text"`
	Tags    []string `json:"tags"`
}

type annotationsOut struct{ Body []Annotation }

const maxAnnotations = 1000

func (h *Handlers) listAnnotations(ctx context.Context, in *annotationsIn) (*annotationsOut, error) {
	now := time.Now()
	to, err := instant("to", in.To, now, now)
	if err != nil {
		return nil, err
	}
	from, err := instant("from", in.From, now, to.Add(-defaultWindow))
	if err != nil {
		return nil, err
	}
	leases, changes, err := h.settings.Fleet.Annotations(ctx, scope(ctx), from, to, tags(in.Tags), maxAnnotations)
	if err != nil {
		return nil, h.failed(err)
	}
	all := []Annotation{}
	for _, l := range leases {
		all = append(all, ofLease(l, now))
	}
	for _, c := range changes {
		all = append(all, ofChange(c))
	}
	slices.SortStableFunc(all, func(a, b Annotation) int { return int(min(max(a.Time-b.Time, -1), 1)) })
	return &annotationsOut{all}, nil
}

// instant reads a time as Grafana sends it, too.
func instant(name, text string, now, otherwise time.Time) (time.Time, error) {
	if text == "" {
		return otherwise, nil
	}
	if ms, err := strconv.ParseInt(text, 10, 64); err == nil {
		if t := time.UnixMilli(ms); ms >= 0 && t.UTC().Year() <= 9999 {
			return t, nil
		}
		return now, invalid(name, "milliseconds since 1970")
	}
	return moment(name, text, now)
}

// ofLease lasts as long as the lease does; one that holds, until now.
func ofLease(l lease.Lease, now time.Time) Annotation {
	end := now
	if l.EndedAt != nil {
		end = *l.EndedAt
	} else if l.ExpiresAt != nil && l.ExpiresAt.Before(now) {
		end = *l.ExpiresAt
	}
	of := l.Service
	if of == "" {
		of = "all services"
	}
	for _, part := range []string{l.Instance, l.Logger} {
		if part != "" {
			of += " " + part
		}
	}
	marks := []string{"lease", l.Kind, l.State()}
	if l.Service != "" {
		marks = append(marks, "service:"+l.Service)
	}
	return Annotation{Time: l.CreatedAt.UnixMilli(), TimeEnd: max(end.UnixMilli(), l.CreatedAt.UnixMilli()), Title: l.Kind + " " + l.Value + " on " + of,
		Text: l.Reason + " (" + l.OwnerName + ")", Tags: marks}
}

func ofChange(c lease.Change) Annotation {
	var detail struct {
		Reason        string
		Before, After struct{ Value string }
	}
	_ = json.Unmarshal(c.Detail, &detail) // what another action has of it is shown
	text := c.Name
	if detail.Reason != "" {
		text = detail.Reason + " (" + c.Name + ")"
	}
	if detail.Before.Value+detail.After.Value != "" {
		text += ": " + detail.Before.Value + " → " + detail.After.Value
	}
	marks := []string{"audit", c.Action}
	if c.Service != "" {
		marks = append(marks, "service:"+c.Service)
	}
	return Annotation{Time: c.At.UnixMilli(), Title: strings.TrimSpace(c.Action + " " + c.Service), Text: text, Tags: marks}
}

// tags are what stands between commas.
func tags(text string) (all []string) {
	for tag := range strings.SplitSeq(text, ",") {
		if tag = strings.TrimSpace(tag); tag != "" {
			all = append(all, tag)
		}
	}
	return all
}
