package logging

import (
	"errors"
	"fmt"
	"log/slog"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// rootLogger is what the root of all loggers, whose name is empty, is called where a name is shown.
const rootLogger = "root"

// registerLevels registers what a table of levels tells of itself, and of budgets the flows.
func registerLevels(t *level.Table, flows *debug.Flows, reg prometheus.Registerer) error {
	shed := prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "signalbox_lease_shed_total",
		Help: "Lines that leases would have let through, had their budgets not been spent",
	}, func() float64 { return float64(t.Shed() + flows.Shed()) })
	off := &offBaseline{t, prometheus.NewDesc("signalbox_log_level",
		"Effective level of each logger that is not at its baseline, as slog counts: -4 debug, 0 info, 4 warn, 8 error", []string{"logger"}, nil)}
	suppressed := &suppressed{t, prometheus.NewDesc("signalbox_log_suppressed_total",
		"Lines not made because their level is off, by level; the black box may have kept them", []string{"level"}, nil)}
	if err := errors.Join(reg.Register(shed), reg.Register(off), reg.Register(suppressed)); err != nil {
		return fmt.Errorf("register metrics of levels: %w", err)
	}
	return nil
}

// offBaseline collects the loggers that are not at their baseline.
type offBaseline struct {
	table *level.Table
	desc  *prometheus.Desc
}

// Kind is the metric's type, for whoever lists metrics that have no series yet.
func (c *offBaseline) Kind() string { return "gauge" }

// Describe implements prometheus.Collector.
func (c *offBaseline) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements prometheus.Collector.
func (c *offBaseline) Collect(ch chan<- prometheus.Metric) {
	for _, s := range c.table.States() {
		if s.Effective == s.Configured {
			continue
		}
		name := s.Logger
		if name == "" {
			name = rootLogger
		}
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.GaugeValue, float64(s.Effective), name)
	}
}

// suppressed collects what was suppressed, by class.
type suppressed struct {
	table *level.Table
	desc  *prometheus.Desc
}

// Describe implements prometheus.Collector.
func (c *suppressed) Describe(ch chan<- *prometheus.Desc) { ch <- c.desc }

// Collect implements prometheus.Collector.
func (c *suppressed) Collect(ch chan<- prometheus.Metric) {
	var lines [len(spool.Classes)]uint64
	for _, s := range c.table.Suppressed() {
		lines[spool.ClassOf(s.Level)] += s.Lines
	}
	for _, class := range spool.Classes {
		ch <- prometheus.MustNewConstMetric(c.desc, prometheus.CounterValue, float64(lines[class]), class.String())
	}
}

// tellOfBudgets makes a record when a lease's budget is spent, and one of what was shed when the lease ends.
func (l *Logs) tellOfBudgets() {
	t := l.settings.Levels
	t.OnSpent(l.TellSpent)
	t.OnShed(func(s level.Shed) {
		logger := s.Logger
		if logger == "" {
			logger = rootLogger
		}
		l.TellShed(s.LeaseID, slog.String("target", logger), slog.String("target_level", s.Level.String()),
			slog.Uint64("shed_lines", s.Lines), slog.Uint64("shed_bytes", s.Bytes))
	})
}

// TellSpent makes the record that a lease's budget is spent, after so many lines and bytes.
func (l *Logs) TellSpent(leaseID string, lines, bytes int64) {
	l.keep(".logging", slog.LevelWarn, "the budget of a lease is spent, its level has fallen back",
		slog.String(KeyLeaseID, leaseID), slog.Int64("written_lines", lines), slog.Int64("written_bytes", bytes))
}

// TellShed makes the record of what was shed since, when the lease has ended.
func (l *Logs) TellShed(leaseID string, shed ...slog.Attr) {
	l.keep(".logging", slog.LevelWarn, "a lease has ended whose budget was spent", append([]slog.Attr{slog.String(KeyLeaseID, leaseID)}, shed...)...)
}
