package session

import "github.com/prometheus/client_golang/prometheus"

// Metrics of sessions. The zero *Metrics counts nothing.
type Metrics struct {
	signIns   *prometheus.CounterVec
	refreshes *prometheus.CounterVec
}

// NewMetrics registers them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{
		signIns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_identity_sign_ins_total", Help: "Sign-ins, with a password or a code, by outcome: done, refused, throttled",
		}, []string{"outcome"}),
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_identity_refreshes_total", Help: "Uses of a refresh token by outcome; reused means that a token came twice and its session was revoked, repeated that a browser lost an answer",
		}, []string{"outcome"}),
	}
	r.MustRegister(m.signIns, m.refreshes)
	for _, outcome := range []string{"done", "refused", "throttled"} {
		m.signIns.WithLabelValues(outcome)
	}
	for _, outcome := range []Outcome{Rotated, Repeated, Unknown, Expired, Revoked, Reused, Disabled} {
		m.refreshes.WithLabelValues(string(outcome))
	}
	return m
}

func (m *Metrics) signIn(outcome string) {
	if m != nil {
		m.signIns.WithLabelValues(outcome).Inc()
	}
}

func (m *Metrics) refresh(o Outcome) {
	if m != nil {
		m.refreshes.WithLabelValues(string(o)).Inc()
	}
}
