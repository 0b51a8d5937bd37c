package httpapi

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Lease as the API shows it.
type Lease struct {
	ID          string     `json:"id"`
	Revision    int64      `json:"revision"`
	Kind        string     `json:"kind"`
	Service     string     `json:"service,omitempty" doc:"missing: all"`
	Instance    string     `json:"instance,omitempty" doc:"missing: all"`
	Logger      string     `json:"logger,omitempty" doc:"missing: the root, so every logger"`
	Value       string     `json:"value"`
	Owner       string     `json:"owner"`
	Reason      string     `json:"reason"`
	State       string     `json:"state" enum:"active,expired,dropped"`
	CreatedAt   time.Time  `json:"created_at"`
	ExpiresAt   time.Time  `json:"expires_at"`
	RemainingMS int64      `json:"remaining_ms"`
	DroppedAt   *time.Time `json:"dropped_at,omitempty"`
	DroppedBy   string     `json:"dropped_by,omitempty"`
}

// Receipt says what became of a change.
type Receipt struct {
	Lease     Lease     `json:"lease"`
	Revision  int64     `json:"revision" doc:"of this change"`
	TookMS    float64   `json:"took_ms"`
	Applied   int       `json:"applied" doc:"instances that have done it"`
	Expected  int       `json:"expected" doc:"live instances that it is for"`
	Instances []Outcome `json:"instances"`
	Summary   string    `json:"summary" doc:"the same in one sentence"`
}

// Outcome of one instance.
type Outcome struct {
	Service  string `json:"service"`
	Instance string `json:"instance"`
	State    string `json:"state" enum:"applied,silent,refused"`
	Error    string `json:"error,omitempty"`
}

type setIn struct {
	Body struct {
		Kind     string `json:"kind" enum:"level"`
		Service  string `json:"service,omitempty" doc:"missing: all, which needs the role operator for all"`
		Instance string `json:"instance,omitempty" doc:"missing: all of the service"`
		Logger   string `json:"logger,omitempty" doc:"missing: the root, so every logger"`
		Value    string `json:"value" doc:"a level: debug, info, warn, error, or one of them with an offset like info+2"`
		TTL      string `json:"ttl,omitempty" doc:"how long it holds, as 15m; missing: the default of the mesh"`
		Reason   string `json:"reason" doc:"why; it stands in the audit"`
	}
}

type receiptOut struct{ Body Receipt }

func (h *Handlers) setLease(ctx context.Context, in *setIn) (*receiptOut, error) {
	p, _ := access.From(ctx)
	b := in.Body
	var ttl time.Duration
	if b.TTL != "" {
		var err error
		if ttl, err = time.ParseDuration(b.TTL); err != nil || ttl <= 0 {
			return nil, &problem.Error{Code: problem.Invalid, Detail: "the lease is not valid", Fields: []problem.Field{{Name: "/ttl", Detail: "a duration like 15m"}}}
		}
	}
	r, err := h.settings.Changer.Set(ctx, p, lease.Lease{Kind: b.Kind, Service: b.Service, Instance: b.Instance, Logger: b.Logger,
		Value: b.Value, Reason: b.Reason}, ttl)
	if err != nil {
		return nil, h.failed(err)
	}
	return &receiptOut{receipt(r)}, nil
}

type leaseIn struct {
	ID string `path:"id"`
}

type leaseOut struct{ Body Lease }

func (h *Handlers) showLease(ctx context.Context, in *leaseIn) (*leaseOut, error) {
	l, err := h.lease(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	return &leaseOut{showLease(l)}, nil
}

func (h *Handlers) dropLease(ctx context.Context, in *leaseIn) (*receiptOut, error) {
	l, err := h.lease(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	p, _ := access.From(ctx)
	r, err := h.settings.Changer.Drop(ctx, p, l)
	if err != nil {
		return nil, h.failed(err)
	}
	return &receiptOut{receipt(r)}, nil
}

// lease finds one that the caller may see; one that he may not does not exist for him.
func (h *Handlers) lease(ctx context.Context, id string) (lease.Lease, error) {
	if _, err := uuid.Parse(id); err != nil || len(id) != 36 {
		return lease.Lease{}, problem.New(problem.NotFound, "no such lease")
	}
	l, err := h.settings.Leases.Lease(ctx, id)
	if err != nil {
		return l, h.failed(err)
	}
	if s := scope(ctx); !s.All && l.Service != "" && !slices.Contains(s.Services, l.Service) {
		return l, problem.New(problem.NotFound, "no such lease")
	}
	return l, nil
}

type leasesIn struct {
	All   bool `query:"all" doc:"those that have ended, too"`
	Limit int  `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

type leasesOut struct {
	Body struct {
		Leases []Lease `json:"leases"`
	}
}

func (h *Handlers) listLeases(ctx context.Context, in *leasesIn) (*leasesOut, error) {
	all, err := h.settings.Leases.Leases(ctx, scope(ctx), in.All, in.Limit)
	if err != nil {
		return nil, h.failed(err)
	}
	out := &leasesOut{}
	out.Body.Leases = make([]Lease, len(all))
	for i, l := range all {
		out.Body.Leases[i] = showLease(l)
	}
	return out, nil
}

func showLease(l lease.Lease) Lease {
	state := "active"
	if l.DroppedAt != nil {
		state, l.Remaining = "dropped", 0
	} else if l.Remaining <= 0 {
		state = "expired"
	}
	return Lease{ID: l.ID, Revision: l.Revision, Kind: l.Kind, Service: l.Service, Instance: l.Instance, Logger: l.Logger, Value: l.Value,
		Owner: l.OwnerName, Reason: l.Reason, State: state, CreatedAt: l.CreatedAt.UTC(), ExpiresAt: l.ExpiresAt.UTC(),
		RemainingMS: l.Remaining.Milliseconds(), DroppedAt: l.DroppedAt, DroppedBy: l.DroppedBy}
}

func receipt(r lease.Receipt) Receipt {
	out := Receipt{Lease: showLease(r.Lease), Revision: r.Lease.Revision, TookMS: float64(r.Took.Microseconds()) / 1000,
		Applied: r.Applied, Expected: r.Expected, Instances: make([]Outcome, len(r.Instances))}
	for i, o := range r.Instances {
		out.Instances[i] = Outcome{o.Service, o.Instance, o.State, o.Error}
	}
	what := "at " + r.Lease.Value
	if r.Lease.DroppedAt != nil {
		what = "without the lease"
	}
	out.Summary = fmt.Sprintf("%d of %d instances %s after %s", r.Applied, r.Expected, what, r.Took.Round(time.Millisecond))
	return out
}

type auditIn struct {
	Before int64 `query:"before" minimum:"0" doc:"next of the page before"`
	Limit  int   `query:"limit" minimum:"1" maximum:"1000" default:"100"`
}

// Change is one row of the audit as the API shows it.
type Change struct {
	ID      int64     `json:"id"`
	At      time.Time `json:"at"`
	Actor   string    `json:"actor"`
	Name    string    `json:"name"`
	Action  string    `json:"action"`
	Service string    `json:"service,omitempty" doc:"missing: all"`
	Subject string    `json:"subject"`
	Detail  any       `json:"detail"`
}

type auditOut struct {
	Body struct {
		Changes []Change `json:"changes"`
		Next    int64    `json:"next,omitempty"`
	}
}

func (h *Handlers) listAudit(ctx context.Context, in *auditIn) (*auditOut, error) {
	all, err := h.settings.Fleet.Audit(ctx, scope(ctx), in.Before, in.Limit)
	if err != nil {
		return nil, h.failed(err)
	}
	out := &auditOut{}
	out.Body.Changes = make([]Change, len(all))
	for i, c := range all {
		out.Body.Changes[i] = Change{c.ID, c.At.UTC(), c.Actor, c.Name, c.Action, c.Service, c.Subject, c.Detail}
	}
	if len(all) == in.Limit {
		out.Body.Next = all[len(all)-1].ID
	}
	return out, nil
}
