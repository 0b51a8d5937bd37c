package fleet

import "github.com/prometheus/client_golang/prometheus"

// Why a control message does not count.
const (
	malformed = "malformed"
	forged    = "forged"
	expired   = "expired"
	unknown   = "unknown"
)

type metrics struct {
	rejected *prometheus.CounterVec
	syncs    *prometheus.CounterVec
}

func newMetrics(r prometheus.Registerer, leases func() int) *metrics {
	m := &metrics{
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_control_rejected_total",
			Help: "Control messages that were ignored"}, []string{"reason"}),
		syncs: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_sync_total",
			Help: "Reports of this instance to view-service"}, []string{"result"}),
	}
	for _, reason := range []string{malformed, forged, expired, unknown} {
		m.rejected.WithLabelValues(reason)
	}
	for _, result := range []string{"ok", "failed"} {
		m.syncs.WithLabelValues(result)
	}
	if r != nil {
		r.MustRegister(m.rejected, m.syncs, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "signalbox_leases_applied",
			Help: "Leases in effect on this instance"}, func() float64 { return float64(leases()) }))
	}
	return m
}

func (m *metrics) synced(err error) {
	if err != nil {
		m.syncs.WithLabelValues("failed").Inc()
		return
	}
	m.syncs.WithLabelValues("ok").Inc()
}
