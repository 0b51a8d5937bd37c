package mesh

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// metrics of calls that go out; server_address is the name of the called service.
type metrics struct {
	http, rpc *prometheus.HistogramVec
	state     *prometheus.GaugeVec
	refused   *prometheus.CounterVec
	retries   *prometheus.CounterVec
	faults    *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels))
	}
	return &metrics{
		http: telemetry.NewHistogram(r, "http_client_request_duration_seconds", "Duration of HTTP calls that went out, to the end of the answer; status 0 is no answer",
			telemetry.DurationBuckets(), "http_request_method", "http_response_status_code", "server_address"),
		rpc: telemetry.NewHistogram(r, "rpc_client_call_duration_seconds", "Duration of gRPC calls that went out",
			telemetry.DurationBuckets(), "rpc_system_name", "rpc_method", "rpc_response_status_code", "server_address"),
		state: telemetry.Register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "signalbox_mesh_breaker_state", Help: "State of the circuit breaker of calls to a service: 0 closed, 1 open, 2 half-open",
		}, []string{"destination", "protocol"})),
		refused: counter("signalbox_mesh_breaker_refused_total", "Calls that were not made because the circuit breaker was open", "destination", "protocol"),
		retries: counter("signalbox_mesh_retries_total", "Calls that were tried again, or could have been but for the budget", "destination", "protocol", "result"),
		faults:  counter("signalbox_mesh_faults_injected_total", "What fault leases did to calls: delay, abort, status, code", "destination", "protocol", "fault"),
	}
}
