package httpapi

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/traces"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Traces is where spans are read from: whatever is wrong there is said in the answer.
type Traces interface {
	Read(ctx context.Context, id traces.ID) traces.Found
}

// Trace is one as the API shows it.
type Trace struct {
	TraceID    string         `json:"trace_id"`
	Start      *time.Time     `json:"start,omitempty" doc:"when its first span began; without spans, its first record"`
	DurationUS int64          `json:"duration_us" doc:"until its last span, or record, ended; microseconds"`
	Spans      []TraceSpan    `json:"spans" doc:"each before those below it, which stand in the order of their beginning"`
	Records    []TraceRecord  `json:"records" doc:"oldest first"`
	Gaps       []Gap          `json:"gaps" doc:"what is missing in the log of its services during its time"`
	Missing    []TraceMissing `json:"missing" doc:"which part is not there, and why"`
	Links      *Links         `json:"links,omitempty"`
}

// TraceSpan is a span in its place.
type TraceSpan struct {
	Key        string            `json:"key" doc:"names it in this answer: its id, but for a second span of the same id, and for strays"`
	Under      string            `json:"under,omitempty" doc:"key of the span above"`
	Depth      int               `json:"depth"`
	SpanID     string            `json:"span_id,omitempty"`
	ParentID   string            `json:"parent_id,omitempty" doc:"of its parent, whether that is there or not"`
	Service    string            `json:"service,omitempty"`
	Instance   string            `json:"instance,omitempty"`
	Name       string            `json:"name,omitempty"`
	Kind       string            `json:"kind,omitempty" doc:"server, client, producer, consumer, internal"`
	Start      time.Time         `json:"start" doc:"by the clock of its host, as all times"`
	DurationUS int64             `json:"duration_us" doc:"microseconds"`
	Error      bool              `json:"error,omitempty"`
	Attributes map[string]string `json:"attributes,omitempty"`
	Orphan     bool              `json:"orphan,omitempty" doc:"its parent is not there"`
	Strays     bool              `json:"strays,omitempty" doc:"no span, but what orphans are put under"`
	Hidden     bool              `json:"hidden,omitempty" doc:"of services that you may not see: times alone"`
	EarlierUS  int64             `json:"earlier_us,omitempty" doc:"it began so many microseconds before its parent: their hosts' clocks do not agree"`
}

// TraceRecord is a log record in its place.
type TraceRecord struct {
	Record
	Span string `json:"span,omitempty" doc:"key of the span that it stands in; missing: none is known"`
	By   string `json:"by,omitempty" enum:"span_id,time" doc:"how it was placed; time: its own span is not there, and this one of its service lasted then"`
}

// TraceMissing is a part that is not there.
type TraceMissing struct {
	Part   string `json:"part" enum:"spans,records"`
	Reason string `json:"reason" enum:"not_configured,unreachable,unreadable,too_large,sampled_out,partial,truncated,unavailable,time_up"`
	Detail string `json:"detail"`
}

// Links lead out of here.
type Links struct {
	Trace string `json:"trace" doc:"the trace's page, as SIGNALBOX_VIEW_SERVICE_TRACE_UI has it"`
}

// linksOf what belongs to a trace; nil where nobody has said where to look at traces.
func (h *Handlers) linksOf(traceID string) *Links {
	if link := h.settings.TracePage.Link(traceID); link != "" {
		return &Links{link}
	}
	return nil
}

type traceIn struct {
	ID      string `path:"id" doc:"32 hexadecimal digits, or 16" example:"4bf92f3577b34da6a3ce929d0e0e4736"`
	Q       string `query:"q" doc:"which of its log records, as: level>=warn" maxLength:"4096"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"500" doc:"of log records"`
	Records bool   `query:"records" default:"true" doc:"false: its spans alone"`
}

type traceOut struct{ Body Trace }

// The log is looked through around the time of the spans: the clocks of hosts differ, and what a message has caused
// may be logged when its span could not be sent any more.
const (
	beforeSpans  = 10 * time.Minute
	behindSpans  = time.Hour
	recordsLimit = 3 * time.Second
	allRetention = 400 * 24 * time.Hour
)

func (h *Handlers) trace(ctx context.Context, in *traceIn) (*traceOut, error) {
	id, err := traceID(in.ID)
	if err != nil {
		return nil, err
	}
	expr, err := expression(in.Q)
	if err != nil {
		return nil, err
	}
	sees := scope(ctx)
	found := h.settings.Traces.Read(ctx, id)
	tree := traces.Grow(found.Spans, sees.Sees)
	a := Trace{TraceID: string(id), Links: h.linksOf(string(id)), Spans: spans(tree), Records: []TraceRecord{}, Gaps: []Gap{}, Missing: []TraceMissing{}}
	a.lacks(found.Missing...)
	a.lacks(tree.Missing...)
	if in.Records {
		only := query.And{query.Compare{Field: "trace_id", Kind: query.Hex, Op: query.Equal, Value: string(id)}, expr}
		if err := h.recordsOf(ctx, &a, tree, logs.Query{Expr: only, Scope: sees, Oldest: true, Limit: in.Limit, Within: recordsLimit}); err != nil {
			return nil, err
		}
	}
	if !a.anything() {
		return nil, problem.New(problem.NotFound, "there is no span and no log record of this trace, or none that you may see")
	}
	a.date(tree)
	return &traceOut{a}, nil
}

// traceID reads an id; its error names the place.
func traceID(text string) (traces.ID, error) {
	id, err := traces.ParseID(text)
	var bad *traces.IDError
	if errors.As(err, &bad) {
		return "", &problem.Error{Code: problem.Invalid, Detail: "the trace's id cannot be read " + bad.Error(), Fields: []problem.Field{{
			Name: "id", Detail: bad.Detail, Position: bad.Position}}}
	}
	return id, err
}

func spans(t *traces.Tree) []TraceSpan {
	all := make([]TraceSpan, len(t.Nodes))
	for i, n := range t.Nodes {
		all[i] = TraceSpan{Key: n.Key, Under: n.Under, Depth: n.Depth, SpanID: n.ID, ParentID: n.Parent, Service: n.Service, Instance: n.Instance,
			Name: n.Name, Kind: n.Kind, Start: n.Start, DurationUS: n.Duration.Microseconds(), Error: n.Error, Attributes: n.Attributes,
			Orphan: n.Orphan, Strays: n.Strays, Hidden: n.Hidden, EarlierUS: n.Earlier.Microseconds()}
	}
	return all
}

func (a *Trace) lacks(all ...traces.Missing) {
	for _, m := range all {
		a.Missing = append(a.Missing, TraceMissing{m.Part, string(m.Reason), m.Detail})
	}
}

// recordsOf puts the trace's log records in their places. A log store that is away is a part that is missing.
func (h *Handlers) recordsOf(ctx context.Context, a *Trace, tree *traces.Tree, q logs.Query) error {
	now := time.Now()
	q.Since, q.Until = now.Add(-allRetention), now.Add(ahead)
	if len(tree.Nodes) > 0 {
		q.Since, q.Until = latest(tree.Start.Add(-beforeSpans), epoch()), tree.End.Add(behindSpans)
	}
	found, err := logs.Page(ctx, h.settings.Logs, q)
	switch {
	case errors.Is(err, logs.ErrTooSlow), err == nil && found.Partial:
		a.lacks(traces.Missing{Part: traces.Records, Reason: traces.TimeUp, Detail: "the log could not be looked through in time; a query with trace_id and a time finds the rest"})
	case errors.Is(err, logs.ErrBusy):
		a.lacks(traces.Missing{Part: traces.Records, Reason: traces.Unavailable, Detail: "too many slow queries are being answered; try again"})
	case err != nil && (h.settings.Ready() != nil || pg.IsUnavailable(err)):
		a.lacks(traces.Missing{Part: traces.Records, Reason: traces.Unavailable, Detail: "the log store cannot be reached now"})
	case err != nil:
		return h.failed(err)
	case found.Next != nil:
		a.lacks(traces.Missing{Part: traces.Records, Reason: traces.Truncated, Detail: "the trace has more log records than limit; a query with trace_id finds all"})
	}
	for _, r := range found.Records {
		key, by := tree.Place(traces.Line{TS: r.Key.TS, Service: r.Service, Instance: r.Instance, SpanID: r.SpanID})
		a.Records = append(a.Records, TraceRecord{h.show(r), key, by})
	}
	a.date(tree)
	a.gapsOf(found.Gaps)
	return nil
}

// date says when the trace was: by its spans, else by its records.
func (a *Trace) date(tree *traces.Tree) {
	start, end := tree.Start, tree.End
	if n := len(a.Records); len(tree.Nodes) == 0 && n > 0 {
		start, end = a.Records[0].TS, a.Records[n-1].TS
	}
	if !start.IsZero() {
		a.Start, a.DurationUS = &start, end.Sub(start).Microseconds()
	}
}

// gapsOf keeps the gaps of the trace's own services and time.
func (a *Trace) gapsOf(all []logs.Gap) {
	if a.Start == nil {
		return
	}
	services := map[string]bool{}
	for _, s := range a.Spans {
		services[s.Service] = true
	}
	for _, r := range a.Records {
		services[r.Service] = true
	}
	end := a.Start.Add(time.Duration(a.DurationUS) * time.Microsecond)
	a.Gaps = gaps(slices.DeleteFunc(all, func(g logs.Gap) bool {
		return !services[g.Service] || g.ToTS != nil && g.ToTS.Before(*a.Start) || g.FromTS != nil && g.FromTS.After(end)
	}))
}

// anything to show: a span or a record, or that something may be there which could not be read.
func (a *Trace) anything() bool {
	shown := func(s TraceSpan) bool { return !s.Hidden && !s.Strays }
	known := func(m TraceMissing) bool {
		return m.Reason == string(traces.NotConfigured) || m.Reason == string(traces.SampledOut) || m.Reason == string(traces.Partial)
	}
	return len(a.Records) > 0 || slices.ContainsFunc(a.Spans, shown) ||
		slices.ContainsFunc(a.Missing, func(m TraceMissing) bool { return !known(m) })
}
