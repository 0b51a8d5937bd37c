package mesh

import (
	"cmp"
	"context"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// What holds where no policy says otherwise.
const (
	callTimeout    = 10 * time.Second // of a call that has no deadline
	defaultRetries = 1
	// defaultBudget keeps three hops that each try again by themselves, and know nothing of each other, below 1.2 calls of
	// the last one for each of the first: 1.06³.
	defaultBudget   = 0.06
	defaultFailures = 0.5
	defaultCalls    = 20
	defaultOpen     = 5 * time.Second
)

// tooShort is a time in which nobody need answer: a call that had less says nothing about its destination.
const tooShort = 100 * time.Millisecond

// firstBackoff is the mean wait before the first retry; each further one is twice as long.
const firstBackoff = 25 * time.Millisecond

// destination is all that is known of calls to one service by one protocol.
type destination struct {
	mesh              *Mesh
	service, protocol string
	edge              *telemetry.Edge
	state             prometheus.Gauge
	refused           prometheus.Counter
	retried, denied   prometheus.Counter
	breaker           breaker
	budget            budget
	terms             atomic.Pointer[terms]
}

// terms are what holds for calls just now.
type terms struct {
	timeout time.Duration // bounds every call; 0: callTimeout for those without a deadline
	retries int
	budget  float64
	fault   *held // nil: none
}

func (m *Mesh) newDestination(service, protocol string) *destination {
	d := &destination{
		mesh: m, service: service, protocol: protocol, edge: m.settings.Edges.To(service, protocol),
		state: m.metrics.state.WithLabelValues(service, protocol), refused: m.metrics.refused.WithLabelValues(service, protocol),
		retried: m.metrics.retries.WithLabelValues(service, protocol, "tried"), denied: m.metrics.retries.WithLabelValues(service, protocol, "over budget"),
	}
	d.breaker.destination = d
	d.budget.thousandths.Store(reserve)
	d.follow()
	return d
}

// follow takes over what the leases say now.
func (d *destination) follow() {
	p := d.mesh.rules.policy(d.service)
	t := &terms{timeout: time.Duration(p.TimeoutMS) * time.Millisecond, retries: defaultRetries, budget: defaultBudget, fault: d.mesh.rules.fault(d.service, d.protocol)}
	if p.Retries != nil {
		t.retries = *p.Retries
	}
	if p.RetryBudget != nil {
		t.budget = *p.RetryBudget
	}
	l := limits{defaultFailures, defaultCalls, defaultOpen}
	if b := p.Breaker; b != nil {
		l = limits{cmp.Or(b.Failures, l.failures), cmp.Or(b.Calls, l.calls), cmp.Or(time.Duration(b.OpenMS)*time.Millisecond, l.open)}
	}
	if p.Off {
		l, t.retries = limits{}, 0
	}
	if !d.mesh.settings.Retries {
		t.retries = 0
	}
	d.breaker.set(l)
	d.terms.Store(t)
}

// bounded is ctx with the deadline of a call that begins now; cancel is called at its end. given is the time that it has.
func (t *terms) bounded(ctx context.Context, now time.Time) (_ context.Context, given time.Duration, cancel context.CancelFunc) {
	limit := t.timeout
	deadline, ok := ctx.Deadline()
	if ok {
		given = deadline.Sub(now)
		if limit == 0 || given <= limit {
			return ctx, given, nil
		}
	}
	if limit == 0 {
		limit = callTimeout
	}
	ctx, cancel = context.WithTimeout(ctx, limit)
	return ctx, limit, cancel
}

// earn counts a call towards the budget of retries. One that is itself tried again, further out, brings none.
func (d *destination) earn(ctx context.Context, t *terms) {
	if !hop.Again(ctx) {
		d.budget.earn(t.budget)
	}
}

// again waits before another try of a call that may be tried again, and says whether there is one. Free are those of which
// nothing was sent. Nobody further out tries again what was, or could have been, tried again here.
func (d *destination) again(ctx context.Context, t *terms, try int, free bool) bool {
	if t.retries == 0 {
		return false
	}
	if try > t.retries || hop.Again(ctx) {
		hop.Spend(ctx)
		return false
	}
	if !free && !d.budget.spend() {
		hop.Spend(ctx)
		d.denied.Inc()
		return false
	}
	wait := time.Duration((0.5 + rand.Float64()) * float64(firstBackoff<<(try-1)))
	if deadline, ok := ctx.Deadline(); ok && time.Until(deadline) <= wait {
		return false
	}
	if pause.For(ctx, wait) != nil {
		return false
	}
	d.retried.Inc()
	return true
}

// strike is the fault that befalls a try, after its delay; nil: none. An error is ctx's.
func (d *destination) strike(ctx context.Context, f *held, span trace.Span) (*held, error) {
	if f == nil || rand.Float64() >= f.Share {
		return nil, nil //nolint:nilnil // most calls are struck by none
	}
	kind := f.kind(d.protocol)
	if f.DelayMS > 0 {
		d.struck(f, "delay", span)
		if err := pause.For(ctx, time.Duration(f.DelayMS)*time.Millisecond); err != nil {
			return nil, err
		}
	}
	if kind == "" {
		return nil, nil //nolint:nilnil // it was only late
	}
	d.struck(f, kind, span)
	return f, nil
}

func (d *destination) struck(f *held, kind string, span trace.Span) {
	d.mesh.metrics.faults.WithLabelValues(d.service, d.protocol, kind).Inc()
	if span != nil && span.IsRecording() {
		span.SetAttributes(attribute.String("signalbox.fault", kind), attribute.String("signalbox.fault_lease", f.lease))
	}
}

// kind is what the fault does after its delay.
func (f *held) kind(protocol string) string {
	switch {
	case f.Abort:
		return "abort"
	case protocol == HTTP && f.Status != 0:
		return "status"
	case protocol == GRPC && f.Code != "":
		return "code"
	default:
		return ""
	}
}
