package ship

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

type metrics struct {
	records   [len(spool.Classes)]prometheus.Counter
	watermark [len(spool.Classes)]prometheus.Gauge
	bytes     prometheus.Counter
	duration  prometheus.Histogram
	failures  *prometheus.CounterVec
	all       []prometheus.Collector
}

func newMetrics(lag func() float64) *metrics {
	records := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signalbox_log_shipped_records_total", Help: "Records that the log store has committed"}, []string{"level"})
	watermark := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "signalbox_log_shipped_watermark", Help: "Highest sequence of this epoch that the log store has committed"}, []string{"level"})
	m := &metrics{
		bytes: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "signalbox_log_shipped_bytes_total", Help: "Size of the exports that were committed, before compression"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "signalbox_log_ship_batch_duration_seconds", Help: "Duration of one export, whatever its end",
			Buckets: prometheus.ExponentialBuckets(0.001, 4, 8), NativeHistogramBucketFactor: 1.1}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_log_ship_failures_total", Help: "Exports that failed and were tried again, by gRPC code"}, []string{"code"}),
	}
	for _, c := range spool.Classes {
		m.records[c] = records.WithLabelValues(c.String())
		m.watermark[c] = watermark.WithLabelValues(c.String())
	}
	m.all = []prometheus.Collector{records, watermark, m.bytes, m.duration, m.failures, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "signalbox_log_ship_lag_seconds", Help: "Age of the oldest record on its way to the log store"}, lag)}
	return m
}

func (m *metrics) register(reg prometheus.Registerer) error {
	for _, c := range m.all {
		if err := reg.Register(c); err != nil {
			return err
		}
	}
	return nil
}
