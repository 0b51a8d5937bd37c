package trace_test

import (
	"encoding/hex"
	"math/rand/v2"
	"testing"

	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// TestTheRatioIsOpenTelemetrys: of any trace whose sender leaves the decision open, ours is the same as that of its SDK, so that services
// that do not know each other keep the same traces.
func TestTheRatioIsOpenTelemetrys(t *testing.T) {
	t.Parallel()
	for _, ratio := range []float64{0, 1e-9, .01, .25, .5, .999, 1} {
		p, err := trace.New(t.Context(), trace.Settings{Service: "catalogs"})
		if err != nil {
			t.Fatal(err)
		}
		p.SetSampling([]trace.Rule{{Ratio: ratio}})
		in, theirs := trace.NewIncoming("test", p.TracerProvider(), p.Propagator()), sdktrace.TraceIDRatioBased(ratio)
		sampled := 0
		for range 4000 {
			var id oteltrace.TraceID
			for i := range id {
				id[i] = byte(rand.Uint32()) //nolint:gosec // any will do
			}
			a := &trace.Arrival{}
			in.Start(t.Context(), a, propagation.MapCarrier{"b3": hex.EncodeToString(id[:]) + "-00f067aa0ba902b7"}, trace.What{Name: "x", Kind: oteltrace.SpanKindServer})
			got := a.Span().SpanContext().IsSampled()
			want := theirs.ShouldSample(sdktrace.SamplingParameters{ParentContext: t.Context(), TraceID: id, Name: "x"}).Decision == sdktrace.RecordAndSample
			if got != want || a.Span().SpanContext().TraceID() != id {
				t.Fatalf("ratio %v, trace %s: sampled %v, by the SDK %v", ratio, id, got, want)
			}
			if got {
				sampled++
			}
			a.Span().End()
		}
		if ratio >= .25 && ratio < 1 && (sampled == 0 || sampled == 4000) {
			t.Errorf("ratio %v: %d of 4000", ratio, sampled)
		}
	}
}
