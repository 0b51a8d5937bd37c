package debug

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

type metrics struct {
	rejected         *prometheus.CounterVec
	stamped, entered prometheus.Counter
}

func newMetrics(r prometheus.Registerer, under func() float64) *metrics {
	begun := telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_debug_flows_total",
		Help: "Requests, calls and events that log by a debug lease, by how that began here: stamped (a condition held) or entered (by a token)"}, []string{"how"}))
	telemetry.Register(r, prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "signalbox_debug_flows",
		Help: "Requests, calls and events under way that log by a debug lease"}, under))
	m := &metrics{
		rejected: telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_debug_token_rejected_total",
			Help: "Tokens of targeted debugging that were ignored, by what was wrong: forged, expired, oversized or malformed"}, []string{"reason"})),
		stamped: begun.WithLabelValues("stamped"), entered: begun.WithLabelValues("entered"),
	}
	for _, reason := range []error{errForged, errExpired, errOversized, errMalformed} {
		m.rejected.WithLabelValues(reason.Error())
	}
	return m
}

func (m *metrics) reject(err error) {
	for _, reason := range []error{errExpired, errOversized, errMalformed} {
		if errors.Is(err, reason) {
			m.rejected.WithLabelValues(reason.Error()).Inc()
			return
		}
	}
	m.rejected.WithLabelValues(errForged.Error()).Inc()
}

// failureMetrics count traces, but rejected, which counts messages.
type failureMetrics struct {
	told, unsent, dropped, heard, released prometheus.Counter
	refused                                *prometheus.CounterVec
}

func newFailureMetrics(r prometheus.Registerer) *failureMetrics {
	failed := telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_trace_failed_total",
		Help: "Traces that failed here or elsewhere: told to the other sidecars, unsent (the bus did not take it), dropped (there were too many), or heard of from another one"}, []string{"result"}))
	m := &failureMetrics{
		told: failed.WithLabelValues("told"), unsent: failed.WithLabelValues("unsent"), dropped: failed.WithLabelValues("dropped"), heard: failed.WithLabelValues("heard"),
		released: telemetry.Register(r, prometheus.NewCounter(prometheus.CounterOpts{Name: "signalbox_trace_failed_released_lines_total",
			Help: "Lines of the black box that were written because their trace failed"})),
		refused: telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_trace_failed_rejected_total",
			Help: "Messages about failed traces that were ignored, by what was wrong: forged, expired or malformed"}, []string{"reason"})),
	}
	for _, reason := range []error{errForged, errExpired, errMalformed} {
		m.refused.WithLabelValues(reason.Error())
	}
	return m
}

func (m *failureMetrics) rejected(err error) {
	for _, reason := range []error{errExpired, errMalformed} {
		if errors.Is(err, reason) {
			m.refused.WithLabelValues(reason.Error()).Inc()
			return
		}
	}
	m.refused.WithLabelValues(errForged.Error()).Inc()
}
