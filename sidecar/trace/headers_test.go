package trace_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"net/http"
	"strings"
	"testing"

	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/otel/baggage"
	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

func propagator(t testing.TB) propagation.TextMapPropagator {
	t.Helper()
	p, err := trace.New(t.Context(), trace.Settings{Service: "catalogs"})
	if err != nil {
		t.Fatal(err)
	}
	return p.Propagator()
}

// What is written is what OTEL_PROPAGATORS says; everything is read whatever it says.
func TestPropagatorsByTheirStandardSetting(t *testing.T) {
	sc := oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{1}, SpanID: oteltrace.SpanID{2}, TraceFlags: oteltrace.FlagsSampled})
	for setting, want := range map[string]string{
		"": "traceparent b3 baggage", "tracecontext": "traceparent", "b3multi, baggage": "x-b3-traceid baggage", "b3": "b3", "none": "",
	} {
		t.Setenv("OTEL_PROPAGATORS", setting)
		member, _ := baggage.NewMember("tenant", "blue")
		bag, _ := baggage.New(member)
		out := propagation.MapCarrier{}
		prop := propagator(t)
		prop.Inject(baggage.ContextWithBaggage(oteltrace.ContextWithSpanContext(t.Context(), sc), bag), out)
		for _, key := range []string{"traceparent", "b3", "x-b3-traceid", "baggage"} {
			if _, there := out[key]; there != strings.Contains(" "+want+" ", " "+key+" ") {
				t.Errorf("%q: %s is there: %v", setting, key, there)
			}
		}
		if back := oteltrace.SpanContextFromContext(prop.Extract(t.Context(), out)); setting != "none" && setting != "" && strings.Contains(want, "b3") &&
			(back.TraceID() != sc.TraceID() || back.SpanID() != sc.SpanID() || !back.IsSampled()) {
			t.Errorf("%q: came back as %+v", setting, back)
		}
	}
	t.Setenv("OTEL_PROPAGATORS", "xray")
	if _, err := trace.New(t.Context(), trace.Settings{}); err == nil || !strings.Contains(err.Error(), "OTEL_PROPAGATORS") {
		t.Errorf("an unknown propagator: %v", err)
	}
}

func TestBaggageIsBounded(t *testing.T) {
	t.Parallel()
	prop := propagator(t)
	members := func(n int) string { return strings.TrimSuffix(many(n), ",") }
	for name, c := range map[string]struct {
		header []string
		want   int
	}{
		"as many as are let in": {[]string{members(64)}, 64},
		"one too many":          {[]string{members(65)}, 0},
		"two headers":           {[]string{"a=1", "b=2"}, 2},
		"too long":              {[]string{"a=" + strings.Repeat("x", 8<<10)}, 0},
		"malformed":             {[]string{"a=1,=,;"}, 0},
	} {
		ctx := prop.Extract(t.Context(), propagation.HeaderCarrier(http.Header{"Baggage": c.header}))
		if got := baggage.FromContext(ctx).Len(); got != c.want {
			t.Errorf("%s: %d members, want %d", name, got, c.want)
		}
	}
}

func many(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString("k" + strings.Repeat("x", i) + "=1,")
	}
	return b.String()
}

// FuzzHeaders holds our readers against OpenTelemetry's own: whatever we take, they take as the same span, but for flags that are
// reserved. The other way round ours are
// stricter (several traceparent headers, an upper-case or an over-long form), but take what is well formed.
func FuzzHeaders(f *testing.F) {
	const id, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	for _, s := range []string{"00-" + id + "-" + span + "-01", "cc-" + id + "-" + span + "-01-what", "ff-" + id + "-" + span + "-01",
		id + "-" + span + "-1-" + span, span + "-" + span, "0", "d", id + "-" + span + "-d", "00-" + strings.Repeat("0", 32) + "-" + span + "-01", strings.Repeat("é", 100)} {
		f.Add(s, s, "a=b", "k=v;p")
	}
	prop := propagator(f)
	f.Fuzz(func(t *testing.T, traceparent, single, state, bag string) {
		w3c := propagation.MapCarrier{"traceparent": traceparent, "tracestate": state, "baggage": bag}
		same(t, prop, propagation.TraceContext{}, w3c)
		same(t, prop, b3.New(), propagation.MapCarrier{"b3": single})
		same(t, prop, b3.New(), propagation.MapCarrier{"x-b3-traceid": traceparent, "x-b3-spanid": single, "x-b3-sampled": state, "x-b3-flags": bag})
		ctx := prop.Extract(t.Context(), propagation.HeaderCarrier(http.Header{"Traceparent": {traceparent, traceparent}, "Baggage": {bag}}))
		if oteltrace.SpanContextFromContext(ctx).IsValid() {
			t.Error("two traceparent headers are one caller")
		}
		taken(t, prop, traceparent+single)
		out := propagation.MapCarrier{}
		prop.Inject(prop.Extract(t.Context(), w3c), out)
		if len(out["baggage"]) > 8<<10 || len(out["tracestate"]) > 512 {
			t.Errorf("sends %d bytes of baggage, %d of state", len(out["baggage"]), len(out["tracestate"]))
		}
	})
}

// taken: whatever the ids are, each form of them is read, and written as it was.
func taken(t *testing.T, prop propagation.TextMapPropagator, from string) {
	t.Helper()
	sum := sha256.Sum256([]byte(from))
	id, span := hex.EncodeToString(sum[:16]), hex.EncodeToString(sum[16:24])
	for _, in := range []propagation.MapCarrier{{"traceparent": "00-" + id + "-" + span + "-01"}, {"b3": id + "-" + span + "-1"}, {"b3": id + "-" + span + "-d-" + span},
		{"x-b3-traceid": id, "x-b3-spanid": span, "x-b3-sampled": "1"}, {"x-b3-traceid": id, "x-b3-spanid": span, "x-b3-flags": "1"}} {
		out := propagation.MapCarrier{}
		prop.Inject(prop.Extract(t.Context(), in), out)
		if out["traceparent"] != "00-"+id+"-"+span+"-01" || out["b3"] != id+"-"+span+"-1" {
			t.Errorf("%v goes on as %v", in, out)
		}
	}
}

// withoutReserved clears the flags of a traceparent that have no meaning yet: the standard has senders set them to zero, and no receiver
// drop a trace for them, as OpenTelemetry's does.
func withoutReserved(from propagation.MapCarrier) propagation.MapCarrier {
	text := from["traceparent"]
	if len(text) != 55 || !strings.HasPrefix(text, "00-") {
		return from
	}
	flags, err := hex.DecodeString(text[53:])
	if err != nil {
		return from
	}
	clean := maps.Clone(from)
	clean["traceparent"] = text[:53] + hex.EncodeToString([]byte{flags[0] & 1})
	return clean
}

func same(t *testing.T, ours, theirs propagation.TextMapPropagator, from propagation.MapCarrier) {
	t.Helper()
	got := oteltrace.SpanContextFromContext(ours.Extract(context.Background(), from))
	if !got.IsValid() {
		return
	}
	want := oteltrace.SpanContextFromContext(theirs.Extract(context.Background(), withoutReserved(from)))
	if got.TraceID() != want.TraceID() || got.SpanID() != want.SpanID() || got.IsSampled() != want.IsSampled() || !got.IsRemote() {
		t.Errorf("%v is %+v, by OpenTelemetry's reader %+v", from, got, want)
	}
}
