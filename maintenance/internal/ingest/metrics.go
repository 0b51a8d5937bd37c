package ingest

import (
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// Reasons of refusals beside those of the queues.
const (
	reasonName    = "name"    // a sender speaks for somebody else
	reasonRevoked = "revoked" // a foreign sender's token was taken back
	reasonInvalid = "invalid" // too large, unreadable, or without a service
)

const others = "other" // sender whose name no metric may carry

type metrics struct {
	known    func() []string
	records  *prometheus.CounterVec
	senders  *prometheus.CounterVec
	gaps     prometheus.Counter
	failed   prometheus.Counter
	refused  *prometheus.CounterVec
	duration prometheus.Histogram
	delay    prometheus.Histogram
}

func newMetrics(r prometheus.Registerer, known func() []string, waiting func() float64) *metrics {
	m := &metrics{
		known: known,
		records: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_ingest_records_total",
			Help: "Log records that arrived, by what became of them"}, []string{"result"}),
		senders: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_ingest_sender_records_total",
			Help: "Log records by the service that they are of (other: one that is not of the mesh), and by what became of them: taken, failed (the store could not; they come again), full (too many of the service wait), quota"}, []string{"sender", "outcome"}),
		gaps: prometheus.NewCounter(prometheus.CounterOpts{Name: "signalbox_ingest_gaps_total",
			Help: "Holes in the sequence of a log stream that arriving records have shown"}),
		failed: prometheus.NewCounter(prometheus.CounterOpts{Name: "signalbox_ingest_failures_total",
			Help: "Transactions that the log store could not take, whose batches are sent again"}),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_ingest_refused_total",
			Help: "Batches refused, by reason: name (not the sender's own), revoked (the token), invalid (too large, unreadable, no service named), full (too many records of the service wait), quota"}, []string{"reason"}),
		duration: histogram("signalbox_ingest_batch_duration_seconds", "Time of one transaction that stores log records"),
		delay:    histogram("signalbox_ingest_delay_seconds", "Time from the arrival of a batch of log records to its commit"),
	}
	for _, result := range []string{"stored", "duplicate", "expired"} {
		m.records.WithLabelValues(result)
	}
	for _, reason := range []string{reasonName, reasonRevoked, reasonInvalid, queueFull, overQuota} {
		m.refused.WithLabelValues(reason)
	}
	r.MustRegister(m.records, m.senders, m.gaps, m.failed, m.refused, m.duration, m.delay, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "signalbox_ingest_waiting_records", Help: "Log records that wait to be stored (one above 1 KiB counts for each KiB)"}, waiting))
	return m
}

func histogram(name, help string) prometheus.Histogram {
	return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: []float64{.001, .005, .01, .05, .1, .5, 1, 5},
		NativeHistogramBucketFactor: 1.1, NativeHistogramMaxBucketNumber: 100, NativeHistogramMinResetDuration: time.Hour})
}

func (m *metrics) observe(res Result, took time.Duration, err error) {
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

// refuse counts a batch that was not taken.
func (m *metrics) refuse(err error) {
	var r refusal
	switch {
	case errors.As(err, &r):
		m.refused.WithLabelValues(r.reason).Inc()
		m.senders.WithLabelValues(m.name(r.service), r.reason).Add(float64(r.records))
	case status.Code(err) == codes.PermissionDenied:
		m.refused.WithLabelValues(reasonName).Inc()
	case status.Code(err) == codes.Unauthenticated:
		m.refused.WithLabelValues(reasonRevoked).Inc()
	case status.Code(err) == codes.InvalidArgument: // else the sender has left
		m.refused.WithLabelValues(reasonInvalid).Inc()
	}
}

// answered counts the records of a part.
func (m *metrics) answered(p *part, err error) {
	outcome := "taken"
	if err != nil {
		outcome = "failed"
	}
	m.senders.WithLabelValues(m.name(p.service), outcome).Add(float64(len(p.records)))
}

// name keeps the label's values few: what anybody may send as is no name for a metric.
func (m *metrics) name(service string) string {
	if slices.Contains(m.known(), service) {
		return service
	}
	return others
}
