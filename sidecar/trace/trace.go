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
	"go.opentelemetry.io/contrib/propagators/b3"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/baggage"
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
	Endpoint   string
	Ratio      float64 // of new traces that are sampled; a caller's decision is kept. 1 gives way to OTEL_TRACES_SAMPLER_ARG
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Provider of one sidecar.
type Provider struct {
	sdk     *sdktrace.TracerProvider
	sampler *sampler
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
	exporters, err := s.exporters(ctx)
	if err != nil {
		return nil, err
	}
	sampler := newSampler(ratio)
	options := []sdktrace.TracerProviderOption{
		sdktrace.WithResource(res),
		sdktrace.WithSampler(sdktrace.ParentBased(sampler)),
	}
	counts := newCounts(s.Registerer)
	for _, e := range exporters {
		options = append(options, sdktrace.WithSpanProcessor(newBatcher(e, counts, s.Logger)))
	}
	return &Provider{sdk: sdktrace.NewTracerProvider(options...), sampler: sampler}, nil
}

// TracerProvider of the sidecar.
func (p *Provider) TracerProvider() trace.TracerProvider { return p.sdk }

// Propagator reads W3C trace context, baggage, and B3 in one header or several; it writes W3C, baggage
// and the single B3 header. Where a caller sent both, W3C wins.
func (p *Provider) Propagator() propagation.TextMapPropagator {
	return propagation.NewCompositeTextMapPropagator(
		b3.New(b3.WithInjectEncoding(b3.B3SingleHeader)),
		propagation.TraceContext{},
		quietBaggage{},
	)
}

// quietBaggage ignores a malformed header. The library would write what the caller sent to stderr.
type quietBaggage struct{ propagation.Baggage }

func (quietBaggage) Extract(ctx context.Context, c propagation.TextMapCarrier) context.Context {
	b, err := baggage.Parse(c.Get("baggage"))
	if err != nil || b.Len() == 0 {
		return ctx
	}
	return baggage.ContextWithBaggage(ctx, b)
}

// Shutdown exports what is queued, as long as ctx lasts; the rest is counted as dropped.
func (p *Provider) Shutdown(ctx context.Context) error { return p.sdk.Shutdown(ctx) }

// Flush exports what is queued now.
func (p *Provider) Flush(ctx context.Context) error { return p.sdk.ForceFlush(ctx) }

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
