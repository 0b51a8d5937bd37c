package httpapi

import (
	"context"
	"errors"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

type patternsIn struct {
	Q string `query:"q" doc:"the query, as for logs" maxLength:"4096"`
	Window
	Limit    int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"the most frequent so many"`
	NewSince string `query:"new_since" doc:"a time in the forms of since, or a version: marks what did not occur before it, or in no other version" maxLength:"256"`
}

// Patterns are what records are about.
type Patterns struct {
	Patterns []Pattern `json:"patterns" doc:"the most frequent first"`
	Records  int64     `json:"records" doc:"that match"`
	Others   int64     `json:"others" doc:"of them, in patterns that are not listed"`
	Reach
	Gaps []Gap `json:"gaps"`
}

// Pattern is a group of records whose messages differ only in numbers, ids and the like.
type Pattern struct {
	Template string           `json:"template" doc:"the message; what differs is <n>, <hex>, <uuid>, <ip>, <duration>, <text>"`
	Count    int64            `json:"count"`
	Share    float64          `json:"share" doc:"of the records that match, 0 to 1"`
	Levels   map[string]int64 `json:"levels"`
	Services []string         `json:"services"`
	First    time.Time        `json:"first"`
	Last     time.Time        `json:"last"`
	New      bool             `json:"new"`
	Example  Example          `json:"example" doc:"the newest"`
}

// Example is one record of a pattern.
type Example struct {
	ID       string `json:"id"`
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Msg      string `json:"msg"`
}

func example(e logs.Example) Example { return Example{recordID(e.Key), e.Service, e.Instance, e.Msg} }

type patternsOut struct{ Body Patterns }

func (h *Handlers) patterns(ctx context.Context, in *patternsIn) (*patternsOut, error) {
	now := time.Now()
	q, err := question(ctx, in.Q, in.Window, now)
	if err != nil {
		return nil, err
	}
	q.Limit = in.Limit
	g, err := logs.Group(ctx, h.settings.Logs, q, news(in.NewSince, now))
	if err != nil {
		return nil, h.failed(err)
	}
	out := Patterns{Patterns: make([]Pattern, len(g.Patterns)), Records: g.Total, Others: g.Others, Reach: reachOf(g.Reach), Gaps: gaps(g.Gaps)}
	for i, p := range g.Patterns {
		out.Patterns[i] = Pattern{Template: p.Template, Count: p.Count, Share: p.Share, Levels: levels(p.Levels), Services: p.Services,
			First: p.First.UTC(), Last: p.Last.UTC(), New: p.New, Example: example(p.Example)}
	}
	return &patternsOut{out}, nil
}

// news reads a time; what is none is a version.
func news(text string, now time.Time) (n logs.News) {
	if text == "" {
		return n
	}
	if t, err := moment("new_since", text, now); err == nil {
		n.Since = t
		return n
	}
	n.Version = text
	return n
}

func misread(err error) bool {
	var bad *query.Error
	return errors.As(err, &bad)
}

type costIn struct {
	Window
	Limit int `query:"limit" minimum:"1" maximum:"100" default:"20" doc:"the dearest templates and services, so many of each"`
}

// Costs are who fills the log.
type Costs struct {
	Since     time.Time      `json:"since"`
	Until     time.Time      `json:"until"`
	Records   int64          `json:"records"`
	Bytes     int64          `json:"bytes" doc:"of texts, as they were sent"`
	Services  []ServiceCost  `json:"services" doc:"the most bytes first"`
	Templates []TemplateCost `json:"templates" doc:"the most bytes first; estimated from a sample"`
	Sampled   int            `json:"sampled" doc:"blocks that the templates were estimated from"`
	Blocks    int            `json:"blocks" doc:"blocks in that time"`
	Reach
	Gaps []Gap `json:"gaps"`
}

// ServiceCost is one service's part.
type ServiceCost struct {
	Service string  `json:"service"`
	Records int64   `json:"records"`
	Bytes   int64   `json:"bytes"`
	Share   float64 `json:"share" doc:"of the bytes, 0 to 1"`
	Rate    float64 `json:"rate" doc:"records per second, between the first and the last one in that time"`
}

// TemplateCost is one template's part.
type TemplateCost struct {
	Service  string  `json:"service"`
	Template string  `json:"template"`
	Records  int64   `json:"records"`
	Bytes    int64   `json:"bytes"`
	Share    float64 `json:"share" doc:"of the bytes, 0 to 1"`
	Example  Example `json:"example"`
}

type costOut struct{ Body Costs }

func (h *Handlers) cost(ctx context.Context, in *costIn) (*costOut, error) {
	now := time.Now()
	q, err := question(ctx, "", in.Window, now)
	if err != nil {
		return nil, err
	}
	q.Limit = in.Limit
	c, err := logs.Cost(ctx, h.settings.Logs, q)
	if err != nil {
		return nil, h.failed(err)
	}
	missing, err := h.settings.Logs.Gaps(ctx, q.Scope, q.Since, q.Until, maxGaps)
	if err != nil {
		return nil, h.failed(err)
	}
	until := q.Until
	if until.After(now) {
		until = now
	}
	out := Costs{Since: q.Since.UTC(), Until: until.UTC(), Records: c.Records, Bytes: c.Bytes, Services: []ServiceCost{}, Templates: []TemplateCost{},
		Sampled: c.Sampled, Blocks: c.Blocks, Reach: reachOf(c.Reach), Gaps: gaps(missing)}
	for _, s := range c.Services[:min(in.Limit, len(c.Services))] {
		out.Services = append(out.Services, ServiceCost{s.Service, s.Records, s.Bytes, s.Share, s.Rate})
	}
	for _, t := range c.Templates {
		out.Templates = append(out.Templates, TemplateCost{t.Service, t.Template, t.Records, t.Bytes, t.Share, example(t.Example)})
	}
	return &costOut{out}, nil
}

// maxGaps that an answer carries, the newest.
const maxGaps = 100
