package bus

import (
	"log/slog"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// Client is who uses a bus, and where its telemetry goes. Both drivers open with it, so that sidecars of
// one process share a broker but neither metrics nor spans.
type Client struct {
	Service        string // the one name of the service
	Instance       string
	Registerer     prometheus.Registerer         // nil: no metrics
	TracerProvider trace.TracerProvider          // nil: no spans
	Propagator     propagation.TextMapPropagator // nil: W3C trace context and baggage
	Edges          *telemetry.Edges              // nil: what passes between the service and the broker is in no topology
	Logger         *slog.Logger                  // nil: silent
	Flows          *debug.Flows                  // nil: no targeted debugging
	Failures       *debug.Failures               // nil: nobody is told of a handler's failure
	// RetryDelays come between the tries of a failing message; there is one try more than delays, then
	// it is parked. nil: 1, 2, 4, 8 s. All clients of one broker should agree on them.
	RetryDelays []time.Duration
}

// WithDefaults fills what is nil.
func (c Client) WithDefaults() Client {
	if c.TracerProvider == nil {
		c.TracerProvider = noop.NewTracerProvider()
	}
	if c.Propagator == nil {
		c.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.RetryDelays == nil {
		c.RetryDelays = []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second}
	}
	c.RetryDelays = slices.Clone(c.RetryDelays)
	return c
}

// Source is the CloudEvents source of what this client sends.
func (c Client) Source() string { return "/" + c.Service + "/" + c.Instance }
