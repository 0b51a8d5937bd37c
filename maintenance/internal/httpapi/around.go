package httpapi

import (
	"context"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

// aroundWindow is how far to both sides of a place it looks, when no time is given.
const aroundWindow = 24 * time.Hour

// around answers with the records on both sides of a place, in the order asked for.
func (h *Handlers) around(ctx context.Context, in *logsIn, q logs.Query) (*logsOut, error) {
	if in.Cursor != "" {
		return nil, invalid("cursor", "a page around a place has no next one; ask around its first or its last record")
	}
	older, newer, err := in.sides(q, time.Now())
	if err != nil {
		return nil, err
	}
	before, err := logs.Page(ctx, h.settings.Logs, older)
	if err != nil {
		return nil, h.failed(err)
	}
	behind, err := logs.Page(ctx, h.settings.Logs, newer)
	if err != nil {
		return nil, h.failed(err)
	}
	slices.Reverse(before.Records)
	all := slices.Concat(before.Records, behind.Records)
	if !q.Oldest {
		slices.Reverse(all)
	}
	return &logsOut{LogsPage{Records: h.records(all), Gaps: gaps(once(behind.Gaps, before.Gaps)),
		Partial: before.Partial || behind.Partial, Since: older.Since.UTC(), Until: newer.Until.UTC()}}, nil
}

// once leaves out gaps of the second list that the first has too: those that span the place.
func once(a, b []logs.Gap) []logs.Gap {
	all := slices.Clone(a)
	for _, g := range b {
		same := func(o logs.Gap) bool { return gapKey(o) == gapKey(g) }
		if !slices.ContainsFunc(a, same) {
			all = append(all, g)
		}
	}
	return all
}

// sides are the question for what stands before the place, and that for the rest. A record stands on the side before.
func (in *logsIn) sides(q logs.Query, now time.Time) (older, newer logs.Query, err error) {
	at, isID := readID(in.Around)
	last := logs.Key{TS: at.TS, ID: at.ID + 1}
	if !isID {
		t, err := moment("around", in.Around, now)
		if err != nil {
			return q, q, invalid("around", "the id of a record, a time like 2026-11-21T08:00:00Z, or how long ago, like 15m")
		}
		at = logs.Key{TS: t}
		last = at
	}
	older, newer = q, q
	if in.Since == "" {
		older.Since = latest(at.TS.Add(-aroundWindow), epoch())
	}
	if in.Until == "" {
		newer.Until = at.TS.Add(aroundWindow)
	}
	older.Until, newer.Since = at.TS.Add(time.Microsecond), at.TS
	older.Oldest, older.After, older.Limit = false, &last, (in.Limit+1)/2
	newer.Oldest, newer.After, newer.Limit = true, &at, max(in.Limit/2, 1)
	return older, newer, nil
}

type contextIn struct {
	ID     string `query:"id" required:"true" doc:"of the record" maxLength:"64"`
	Before int    `query:"before" minimum:"0" maximum:"500" default:"10" doc:"records before it"`
	After  int    `query:"after" minimum:"0" maximum:"500" default:"10" doc:"records behind it"`
	Of     string `query:"of" enum:"instance,service,trace,mesh" default:"instance" doc:"whose records: those of its instance, its service, its trace, or all"`
}

type contextOut struct {
	Body struct {
		Records []Record `json:"records" doc:"oldest first; the record itself is among them"`
		ID      string   `json:"id"`
		Gaps    []Gap    `json:"gaps"`
	}
}

func (h *Handlers) context(ctx context.Context, in *contextIn) (*contextOut, error) {
	at, ok := readID(in.ID)
	if !ok {
		return nil, invalid("id", "the id of a record, as answers show it")
	}
	c, err := logs.Around(ctx, h.settings.Logs, scope(ctx), at, max(in.Before, in.After, 1), logs.Same(in.Of))
	if err != nil {
		return nil, h.failed(err)
	}
	c.Before = c.Before[max(0, len(c.Before)-in.Before):]
	c.After = c.After[:min(len(c.After), in.After)]
	out := &contextOut{}
	out.Body.ID, out.Body.Gaps = in.ID, gaps(c.Gaps)
	out.Body.Records = h.records(slices.Concat(c.Before, []logs.Stored{c.Record}, c.After))
	return out, nil
}
