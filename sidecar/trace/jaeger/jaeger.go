// Package jaeger exports spans as Thrift over HTTP to a Jaeger collector's /api/traces. Upstream
// retired this exporter in 2023; it stands alone here for collectors before 1.35, which speak no
// OTLP. See docs/adr/0002-jaeger-thrift-exporter.md.
package jaeger

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/exporters/jaeger" //nolint:staticcheck // deprecated on purpose, see the ADR
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
)

// Exporter sends spans to one collector.
type Exporter struct {
	sdktrace.SpanExporter
	client *http.Client
}

// New makes an exporter to the collector at endpoint; it does not connect.
func New(endpoint string) (*Exporter, error) {
	client := &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConns: 1, IdleConnTimeout: time.Minute, Proxy: http.ProxyFromEnvironment},
		CheckRedirect: onlyWhole}
	e, err := jaeger.New(jaeger.WithCollectorEndpoint(jaeger.WithEndpoint(endpoint), jaeger.WithHTTPClient(client)))
	if err != nil {
		return nil, fmt.Errorf("make jaeger exporter: %w", err)
	}
	return &Exporter{SpanExporter: e, client: client}, nil
}

// Shutdown ends the exporter and closes its connections.
func (e *Exporter) Shutdown(ctx context.Context) error {
	defer e.client.CloseIdleConnections()
	return e.SpanExporter.Shutdown(ctx)
}

// onlyWhole lets no redirect make a GET of what is sent: its answer would count as the collector's.
func onlyWhole(r *http.Request, via []*http.Request) error {
	if r.Method != http.MethodPost || len(via) >= 10 {
		return http.ErrUseLastResponse
	}
	return nil
}
