package mesh

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// metrics of calls that go out; server_address is the name of the called service.
type metrics struct {
	rpc *prometheus.HistogramVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	return &metrics{
		rpc: telemetry.NewHistogram(r, "rpc_client_call_duration_seconds", "Duration of gRPC calls that went out",
			telemetry.DurationBuckets(), "rpc_system_name", "rpc_method", "rpc_response_status_code", "server_address"),
	}
}
