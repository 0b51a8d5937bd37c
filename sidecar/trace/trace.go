// Package trace makes one sidecar's tracer provider: spans always get ids, so that log records carry
// them, and go to none, one or several of the exporters otlp, zipkin and jaeger. A collector that is
// dead or slow costs spans, which are counted, and never the caller's time.
package trace

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Settings of a Provider.
type Settings struct {
	Service     string
	Instance    string
	Version     string
	Environment string
	Exporters   []string // none, otlp, zipkin, jaeger; empty: none
	// Endpoint is the collector's URL for zipkin and jaeger; where both are named, "zipkin=URL,jaeger=URL".
	// Empty: the collector's usual port on this machine. otlp takes OTEL_EXPORTER_OTLP_ENDPOINT, or "otlp=URL" here (OTLP/HTTP).
	Endpoint string
	Ratio    float64 // of new traces that are sampled; a caller's decision is kept. 1 gives way to OTEL_TRACES_SAMPLER_ARG
	// Debugged says whether ctx belongs to a flow that is debugged, debug.Flows.Holds; nil: none does. Each span that begins
	// unsampled asks it.
	Debugged   func(ctx context.Context) bool
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Provider of one sidecar.
type Provider struct {
	sdk        *sdktrace.TracerProvider
	tracers    *tracers
	propagator *propagator
	sampler    *sampler
	debugged   func(ctx context.Context) bool
	failed     failures
	spanKey    any  // of a context's span
	off        bool // nobody gets a span: none is made, whatever is sampled
}

// New makes the provider. It connects to nothing: a *settings.Error says what is wrong in the
// settings, and a collector that is away is no error.
func New(ctx context.Context, s Settings) (*Provider, error) {
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	ratio, err := s.ratio()
	if err != nil {
		return nil, err
	}
	res, err := s.resource(ctx)
	if err != nil {
		return nil, err
	}
	written, err := newPropagator(os.Getenv(propagatorsVariable))
	if err != nil {
		return nil, err
	}
	exporters, err := s.exporters(ctx)
	if err != nil {
		return nil, err
	}
	p := &Provider{sampler: newSampler(ratio), debugged: s.Debugged, propagator: written, spanKey: keyOfSpan()}
	if p.debugged == nil {
		p.debugged = func(context.Context) bool { return false }
	}
	options := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(res),
		sdktrace.WithSampler(inherited{p.sampler}),
		sdktrace.WithIDGenerator(ids{}),
		sdktrace.WithRawSpanLimits(limits()),
	}
	if q := newQueues(exporters, s.Registerer, s.Logger); len(q.all) > 0 {
		options = append(options, sdktrace.WithSpanProcessor(q))
	} else {
		p.off = true
	}
	p.sdk = sdktrace.NewTracerProvider(options...)
	p.tracers = &tracers{provider: p}
	return p, nil
}

// TracerProvider of the sidecar. What it starts in a trace that is not sampled holds ids and a start, and becomes a real
// span when its trace is promoted; see Promote.
func (p *Provider) TracerProvider() trace.TracerProvider { return p.tracers }

// Propagator reads W3C trace context and baggage, and B3 in one header or several; it writes what OTEL_PROPAGATORS says, by
// default W3C, baggage and the single B3 header. Where a caller sent both, W3C wins. What is malformed or too large is
// ignored.
func (p *Provider) Propagator() propagation.TextMapPropagator { return p.propagator }

// Shutdown exports what is queued, as long as ctx lasts; the rest is counted as failed, which is no error, and what ends later as
// dropped.
func (p *Provider) Shutdown(ctx context.Context) error { return p.sdk.Shutdown(ctx) }

// Flush exports what is queued now.
func (p *Provider) Flush(ctx context.Context) error { return p.sdk.ForceFlush(ctx) }

// limits of one span, in whose bounds OTEL_SPAN_… may set others: what a handler hangs on it cannot grow memory.
func limits() sdktrace.SpanLimits {
	l := sdktrace.NewSpanLimits() // of the environment
	bound := func(n *int, most int) {
		if *n < 0 || *n > most {
			*n = most
		}
	}
	bound(&l.AttributeValueLengthLimit, 2048)
	bound(&l.AttributeCountLimit, 64)
	bound(&l.EventCountLimit, 32)
	bound(&l.LinkCountLimit, 32)
	bound(&l.AttributePerEventCountLimit, 16)
	bound(&l.AttributePerLinkCountLimit, 16)
	return l
}

func (s Settings) ratio() (float64, error) {
	if s.Ratio < 0 || s.Ratio > 1 {
		return 0, &settings.Error{Variable: settings.Prefix + "TRACE_RATIO", Problem: "must be from 0 to 1"}
	}
	const variable = "OTEL_TRACES_SAMPLER_ARG"
	text := os.Getenv(variable)
	if s.Ratio < 1 || text == "" {
		return s.Ratio, nil
	}
	ratio, err := strconv.ParseFloat(text, 64)
	if err != nil || !(ratio >= 0 && ratio <= 1) {
		return 0, &settings.Error{Variable: variable, Problem: "must be a number from 0 to 1"}
	}
	return ratio, nil
}

// resource says who we are; OTEL_RESOURCE_ATTRIBUTES may add to it, and cannot rename the service.
func (s Settings) resource(ctx context.Context) (*resource.Resource, error) {
	res, err := resource.New(ctx, resource.WithFromEnv(), resource.WithTelemetrySDK(), resource.WithAttributes(
		attribute.String("service.name", s.Service),
		attribute.String("service.instance.id", s.Instance),
		attribute.String("service.version", s.Version),
		attribute.String("deployment.environment.name", s.Environment),
	))
	if err != nil {
		return nil, &settings.Error{Variable: "OTEL_RESOURCE_ATTRIBUTES", Problem: "must be key=value pairs with commas between: " + err.Error()}
	}
	return res, nil
}

// names are the exporters wanted, each once, without none.
func (s Settings) names() []string {
	var names []string
	for _, n := range s.Exporters {
		if n != "" && n != "none" && !slices.Contains(names, n) {
			names = append(names, n)
		}
	}
	return names
}
