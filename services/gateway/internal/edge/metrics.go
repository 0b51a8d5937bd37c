package edge

import (
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

type metrics struct {
	refused *prometheus.CounterVec
	stamped prometheus.Counter
	sockets prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{refused: telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signalbox_gateway_rate_limited_total", Help: "Requests refused by a rate limit, by whose limit it was: address or user, or sockets, of which a user has too many",
	}, []string{"by"})), stamped: telemetry.Register(r, prometheus.NewCounter(prometheus.CounterOpts{
		Name: "signalbox_gateway_debug_dropped_total", Help: "Requests that came from outside with a debug token, which was dropped",
	})), sockets: telemetry.Register(r, prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "signalbox_gateway_sockets", Help: "WebSocket connections from outside that are open",
	}))}
	m.refused.WithLabelValues("address")
	m.refused.WithLabelValues("sockets")
	m.refused.WithLabelValues("user")
	return m
}

// limited counts a refusal against the kind of the bucket that was full.
func (m *metrics) limited(key string) {
	by, _, _ := strings.Cut(key, ":")
	m.refused.WithLabelValues(by).Inc()
}
