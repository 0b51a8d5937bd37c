package logging

import (
	"errors"
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/logging/internal/redact"
)

// tally counts what records had to be changed for. Safe for concurrent use.
type tally struct {
	found        func(redact.Kind) // a secret was replaced
	texts, attrs prometheus.Counter
}

func newTally(reg prometheus.Registerer) (*tally, error) {
	secrets := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signalbox_log_redacted_total",
		Help: "Secrets replaced by a mark in log records, by kind; whoever logs them should stop",
	}, []string{"kind"})
	cut := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signalbox_log_truncated_total",
		Help: "Texts of log records that were cut, and attributes that were left out, for their size",
	}, []string{"what"})
	if err := errors.Join(reg.Register(secrets), reg.Register(cut)); err != nil {
		return nil, fmt.Errorf("register metrics of log records: %w", err)
	}
	var kinds [redact.Kinds]prometheus.Counter
	for k := range kinds {
		kinds[k] = secrets.WithLabelValues(redact.Kind(k).String())
	}
	return &tally{
		found: func(k redact.Kind) { kinds[k].Inc() },
		texts: cut.WithLabelValues("text"), attrs: cut.WithLabelValues("attr"),
	}, nil
}

// uncounted is a tally that nobody sees.
func uncounted() *tally {
	none := prometheus.NewCounter(prometheus.CounterOpts{Name: "none"})
	return &tally{found: func(redact.Kind) {}, texts: none, attrs: none}
}
