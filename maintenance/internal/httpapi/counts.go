package httpapi

import (
	"context"
	"log/slog"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
)

type histogramIn struct {
	Q string `query:"q" doc:"the query, as for logs" maxLength:"4096"`
	Window
	Buckets int    `query:"buckets" minimum:"1" maximum:"1000" default:"100" doc:"at most so many, of a round width"`
	Every   string `query:"every" doc:"width of a bucket, as 1m, instead of buckets" maxLength:"32"`
}

// Histogram is how many records there were.
type Histogram struct {
	Since   time.Time        `json:"since"`
	Until   time.Time        `json:"until"`
	Step    float64          `json:"step_seconds" doc:"width of a bucket"`
	Records int64            `json:"records"`
	Levels  map[string]int64 `json:"levels" doc:"by slog's level names"`
	Buckets []Bucket         `json:"buckets" doc:"without holes, oldest first, from multiples of the width on; the first and the last are cut by since and until"`
	Reach
	Gaps []Gap `json:"gaps"`
}

// Bucket of a histogram.
type Bucket struct {
	From   time.Time        `json:"from"`
	Levels map[string]int64 `json:"levels,omitempty"`
}

// Reach is how far an answer has looked.
type Reach struct {
	Partial bool       `json:"partial,omitempty" doc:"time was up before everything was looked through"`
	Reached *time.Time `json:"reached,omitempty" doc:"with partial: what is older is not counted"`
}

func reachOf(r logs.Reach) Reach {
	if !r.Partial {
		return Reach{}
	}
	since := r.Since.UTC()
	return Reach{true, &since}
}

type histogramOut struct{ Body Histogram }

func (h *Handlers) histogram(ctx context.Context, in *histogramIn) (*histogramOut, error) {
	now := time.Now()
	q, err := question(ctx, in.Q, in.Window, now)
	if err != nil {
		return nil, err
	}
	if in.Until == "" && q.Since.Before(now) {
		q.Until = now // a chart ends now, not where a clock that is ahead would be
	}
	width, err := in.width(q.Until.Sub(q.Since))
	if err != nil {
		return nil, err
	}
	c, err := logs.Counts(ctx, h.settings.Logs, q, width)
	if err != nil {
		return nil, h.failed(err)
	}
	out := Histogram{Since: q.Since.UTC(), Until: q.Until.UTC(), Step: c.Width.Seconds(), Records: c.Total, Levels: map[string]int64{},
		Buckets: make([]Bucket, len(c.Buckets)), Reach: reachOf(c.Reach), Gaps: gaps(c.Gaps)}
	for i, b := range c.Buckets {
		out.Buckets[i] = Bucket{b.From, levels(b.Counts)}
		for level, n := range b.Counts {
			out.Levels[level.String()] += n
		}
	}
	return &histogramOut{out}, nil
}

func levels(counts map[slog.Level]int64) map[string]int64 {
	named := make(map[string]int64, len(counts))
	for l, n := range counts {
		named[l.String()] = n
	}
	return named
}

// width is the one asked for, or the least round one that makes no more buckets than asked for; the bounds may cut one
// more.
func (in *histogramIn) width(span time.Duration) (time.Duration, error) {
	if in.Every != "" {
		w, ok := howLong(in.Every)
		if !ok || w < time.Millisecond || w > 366*24*time.Hour {
			return 0, invalid("every", "a duration from 1ms to a year, like 30s, 5m or 1d")
		}
		return w, nil
	}
	for _, w := range widths() {
		if span <= w*time.Duration(max(in.Buckets-1, 1)) {
			return w, nil
		}
	}
	return (span/time.Duration(in.Buckets)/(24*time.Hour) + 1) * 24 * time.Hour, nil
}

// widths that people read with ease.
func widths() []time.Duration {
	return []time.Duration{time.Second, 2 * time.Second, 5 * time.Second, 10 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute,
		2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute, 30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour,
		6 * time.Hour, 12 * time.Hour, 24 * time.Hour}
}

type topIn struct {
	Field string `query:"field" required:"true" doc:"a column, or an attribute's path: service, http.status" maxLength:"256"`
	Q     string `query:"q" doc:"the query, as for logs" maxLength:"4096"`
	Window
	Limit int `query:"limit" minimum:"1" maximum:"1000" default:"20"`
}

// TopValues are the most frequent values of a field.
type TopValues struct {
	Field    string  `json:"field" doc:"by its whole name"`
	Records  int64   `json:"records" doc:"that match"`
	With     int64   `json:"with" doc:"of them, that have the field"`
	Distinct int     `json:"distinct" doc:"different values"`
	Others   int64   `json:"others" doc:"values that are not listed"`
	Values   []Value `json:"values"`
	Reach
	Gaps []Gap `json:"gaps"`
}

// Value of a field.
type Value struct {
	Value string  `json:"value"`
	Count int64   `json:"count"`
	Share float64 `json:"share" doc:"of the records that match, 0 to 1"`
}

type topOut struct{ Body TopValues }

func (h *Handlers) topValues(ctx context.Context, in *topIn) (*topOut, error) {
	q, err := question(ctx, in.Q, in.Window, time.Now())
	if err != nil {
		return nil, err
	}
	q.Limit = in.Limit
	t, err := logs.Frequent(ctx, h.settings.Logs, q, in.Field)
	if misread(err) {
		return nil, invalid("field", "the name of a column or the path of an attribute, as service or http.status")
	}
	if err != nil {
		return nil, h.failed(err)
	}
	out := TopValues{Field: t.Field, Records: t.Total, With: t.Total - t.Missing, Distinct: t.Distinct, Others: t.Others,
		Values: make([]Value, len(t.Values)), Reach: reachOf(t.Reach), Gaps: gaps(t.Gaps)}
	for i, v := range t.Values {
		out.Values[i] = Value(v)
	}
	return &topOut{out}, nil
}
