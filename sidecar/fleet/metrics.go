package fleet

import "github.com/prometheus/client_golang/prometheus"

// Why a control message does not count.
const (
	malformed = "malformed"
	forged    = "forged"
	expired   = "expired"
	unknown   = "unknown"
)

// What became of a lease on the disk at a start.
const (
	takenUp    = "taken_up"
	over       = "over"
	unreadable = "unreadable" // the whole file
)

type metrics struct {
	rejected  *prometheus.CounterVec
	syncs     *prometheus.CounterVec
	resumed   *prometheus.CounterVec
	unwritten prometheus.Counter
	lost      prometheus.Counter
}

func newMetrics(r prometheus.Registerer, leases func() int) *metrics {
	m := &metrics{
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_control_rejected_total",
			Help: "Control messages that were ignored"}, []string{"reason"}),
		syncs: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_sync_total",
			Help: "Reports of this instance to view-service"}, []string{"result"}),
		resumed: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_leases_resumed_total",
			Help: "Leases found on the disk at the start, by what became of them; unreadable counts files"}, []string{"result"}),
		unwritten: prometheus.NewCounter(prometheus.CounterOpts{Name: "signalbox_leases_unwritten_total",
			Help: "Times that leases could not be written to the disk"}),
		lost: prometheus.NewCounter(prometheus.CounterOpts{Name: "signalbox_lease_events_lost_total",
			Help: "Events of leases and local levels that view-service was never told of"}),
	}
	for _, result := range []string{takenUp, over, unreadable} {
		m.resumed.WithLabelValues(result)
	}
	for _, reason := range []string{malformed, forged, expired, unknown} {
		m.rejected.WithLabelValues(reason)
	}
	for _, result := range []string{"ok", "failed"} {
		m.syncs.WithLabelValues(result)
	}
	if r != nil {
		r.MustRegister(m.rejected, m.syncs, m.resumed, m.unwritten, m.lost, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "signalbox_leases_applied",
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
