package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Lease as the API shows it.
type Lease struct {
	ID          string     `json:"id"`
	Revision    int64      `json:"revision"`
	Kind        string     `json:"kind" enum:"level,sampling,debug,blackbox,profile,window,policy,fault"`
	Service     string     `json:"service,omitempty" doc:"missing: all"`
	Instance    string     `json:"instance,omitempty" doc:"missing: all"`
	Logger      string     `json:"logger,omitempty" doc:"missing: the root, so every logger"`
	Value       LeaseValue `json:"value"`
	Budget      *Budget    `json:"budget,omitempty"`
	Owner       string     `json:"owner"`
	Reason      string     `json:"reason"`
	State       string     `json:"state" enum:"active,expired,dropped"`
	Keep        bool       `json:"keep,omitempty" doc:"it holds until it is dropped"`
	CreatedAt   time.Time  `json:"created_at"`
	ExpiresAt   *time.Time `json:"expires_at,omitempty" doc:"missing: it is kept"`
	RemainingMS int64      `json:"remaining_ms"`
	EndedAt     *time.Time `json:"ended_at,omitempty"`
	DroppedBy   string     `json:"dropped_by,omitempty"`
}

// Budget of a lease on each instance.
type Budget struct {
	Lines int64 `json:"lines,omitempty" doc:"0: no bound" minimum:"0"`
	Bytes int64 `json:"bytes,omitempty" doc:"0: no bound" minimum:"0"`
}

// Receipt says what became of a change.
type Receipt struct {
	Lease     Lease     `json:"lease"`
	Revision  int64     `json:"revision" doc:"of this change"`
	TookMS    float64   `json:"took_ms" doc:"from the call until all had answered, or it was not waited any longer"`
	Applied   int       `json:"applied" doc:"instances that have done it"`
	Expected  int       `json:"expected" doc:"live instances that it is for"`
	Instances []Outcome `json:"instances"`
	Summary   string    `json:"summary" doc:"the same in one sentence"`
	Warnings  []string  `json:"warnings,omitempty"`
}

// Outcome of one instance.
type Outcome struct {
	Service  string  `json:"service"`
	Instance string  `json:"instance"`
	State    string  `json:"state" enum:"applied,silent,refused"`
	Error    string  `json:"error,omitempty"`
	TookMS   float64 `json:"took_ms,omitempty" doc:"from the change until it was known"`
	Via      string  `json:"via,omitempty" enum:"ack,sync" doc:"how it has come to be known: by the answer to the message, or by the instance's next report"`
	Spent    bool    `json:"spent,omitempty" doc:"its budget is used up there, and it has fallen back by itself"`
}

type setIn struct {
	Body struct {
		Kind     string     `json:"kind" enum:"level,sampling,debug,blackbox,profile,window,policy,fault"`
		Service  string     `json:"service,omitempty" doc:"missing: all, which needs the role operator for all; a profile and a window need one"`
		Instance string     `json:"instance,omitempty" doc:"missing: all of the service"`
		Logger   string     `json:"logger,omitempty" doc:"of a level: the logger and all below it; missing: the root, so every logger"`
		Value    LeaseValue `json:"value"`
		TTL      string     `json:"ttl,omitempty" doc:"how long it holds, as 15m, 2h or 1d; missing: the default of the mesh" maxLength:"64"`
		Keep     bool       `json:"keep,omitempty" doc:"hold it until it is dropped; needs the role admin"`
		Reason   string     `json:"reason" doc:"why; it stands in the audit"`
		Budget   *Budget    `json:"budget,omitempty" doc:"of a level, or a debug: what it may add on each instance before it falls back by itself"`
		Strict   bool       `json:"strict,omitempty" doc:"refuse it when nothing that runs is meant"`
		DryRun   bool       `json:"dry_run,omitempty" doc:"say what it would cost, and change nothing"`
	}
}

type setOut struct {
	Status int
	Body   setAnswer
}

// setAnswer is the receipt of a change, or what a dry run foresees.
type setAnswer struct {
	receipt *Receipt
	preview *PreviewAnswer
}

// MarshalJSON shows the one that there is.
func (a setAnswer) MarshalJSON() ([]byte, error) {
	if a.preview != nil {
		return json.Marshal(a.preview)
	}
	return json.Marshal(a.receipt)
}

// Schema implements huma.SchemaProvider; it makes both known under their names.
func (setAnswer) Schema(r huma.Registry) *huma.Schema {
	return &huma.Schema{OneOf: []*huma.Schema{r.Schema(reflect.TypeFor[Receipt](), true, ""), r.Schema(reflect.TypeFor[PreviewAnswer](), true, "")}}
}

type receiptOut struct{ Body Receipt }

func setOperation() huma.Operation {
	o := op(http.MethodPost, "/leases", "set-lease", "Change the running mesh for a time")
	o.DefaultStatus = http.StatusCreated
	o.Description = "Answers 201 with a receipt, after all live instances that are meant have answered or after two seconds; with dry_run 200 with what it would cost. " +
		"Of leases of one kind the more specific target wins, then the newer; of levels the more specific logger first."
	o.Responses = map[string]*huma.Response{
		"201": {Description: "The receipt", Content: shaped("Receipt")},
		"200": {Description: "What it would cost; nothing is changed", Content: shaped("PreviewAnswer")},
	}
	return o
}

func shaped(name string) map[string]*huma.MediaType {
	return map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/" + name}}}
}

func (h *Handlers) setLease(ctx context.Context, in *setIn) (*setOut, error) {
	p, _ := access.From(ctx)
	b := in.Body
	r := lease.Request{TTL: b.TTL, Strict: b.Strict, Lease: lease.Lease{Kind: b.Kind, Service: b.Service, Instance: b.Instance, Logger: b.Logger,
		Value: string(b.Value), Keep: b.Keep, Reason: b.Reason}}
	if b.Budget != nil {
		r.Budget = lease.Budget(*b.Budget)
	}
	if b.DryRun {
		foreseen, warnings, err := h.settings.Changer.Preview(ctx, p, r)
		if err != nil {
			return nil, h.failed(err)
		}
		return &setOut{http.StatusOK, setAnswer{preview: &PreviewAnswer{showPreview(foreseen), warnings}}}, nil
	}
	done, err := h.settings.Changer.Set(ctx, p, r)
	if err != nil {
		return nil, h.failed(err)
	}
	shown := receipt(done)
	return &setOut{http.StatusCreated, setAnswer{receipt: &shown}}, nil
}

type leaseIn struct {
	ID string `path:"id"`
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

func showLease(l lease.Lease) Lease {
	out := Lease{ID: l.ID, Revision: l.Revision, Kind: l.Kind, Service: l.Service, Instance: l.Instance, Logger: l.Logger, Value: LeaseValue(l.Value),
		Owner: l.OwnerName, Reason: l.Reason, State: l.State(), Keep: l.Keep, CreatedAt: l.CreatedAt.UTC(), ExpiresAt: utc(l.ExpiresAt), EndedAt: utc(l.EndedAt)}
	if l.Budget != (lease.Budget{}) {
		b := Budget(l.Budget)
		out.Budget = &b
	}
	if out.State == lease.Active {
		out.RemainingMS = l.Remaining.Milliseconds()
	}
	if out.State == lease.Dropped {
		out.DroppedBy = l.EndedBy
	}
	return out
}

func utc(t *time.Time) *time.Time {
	if t == nil {
		return nil
	}
	at := t.UTC()
	return &at
}

func receipt(r lease.Receipt) Receipt {
	return Receipt{Lease: showLease(r.Lease), Revision: r.Lease.Revision, TookMS: float64(r.Took.Microseconds()) / 1000,
		Applied: r.Applied, Expected: r.Expected, Instances: outcomes(r.Instances, nil), Summary: summary(r), Warnings: r.Warnings}
}

func summary(r lease.Receipt) string {
	what := "with the lease"
	switch {
	case r.Lease.Ended != "":
		what = "without the lease"
	case r.Lease.Kind == "level":
		what = "at " + r.Lease.Value
	}
	return fmt.Sprintf("%d of %d instances %s after %s", r.Applied, r.Expected, what, r.Took.Round(time.Millisecond))
}

// outcomes as they are shown; spent are those where the budget is used up.
func outcomes(all []lease.Outcome, spent []lease.Target) []Outcome {
	out := make([]Outcome, len(all))
	for i, o := range all {
		out[i] = Outcome{o.Service, o.Instance, o.State, o.Error, o.TookMS, o.Via, slices.Contains(spent, o.Target)}
	}
	return out
}
