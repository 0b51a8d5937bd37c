package maintenance

import (
	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	dropped *prometheus.CounterVec
	joined  prometheus.Counter
	size    prometheus.Gauge
	sealed  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_log_store_dropped_total",
			Help: "Partitions (cause age, size) and blocks (cause service) of the log dropped by its retention"}, []string{"cause"}),
		joined: prometheus.NewCounter(prometheus.CounterOpts{Name: "signalbox_log_store_joined_total",
			Help: "Small blocks of the log that were joined into larger ones by the timed event"}),
		size: prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalbox_log_store_bytes",
			Help: "What the log occupies in the database, as last looked at"}),
		sealed: prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalbox_log_store_sealed_timestamp_seconds",
			Help: "When this replica last joined all small blocks that were due, or was started; the latest of all replicas says how far sealing lags"})}
	m.sealed.SetToCurrentTime()
	for _, cause := range []string{byAge, byService, bySize} {
		m.dropped.WithLabelValues(cause)
	}
	r.MustRegister(m.dropped, m.joined, m.size, m.sealed)
	return m
}
