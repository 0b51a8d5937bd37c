package sidecar

import "go.opentelemetry.io/otel/propagation"

// Propagator reads and writes trace context on requests that pass neither the API nor the Client, such as a proxy's.
func (s *Sidecar) Propagator() propagation.TextMapPropagator { return s.tracing.Propagator() }
