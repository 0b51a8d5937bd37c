package spool

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sys/unix"
)

// Reasons for which a record is not kept, or not shipped. Each drop leaves a hole in the sequence.
const (
	ReasonFull     = "full"      // the spool holds its limit, and nothing of less worth
	ReasonShed     = "shed"      // was spooled, made room for something newer or of more worth
	ReasonNoSpace  = "no_space"  // the disk is full
	ReasonIO       = "io"        // the disk failed
	ReasonOversize = "oversized" // larger than a frame may be
	ReasonClosed   = "closed"    // logged after Close
	ReasonDamaged  = "damaged"   // was spooled, and cannot be read any more
	ReasonRejected = "rejected"  // the store refused it; it lies in the quarantine folder
)

func diskFull(err error) bool { return errors.Is(err, unix.ENOSPC) || errors.Is(err, unix.EDQUOT) }

func reasonOf(err error) string {
	if diskFull(err) || errors.Is(err, unix.EFBIG) {
		return ReasonNoSpace
	}
	return ReasonIO
}

// diskTrouble is what passes by itself or is for somebody else to mend: it is counted, it stops nobody.
func diskTrouble(err error) bool {
	return reasonOf(err) == ReasonNoSpace || errors.Is(err, unix.EIO) || errors.Is(err, unix.EROFS)
}

type metrics struct {
	spooled  [len(Classes)]prometheus.Counter
	dropped  *prometheus.CounterVec
	damaged  prometheus.Counter
	late     prometheus.Counter
	failures *prometheus.CounterVec
	all      []prometheus.Collector
}

func newMetrics(bytes func() float64, records func(Class) float64) *metrics {
	spooled := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signalbox_log_spooled_records_total", Help: "Records written to the spool"}, []string{"level"})
	m := &metrics{
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_log_dropped_total", Help: "Records not kept or not shipped, by spool class and reason"}, []string{"level", "reason"}),
		damaged: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "signalbox_log_spool_damaged_total", Help: "Damaged places skipped while reading the spool"}),
		late: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "signalbox_log_spool_late_syncs_total", Help: "Errors and audit records whose caller went on before they were on the disk"}),
		failures: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_log_spool_failures_total", Help: "Failed operations of the spool's file system"}, []string{"operation"}),
	}
	m.all = []prometheus.Collector{spooled, m.dropped, m.damaged, m.late, m.failures, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "signalbox_log_spool_bytes", Help: "Size of the spool on disk, adopted epochs included"}, bytes)}
	for _, c := range Classes {
		m.spooled[c] = spooled.WithLabelValues(c.String())
		m.all = append(m.all, prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "signalbox_log_spool_records", Help: "Records in the spool that the store has not acknowledged",
			ConstLabels: prometheus.Labels{"level": c.String()}}, func() float64 { return records(c) }))
		for _, reason := range []string{ReasonFull, ReasonShed, ReasonNoSpace, ReasonIO, ReasonDamaged, ReasonOversize, ReasonRejected} {
			m.dropped.WithLabelValues(c.String(), reason) // an alert on a rate needs the zero
		}
	}
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

func (m *metrics) drop(c Class, reason string, n int) {
	if n > 0 {
		m.dropped.WithLabelValues(c.String(), reason).Add(float64(n))
	}
}

func (m *metrics) failed(operation string, err error) {
	if err != nil {
		m.failures.WithLabelValues(operation).Inc()
	}
}
