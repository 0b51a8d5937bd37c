package ingest

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	records  *prometheus.CounterVec
	gaps     prometheus.Counter
	failed   prometheus.Counter
	refused  prometheus.Counter
	duration prometheus.Histogram
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		records: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_ingest_records_total",
			Help: "Log records that arrived, by what became of them"}, []string{"result"}),
		gaps: prometheus.NewCounter(prometheus.CounterOpts{Name: "signalbox_ingest_gaps_total",
			Help: "Holes in the sequence of a log stream that arriving records have shown"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "signalbox_ingest_failures_total",
			Help: "Batches that the log store could not take and that are sent again"}),
		refused: prometheus.NewCounter(prometheus.CounterOpts{Name: "signalbox_ingest_refused_total",
			Help: "Batches refused for their sender's name or their size"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{Name: "signalbox_ingest_batch_duration_seconds",
			Help: "Time to store one batch of log records", Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5},
			NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour}),
	}
	for _, result := range []string{"stored", "duplicate", "expired"} {
		m.records.WithLabelValues(result)
	}
	r.MustRegister(m.records, m.gaps, m.failed, m.refused, m.duration)
	return m
}

func (m metrics) observe(res Result, took time.Duration, err error) {
	if err != nil {
		m.failed.Inc()
		return
	}
	m.records.WithLabelValues("stored").Add(float64(res.Stored))
	m.records.WithLabelValues("duplicate").Add(float64(res.Duplicates))
	m.records.WithLabelValues("expired").Add(float64(res.Expired))
	m.gaps.Add(float64(res.Gaps))
	m.duration.Observe(took.Seconds())
}
