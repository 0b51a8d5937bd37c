package trace

import (
	"context"
	"errors"
	"net/url"
	"os"
	"strings"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracegrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/settings"
	"github.com/signalbox-mesh/signalbox/sidecar/trace/jaeger"
	"github.com/signalbox-mesh/signalbox/sidecar/trace/zipkin"
)

// Names of settings that an operator gets to read.
const (
	exporterVariable = settings.Prefix + "TRACE_EXPORTER"
	endpointVariable = settings.Prefix + "TRACE_ENDPOINT"
)

type named struct {
	sdktrace.SpanExporter
	name string
}

func (s Settings) exporters(ctx context.Context) ([]named, error) {
	var all []named
	for _, name := range s.names() {
		e, err := s.exporter(ctx, name)
		if err != nil {
			return nil, errors.Join(err, shutdown(ctx, all))
		}
		all = append(all, named{e, name})
	}
	return all, nil
}

func shutdown(ctx context.Context, all []named) error {
	var err error
	for _, e := range all {
		err = errors.Join(err, e.Shutdown(ctx))
	}
	return err
}

func (s Settings) exporter(ctx context.Context, name string) (sdktrace.SpanExporter, error) {
	switch name {
	case "otlp":
		u, err := s.endpoint(name, otlpHere)
		if err != nil {
			return nil, err
		}
		return otlp(ctx, u)
	case "zipkin":
		u, err := s.endpoint(name, "http://localhost:9411/api/v2/spans")
		if err != nil {
			return nil, err
		}
		return zipkin.New(u)
	case "jaeger":
		u, err := s.endpoint(name, "http://localhost:14268/api/traces")
		if err != nil {
			return nil, err
		}
		return jaeger.New(u)
	default:
		return nil, &settings.Error{Variable: exporterVariable, Problem: "there is no exporter " + name + "; take none, otlp, zipkin or jaeger"}
	}
}

// endpoint is the URL for the named exporter. A URL without a path gets the usual one.
func (s Settings) endpoint(name, usual string) (string, error) {
	text := s.Endpoint
	if name == "otlp" && !strings.Contains(text, name+"=") {
		return usual, nil // OpenTelemetry's own variables say where
	}
	if strings.Contains(text, "=") && !strings.HasPrefix(text, "http") {
		text = ""
		for pair := range strings.SplitSeq(s.Endpoint, ",") {
			if k, v, _ := strings.Cut(strings.TrimSpace(pair), "="); k == name {
				text = v
			}
		}
	} else if text != "" && len(collectors(s.names())) > 1 {
		return "", &settings.Error{Variable: endpointVariable, Problem: "zipkin and jaeger cannot share an address; write zipkin=URL,jaeger=URL"}
	}
	if text == "" {
		return usual, nil
	}
	return completed(text, usual)
}

func collectors(names []string) (ours []string) {
	for _, n := range names {
		if n == "zipkin" || n == "jaeger" {
			ours = append(ours, n)
		}
	}
	return ours
}

func completed(text, usual string) (string, error) {
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return "", &settings.Error{Variable: endpointVariable, Problem: "must be an http or https URL, such as " + usual}
	}
	if u.Path == "" || u.Path == "/" {
		model, err := url.Parse(usual)
		if err != nil {
			return "", err
		}
		u.Path = model.Path
	}
	return u.String(), nil
}

// otlpHere is OpenTelemetry's usual collector.
const otlpHere = "http://localhost:4318/v1/traces"

// otlp sends to endpoint, or, where that is the usual one, to what OpenTelemetry's own variables say. They are checked
// here first: the library would only complain on stderr and go on with its default.
func otlp(ctx context.Context, endpoint string) (sdktrace.SpanExporter, error) {
	if endpoint != otlpHere {
		return otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(endpoint))
	}
	for _, v := range []string{"OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"} {
		if err := wellFormed(v); err != nil {
			return nil, err
		}
	}
	variable := "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"
	if os.Getenv(variable) == "" {
		variable = "OTEL_EXPORTER_OTLP_PROTOCOL"
	}
	switch os.Getenv(variable) {
	case "", "http/protobuf":
		return otlptracehttp.New(ctx)
	case "grpc":
		return otlptracegrpc.New(ctx)
	default:
		return nil, &settings.Error{Variable: variable, Problem: "must be grpc or http/protobuf"}
	}
}

func wellFormed(variable string) error {
	text := os.Getenv(variable)
	if text == "" {
		return nil
	}
	u, err := url.Parse(text)
	if err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" {
		return &settings.Error{Variable: variable, Problem: "must be an http or https URL, such as http://localhost:4318"}
	}
	return nil
}
