package trace_test

import (
	"context"
	"testing"

	"go.uber.org/goleak"

	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// A stopped provider leaves no goroutine and no connection, twice stopped or never used. otlp is not
// among them: its library shares one transport in the process, whose idle connection ends by itself.
func TestShutdownLeavesNothing(t *testing.T) {
	s := newSink(t)
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	for _, used := range []bool{true, false} {
		p, err := trace.New(t.Context(), trace.Settings{
			Service: "x", Exporters: []string{"zipkin", "jaeger"}, Endpoint: "zipkin=" + s.URL + ",jaeger=" + s.URL, Ratio: 1,
		})
		if err != nil {
			t.Fatal(err)
		}
		if used {
			one(t, p)
		}
		for range 2 {
			if err := p.Shutdown(context.Background()); err != nil {
				t.Errorf("shutdown: %v", err)
			}
		}
		_, span := p.TracerProvider().Tracer("late").Start(t.Context(), "late")
		span.End()
	}
}
