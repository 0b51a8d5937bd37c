package maintenance

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/traces"
)

// Tracing is what an operator sets about where spans are kept, and looked at.
type Tracing struct {
	TraceQuery string `env:"TRACE_QUERY" secret:"true" desc:"query API of where the spans are kept, jaeger=http://host:16686 or zipkin=http://host:9411; empty: traces are shown as log records alone"`
	TraceUI    string `env:"TRACE_UI" desc:"page of a trace that log records link to, a URL with {trace_id} in it; default: that of TRACE_QUERY"`
}

func (t Tracing) wrong() (name, problem string) {
	if err := traces.CheckQuery(t.TraceQuery); err != nil {
		return "TRACE_QUERY", err.Error()
	}
	if _, err := traces.ParsePage(t.TraceUI, t.TraceQuery); err != nil {
		return "TRACE_UI", err.Error()
	}
	return "", ""
}

func (t Tracing) open(r prometheus.Registerer) (*traces.Reader, traces.Page, error) {
	page, err := traces.ParsePage(t.TraceUI, t.TraceQuery)
	if err != nil {
		return nil, page, fmt.Errorf("page of traces: %w", err)
	}
	reader, err := traces.New(t.TraceQuery, r)
	return reader, page, err
}
