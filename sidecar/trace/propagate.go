package trace

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

const propagatorsVariable = "OTEL_PROPAGATORS"

// Bounds of what is read and written. What is beyond them is treated as absent.
const (
	maxState   = 512 // bytes of tracestate
	maxBaggage = 8 << 10
	maxMembers = 64 // of baggage
)

// propagator reads every form, and writes some.
type propagator struct{ w3c, baggage, single, multi bool }

// newPropagator writes the forms of a list as OTEL_PROPAGATORS has it; "": the usual ones.
func newPropagator(list string) (*propagator, error) {
	if strings.TrimSpace(list) == "" {
		return &propagator{w3c: true, baggage: true, single: true}, nil
	}
	p := &propagator{}
	for name := range strings.SplitSeq(list, ",") {
		switch strings.TrimSpace(name) {
		case "tracecontext":
			p.w3c = true
		case "baggage":
			p.baggage = true
		case "b3":
			p.single = true
		case "b3multi":
			p.multi = true
		case "none", "":
		default:
			return nil, &settings.Error{Variable: propagatorsVariable,
				Problem: "there is no " + strings.TrimSpace(name) + " here; take some of tracecontext, baggage, b3 and b3multi, or none"}
		}
	}
	return p, nil
}

// Fields implements propagation.TextMapPropagator.
func (p *propagator) Fields() (all []string) {
	for _, f := range []struct {
		on    bool
		names []string
	}{{p.w3c, []string{"traceparent", "tracestate"}}, {p.baggage, []string{"baggage"}}, {p.single, []string{"b3"}},
		{p.multi, []string{"x-b3-traceid", "x-b3-spanid", "x-b3-sampled"}}} {
		if f.on {
			all = append(all, f.names...)
		}
	}
	return all
}

// Extract implements propagation.TextMapPropagator.
func (p *propagator) Extract(ctx context.Context, from propagation.TextMapCarrier) context.Context {
	parent, _, bag := p.read(from)
	if parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, parent)
	}
	if bag.Len() > 0 {
		ctx = baggage.ContextWithBaggage(ctx, bag)
	}
	return ctx
}

// Sender is the span that headers tell of, in whatever form; not valid where they tell of none.
func Sender(from propagation.TextMapCarrier) trace.SpanContext {
	sc, _, _ := (&propagator{}).read(from)
	return sc
}

// read finds the sender's span, whether it left the decision over sampling to us, and the baggage. It allocates nothing
// where there is none.
func (p *propagator) read(from propagation.TextMapCarrier) (parent trace.SpanContext, open bool, bag baggage.Baggage) {
	if text, one := field(from, "traceparent", "Traceparent"); one {
		parent = traceParent(text)
		if parent.IsValid() {
			parent = withState(parent, from)
		}
	}
	if !parent.IsValid() {
		parent, open = readB3(from)
	}
	if all := fields(from, "baggage", "Baggage"); len(all) > 0 && len(all) <= maxBaggage {
		bag = readBaggage(all)
	}
	return parent, open, bag
}

// readBaggage is empty where the text is not well-formed or has too many members.
func readBaggage(text string) baggage.Baggage {
	b, err := baggage.Parse(text)
	if err != nil || b.Len() > maxMembers {
		return baggage.Baggage{}
	}
	return b
}

// Inject implements propagation.TextMapPropagator.
func (p *propagator) Inject(ctx context.Context, into propagation.TextMapCarrier) {
	if sc := trace.SpanContextFromContext(ctx); sc.IsValid() {
		if p.w3c {
			put(into, "traceparent", "Traceparent", traceParentOf(sc))
			if state := sc.TraceState().String(); state != "" && len(state) <= maxState {
				put(into, "tracestate", "Tracestate", state)
			}
		}
		if p.single {
			put(into, "b3", "B3", b3Of(sc))
		}
		if p.multi {
			put(into, "x-b3-traceid", "X-B3-Traceid", sc.TraceID().String())
			put(into, "x-b3-spanid", "X-B3-Spanid", sc.SpanID().String())
			put(into, "x-b3-sampled", "X-B3-Sampled", digit(sc.IsSampled()))
		}
	}
	if p.baggage {
		if bag := baggage.FromContext(ctx); bag.Len() > 0 && bag.Len() <= maxMembers {
			if text := bag.String(); len(text) <= maxBaggage {
				put(into, "baggage", "Baggage", text)
			}
		}
	}
}

// field is a header's value; one: it is there once. canonical is its name in an http.Header, so that nothing has to be
// made of lower for a look-up.
func field(from propagation.TextMapCarrier, lower, canonical string) (value string, one bool) {
	switch c := from.(type) {
	case propagation.HeaderCarrier:
		if all := c[canonical]; len(all) == 1 {
			return all[0], true
		}
		return "", false
	case propagation.MapCarrier:
		if value, one = c[lower]; !one {
			value, one = c[canonical]
		}
		return value, one
	case propagation.ValuesGetter:
		if all := c.Values(lower); len(all) == 1 {
			return all[0], true
		}
		return "", false
	default:
		value = from.Get(lower)
		return value, value != ""
	}
}

// fields is a header that may come several times, as one.
func fields(from propagation.TextMapCarrier, lower, canonical string) string {
	var all []string
	switch c := from.(type) {
	case propagation.HeaderCarrier:
		all = c[canonical]
	case propagation.MapCarrier:
		value, _ := field(from, lower, canonical)
		return value
	case propagation.ValuesGetter:
		all = c.Values(lower)
	default:
		return from.Get(lower)
	}
	switch len(all) {
	case 0:
		return ""
	case 1:
		return all[0]
	default:
		if len(all) > maxMembers {
			return "" // not worth joining
		}
		return strings.Join(all, ",")
	}
}

func put(into propagation.TextMapCarrier, lower, canonical, value string) {
	if h, ok := into.(propagation.HeaderCarrier); ok {
		h[canonical] = []string{value}
		return
	}
	into.Set(lower, value)
}

func digit(b bool) string {
	if b {
		return "1"
	}
	return "0"
}
