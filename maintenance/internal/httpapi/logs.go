package httpapi

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

// Record is a line of the log as the API shows it.
type Record struct {
	ID          string          `json:"id" doc:"its place in the log: what around and context take"`
	TS          time.Time       `json:"ts"`
	Level       string          `json:"level" doc:"slog's name: DEBUG, INFO, WARN, ERROR, or one with an offset"`
	Service     string          `json:"service"`
	Instance    string          `json:"instance"`
	Logger      string          `json:"logger"`
	Msg         string          `json:"msg"`
	Attrs       json.RawMessage `json:"attrs" doc:"an object"`
	TraceID     string          `json:"trace_id,omitempty"`
	SpanID      string          `json:"span_id,omitempty"`
	Epoch       string          `json:"epoch,omitempty"`
	Class       string          `json:"class,omitempty"`
	Seq         uint64          `json:"seq,omitempty"`
	Version     string          `json:"version,omitempty"`
	Environment string          `json:"environment,omitempty"`
	Cluster     string          `json:"cluster,omitempty"`
	Namespace   string          `json:"namespace,omitempty"`
	Node        string          `json:"node,omitempty"`
	Links       *Links          `json:"links,omitempty" doc:"of a record with a trace, where people look at traces somewhere"`
}

// Gap is a hole in the log as the API shows it.
type Gap struct {
	Service  string     `json:"service"`
	Instance string     `json:"instance"`
	Epoch    string     `json:"epoch"`
	Class    string     `json:"class"`
	FromSeq  uint64     `json:"from_seq"`
	ToSeq    uint64     `json:"to_seq,omitempty" doc:"missing: not known"`
	FromTS   *time.Time `json:"from_ts,omitempty" doc:"of the last record before the gap"`
	ToTS     *time.Time `json:"to_ts,omitempty" doc:"of the first record after it, or when the instance was last heard"`
	Cause    string     `json:"cause"`
}

type logsIn struct {
	Q string `query:"q" doc:"the query, as: service:catalogs level>=warn user_id=42 \"connection refused\"" maxLength:"4096"`
	Window
	Around  string `query:"around" doc:"the id of a record, or a time: half of limit before it, half behind; the record itself is among them" maxLength:"64"`
	Order   string `query:"order" enum:"desc,asc" default:"desc" doc:"newest or oldest first"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
	Cursor  string `query:"cursor" doc:"next of the page before" maxLength:"200"`
	Explain bool   `query:"explain" doc:"only tell what would be looked through"`
}

type logsOut struct{ Body LogsPage }

// LogsPage is one page of records.
type LogsPage struct {
	Records []Record  `json:"records"`
	Next    string    `json:"next,omitempty" doc:"cursor of the next page; missing on the last one"`
	Partial bool      `json:"partial,omitempty" doc:"time was up before the page was full; next goes on from where it has looked to"`
	Gaps    []Gap     `json:"gaps" doc:"what is missing in the time of this page"`
	Since   time.Time `json:"since"`
	Until   time.Time `json:"until"`
	Plan    *Plan     `json:"plan,omitempty" doc:"with explain"`
}

func (h *Handlers) queryLogs(ctx context.Context, in *logsIn) (*logsOut, error) {
	q, err := in.query(ctx, time.Now())
	if err != nil {
		return nil, err
	}
	page := LogsPage{Records: []Record{}, Gaps: []Gap{}, Since: q.Since.UTC(), Until: q.Until.UTC()}
	if in.Explain {
		page.Plan, err = h.plan(ctx, q)
		return &logsOut{page}, err
	}
	if in.Around != "" {
		return h.around(ctx, in, q)
	}
	found, err := logs.Page(ctx, h.settings.Logs, q)
	if err != nil {
		return nil, h.failed(err)
	}
	page.Records, page.Gaps, page.Partial = h.records(found.Records), gaps(found.Gaps), found.Partial
	if found.Next != nil {
		page.Next = cursor(*found.Next, q.Oldest)
	}
	return &logsOut{page}, nil
}

func (in *logsIn) query(ctx context.Context, now time.Time) (q logs.Query, err error) {
	if q, err = question(ctx, in.Q, in.Window, now); err != nil {
		return q, err
	}
	q.Limit, q.Oldest = in.Limit, in.Order == "asc"
	q.After, err = readCursor(in.Cursor, q.Oldest)
	return q, err
}

// question is what every answer begins with: the query, within the caller's scope and a time.
func question(ctx context.Context, text string, w Window, now time.Time) (q logs.Query, err error) {
	q.Scope = scope(ctx)
	if q.Expr, err = expression(text); err != nil {
		return q, err
	}
	q.Since, q.Until, err = w.times(now)
	return q, err
}

// narrow bounds a scope to the services that a query names.
func narrow(s logs.Scope, services []string) logs.Scope {
	if services == nil {
		return s
	}
	if s.All {
		return logs.Scope{Services: services}
	}
	return logs.Scope{Services: slices.DeleteFunc(slices.Clone(services), func(n string) bool { return !slices.Contains(s.Services, n) })}
}

type gapsIn struct {
	Window
	Service string `query:"service" doc:"of this service alone" maxLength:"256"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type gapsOut struct {
	Body struct {
		Gaps []Gap `json:"gaps"`
	}
}

func (h *Handlers) listGaps(ctx context.Context, in *gapsIn) (*gapsOut, error) {
	since, until, err := in.times(time.Now())
	if err != nil {
		return nil, err
	}
	s := scope(ctx)
	if in.Service != "" {
		s = narrow(s, []string{in.Service})
	}
	all, err := h.settings.Logs.Gaps(ctx, s, since, until, in.Limit)
	if err != nil {
		return nil, h.failed(err)
	}
	out := &gapsOut{}
	out.Body.Gaps = gaps(all)
	return out, nil
}

func (h *Handlers) records(all []logs.Stored) []Record {
	shown := make([]Record, len(all))
	for i, r := range all {
		shown[i] = h.show(r)
	}
	return shown
}

// show is show with the links out of here.
func (h *Handlers) show(r logs.Stored) Record {
	shown := show(r)
	shown.Links = h.linksOf(r.TraceID)
	return shown
}

func show(r logs.Stored) Record {
	return Record{ID: recordID(r.Key), TS: r.Key.TS, Level: r.Level.String(), Service: r.Service, Instance: r.Instance, Logger: r.Logger, Msg: r.Msg, Attrs: r.Attrs,
		TraceID: r.TraceID, SpanID: r.SpanID, Epoch: r.Epoch, Class: r.Class, Seq: r.Seq, Version: r.Version, Environment: r.Environment,
		Cluster: r.Cluster, Namespace: r.Namespace, Node: r.Node}
}

func gaps(all []logs.Gap) []Gap {
	shown := make([]Gap, len(all))
	for i, g := range all {
		shown[i] = Gap(g)
	}
	return shown
}
