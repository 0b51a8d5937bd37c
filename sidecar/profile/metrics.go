package profile

import "github.com/prometheus/client_golang/prometheus"

// What became of a capture.
const (
	resultStored  = "stored"
	resultRefused = "refused"
	resultFailed  = "failed" // it could not be captured
	resultLost    = "lost"   // view-service did not take it
)

type metrics struct {
	captures *prometheus.CounterVec
	bytes    prometheus.Counter
}

func newMetrics(r prometheus.Registerer) metrics {
	m := metrics{
		captures: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_profile_captures_total",
			Help: "Profiles that leases asked this instance for, by what became of them"}, []string{"profile", "result"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "signalbox_profile_bytes_total",
			Help: "Bytes of the profiles that this instance has captured"}),
	}
	for _, kind := range Kinds() {
		for _, result := range []string{resultStored, resultRefused, resultFailed, resultLost} {
			m.captures.WithLabelValues(kind, result)
		}
	}
	if r != nil {
		r.MustRegister(m.captures, m.bytes)
	}
	return m
}

func (m metrics) count(kind, result string) { m.captures.WithLabelValues(kind, result).Inc() }
