package timed

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	fires    *prometheus.CounterVec
	lateness *prometheus.HistogramVec
	duration *prometheus.HistogramVec
	declared prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) metrics {
	buckets := []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 300}
	histogram := func(name, help string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets, NativeHistogramBucketFactor: 1.1}, []string{"schedule"})
	}
	m := metrics{
		fires: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_timed_fires_total",
			Help: "Tries of timed events handled here, by outcome: done, duplicate, retry, failed, deadline, interrupted",
		}, []string{"schedule", "outcome"}),
		lateness: histogram("signalbox_timed_lateness_seconds", "Time from the due time to the first try of its handler"),
		duration: histogram("signalbox_timed_duration_seconds", "Time one try of a handler took"),
		declared: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "signalbox_timed_declared",
			Help: "Whether the scheduler took the last declaration of schedules (1) or not (0)",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.fires, m.lateness, m.duration, m.declared)
	}
	return m
}

// late measures first tries alone: a retry's lateness is its backoff.
func (m metrics) late(r try) {
	if r.attempt <= 1 && !r.fire.Manual {
		m.lateness.WithLabelValues(r.fire.Schedule).Observe(max(0, r.started.Sub(r.fire.Due).Seconds()))
	}
}

func (m metrics) ended(r try, outcome string) {
	m.fires.WithLabelValues(r.fire.Schedule, outcome).Inc()
	m.duration.WithLabelValues(r.fire.Schedule).Observe(time.Since(r.started).Seconds())
}

// declare sets the gauge once: a scrape in between must not see another value.
func (m metrics) declare(taken bool) {
	value := 0.0
	if taken {
		value = 1
	}
	m.declared.Set(value)
}
