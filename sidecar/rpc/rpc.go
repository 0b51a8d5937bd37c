// Package rpc is the private port: gRPC with a service token on every call, verified offline.
//
// A call that comes in passes, in this order: statistics (trace, metrics), its debug flow, recovery from panics, the
// service token, that the connection's certificate (if there is one) is the same service's, the list of callers, the
// gate, and only then is its message read. Errors leave as the closed set of problem codes.
package rpc

import (
	"crypto/tls"
	"log/slog"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// Settings of a service's private port.
type Settings struct {
	Service        string                        // its name, the audience of the tokens that it accepts
	Bundle         *servicetoken.Bundle          // nil: every call that comes in is refused
	Certificates   Certificates                  // nil: plain, without TLS
	Registerer     prometheus.Registerer         // nil: metrics are not seen
	TracerProvider trace.TracerProvider          // nil: no spans
	Propagator     propagation.TextMapPropagator // nil: W3C trace context and baggage
	Logger         *slog.Logger                  // nil: silent
	Flows          *debug.Flows                  // nil: no targeted debugging of what comes in
	Failures       *debug.Failures               // nil: nobody is told of a failure
	Gate           func() error                  // not nil and failing: calls are answered unavailable, health says not serving
}

// Certificates are this service's end of connections over mutual TLS.
type Certificates interface{ Server() *tls.Config }

func (s Settings) withDefaults() Settings {
	if s.TracerProvider == nil {
		s.TracerProvider = tracenoop.NewTracerProvider()
	}
	if s.Propagator == nil {
		s.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.Gate == nil {
		s.Gate = func() error { return nil }
	}
	return s
}

const (
	maxMessage     = 4 << 20  // of a service that does not say otherwise
	hardMaxMessage = 16 << 20 // of any; log batches need it
)

// Callers names who may call a method. Nothing private answers a method that has none.
type Callers []string

// AnyService admits every service of the trust bundle.
func AnyService() Callers { return Callers{"*"} }

func (c Callers) admit(service string) bool {
	return slices.Contains(c, "*") || slices.Contains(c, service)
}
