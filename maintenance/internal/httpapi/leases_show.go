package httpapi

import (
	"context"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
)

type leasesIn struct {
	Kind    string `query:"kind" doc:"only this kind" enum:"level,sampling,debug,blackbox,profile,window,policy,fault"`
	Service string `query:"service" doc:"only those that touch this service: its own, and those for all" maxLength:"256"`
	Ended   bool   `query:"ended" doc:"those that have ended, too"`
	Before  int64  `query:"before" minimum:"0" doc:"next of the page before"`
	Limit   int    `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type leasesOut struct {
	Body struct {
		Leases []Lease `json:"leases"`
		Next   int64   `json:"next,omitempty" doc:"before of the next page; missing: this is the last"`
	}
}

func (h *Handlers) listLeases(ctx context.Context, in *leasesIn) (*leasesOut, error) {
	all, err := h.settings.Leases.Leases(ctx, scope(ctx), lease.Filter{Kind: in.Kind, Service: in.Service, Ended: in.Ended, Before: in.Before, Limit: in.Limit})
	if err != nil {
		return nil, h.failed(err)
	}
	out := &leasesOut{}
	out.Body.Leases = make([]Lease, len(all))
	for i, l := range all {
		out.Body.Leases[i] = showLease(l)
	}
	if len(all) == in.Limit {
		out.Body.Next = all[len(all)-1].Revision
	}
	return out, nil
}

// LeaseEvent is what an instance has told of a lease.
type LeaseEvent struct {
	At       time.Time `json:"at"`
	What     string    `json:"what" enum:"expired,spent,resumed,refused"`
	Service  string    `json:"service"`
	Instance string    `json:"instance"`
	Actor    string    `json:"actor,omitempty"`
	Detail   string    `json:"detail,omitempty"`
	Before   string    `json:"before,omitempty"`
	After    string    `json:"after,omitempty"`
}

type leaseOut struct {
	Body struct {
		Lease   Lease        `json:"lease"`
		Results []Outcome    `json:"results" doc:"what each instance made of it, as far as is known by now"`
		Ends    []Outcome    `json:"ends,omitempty" doc:"the same of its end: applied is who has it no more"`
		Events  []LeaseEvent `json:"events" doc:"what instances have told of it, oldest first"`
	}
}

func (h *Handlers) showLease(ctx context.Context, in *leaseIn) (*leaseOut, error) {
	l, err := h.lease(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	found, err := h.settings.Leases.Results(ctx, scope(ctx), l.ID)
	if err != nil {
		return nil, h.failed(err)
	}
	events, err := h.settings.Leases.Events(ctx, scope(ctx), l.ID)
	if err != nil {
		return nil, h.failed(err)
	}
	out := &leaseOut{}
	out.Body.Lease, out.Body.Results, out.Body.Ends = showLease(l), outcomes(found.Set, found.Spent), outcomes(found.End, nil)
	out.Body.Events = make([]LeaseEvent, len(events))
	for i, e := range events {
		out.Body.Events[i] = LeaseEvent{e.At.UTC(), e.What, e.Service, e.Instance, e.Actor, e.Detail, e.Before, e.After}
	}
	return out, nil
}

// PreviewAnswer is the answer to a dry run.
type PreviewAnswer struct {
	Preview  Preview  `json:"preview"`
	Warnings []string `json:"warnings,omitempty"`
}

// Preview is what a change of a level would add to the log, from what instances have suppressed over the last minute.
type Preview struct {
	LinesPerSecond float64 `json:"lines_per_second"`
	BytesPerSecond float64 `json:"bytes_per_second"`
	Instances      int     `json:"instances" doc:"live ones that it is for"`
	Loggers        []Cost  `json:"loggers" doc:"the dearest first, 200 at most; the sums hold them all"`
}

// Cost of the lines of one logger and level, on all instances of a service.
type Cost struct {
	Service        string  `json:"service"`
	Logger         string  `json:"logger"`
	Level          string  `json:"level"`
	LinesPerSecond float64 `json:"lines_per_second"`
	BytesPerSecond float64 `json:"bytes_per_second"`
}

const maxCosts = 200

func showPreview(p lease.Preview) Preview {
	out := Preview{LinesPerSecond: p.Lines, BytesPerSecond: p.Bytes, Instances: p.Instances, Loggers: []Cost{}}
	for _, c := range p.Loggers[:min(len(p.Loggers), maxCosts)] {
		out.Loggers = append(out.Loggers, Cost{c.Service, c.Logger, c.Level, c.Lines, c.Bytes})
	}
	return out
}
