package httptarget

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

type metrics struct {
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics(reg prometheus.Registerer) metrics {
	m := metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_scheduler_http_requests_total",
			Help: "Requests to targets of schedules, by outcome: 2xx, 3xx, 4xx, 5xx, refused by the setting, error, deadline, cancelled",
		}, []string{"outcome"}),
		duration: telemetry.NewHistogram(reg, "signalbox_scheduler_http_duration_seconds",
			"Time that a request to a target of a schedule took", telemetry.DurationBuckets(), "outcome"),
	}
	reg.MustRegister(m.requests)
	return m
}

func (m metrics) ended(outcome string, took time.Duration) {
	m.requests.WithLabelValues(outcome).Inc()
	if took > 0 {
		m.duration.WithLabelValues(outcome).Observe(took.Seconds())
	}
}
