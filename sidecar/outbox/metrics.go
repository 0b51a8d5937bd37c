package outbox

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	pending    prometheus.Gauge
	lag        prometheus.Gauge
	delay      prometheus.Histogram
	published  prometheus.Counter
	unroutable prometheus.Counter
	refused    prometheus.Counter
	failures   prometheus.Counter
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		pending: prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalbox_outbox_pending", Help: "Committed events that are not published yet"}),
		lag: prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalbox_outbox_lag_seconds",
			Help: "Age of the oldest committed event that is not published yet"}),
		delay: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "signalbox_outbox_delay_seconds",
			Help: "Time from writing an event until the broker took responsibility", Buckets: prometheus.DefBuckets,
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100}),
		published:  counter("signalbox_outbox_published_total", "Events that the broker took"),
		unroutable: counter("signalbox_outbox_unroutable_total", "Events that no queue takes; they count as done"),
		refused:    counter("signalbox_outbox_refused_total", "Events that the bus will never take; they count as done"),
		failures:   counter("signalbox_outbox_failures_total", "Tries to publish an event that failed and are repeated"),
	}
	if r != nil {
		m.register(r)
	}
	return m
}

func counter(name, help string) prometheus.Counter {
	return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
}

// register takes over the collectors of an outbox that had this registry before; another collision is a
// mistake in the code, and leaves this metric uncounted rather than the service down.
func (m *metrics) register(r prometheus.Registerer) {
	keep(r, &m.pending)
	keep(r, &m.lag)
	keep(r, &m.delay)
	keep(r, &m.published)
	keep(r, &m.unroutable)
	keep(r, &m.refused)
	keep(r, &m.failures)
}

func keep[C prometheus.Collector](r prometheus.Registerer, c *C) {
	there, ok := errors.AsType[prometheus.AlreadyRegisteredError](r.Register(*c))
	if !ok {
		return
	}
	if same, ok := there.ExistingCollector.(C); ok {
		*c = same
	}
}
