package timed

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	fires    *prometheus.CounterVec
	lateness *prometheus.HistogramVec
	duration *prometheus.HistogramVec
	running  *prometheus.GaugeVec
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
			Help: "Attempts of timed events here, by outcome: done, duplicate, failed, deadline, cancelled, interrupted, over",
		}, []string{"schedule", "outcome"}),
		lateness: histogram("signalbox_timed_lateness_seconds", "Time from the due time to the first attempt of its handler"),
		duration: histogram("signalbox_timed_duration_seconds", "Time one attempt of a handler took"),
		running: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "signalbox_timed_running", Help: "Timed events that are being handled here",
		}, []string{"schedule"}),
		declared: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "signalbox_timed_declared",
			Help: "Whether the scheduler took the last declaration of schedules (1) or not (0)",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.fires, m.lateness, m.duration, m.running, m.declared)
	}
	return m
}

// begin measures the lateness of first attempts alone: that of others is their backoff.
func (m metrics) begin(f Fire, now time.Time) {
	m.running.WithLabelValues(f.Schedule).Inc()
	if f.Attempt <= 1 && !f.Manual {
		m.lateness.WithLabelValues(f.Schedule).Observe(max(0, now.Sub(f.Due).Seconds()))
	}
}

// end measures what a handler took: where none ran there is nothing to measure.
func (m metrics) end(f Fire, began time.Time, outcome string) {
	m.running.WithLabelValues(f.Schedule).Dec()
	m.fires.WithLabelValues(f.Schedule, outcome).Inc()
	if outcome != outcomeDuplicate && outcome != outcomeOver {
		m.duration.WithLabelValues(f.Schedule).Observe(time.Since(began).Seconds())
	}
}

// declare sets the gauge once: a scrape in between must not see another value.
func (m metrics) declare(taken bool) {
	value := 0.0
	if taken {
		value = 1
	}
	m.declared.Set(value)
}
