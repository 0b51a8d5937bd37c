package mtls

import (
	"crypto/x509"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// Metrics of a service's certificates. They are there, without series, where there are no certificates.
type Metrics struct {
	expiry  *prometheus.GaugeVec
	reloads *prometheus.CounterVec
	peers   *prometheus.CounterVec
}

// NewMetrics registers them; with nil nobody sees them.
func NewMetrics(r prometheus.Registerer) *Metrics {
	return &Metrics{
		expiry: telemetry.Register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "signalbox_tls_certificate_expiry_timestamp_seconds",
			Help: "When the certificate in force expires, in seconds since 1970; no series without certificates",
		}, nil)),
		reloads: telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_tls_reloads_total",
			Help: "Changes of the certificate's files, by outcome: taken, or broken (the one before stays in force)",
		}, []string{"outcome"})),
		peers: telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_tls_refused_total",
			Help: "Peers that were refused for their certificate, by the end that refused (client, server) and what was wrong: missing, untrusted, expired, usage, identity",
		}, []string{"side", "reason"})),
	}
}

func (m *Metrics) hold(leaf *x509.Certificate) {
	m.expiry.WithLabelValues().Set(float64(leaf.NotAfter.Unix()))
}

func (m *Metrics) reloaded(taken bool) {
	outcome := "broken"
	if taken {
		outcome = "taken"
	}
	m.reloads.WithLabelValues(outcome).Inc()
}

func (m *Metrics) refused(side, reason string) { m.peers.WithLabelValues(side, reason).Inc() }
