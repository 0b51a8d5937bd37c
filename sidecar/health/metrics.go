package health

import "github.com/prometheus/client_golang/prometheus"

// collector computes the metrics when scraped, from the same report as /hc.
type collector struct{ health *Health }

var (
	statusDesc = prometheus.NewDesc("signalbox_health_status",
		"Status of the service, 1 for the one that holds", []string{"status"}, nil)
	checkDesc = prometheus.NewDesc("signalbox_health_check_status",
		"Status of one check, 1 for the one that holds", []string{"check", "status"}, nil)
	durationDesc = prometheus.NewDesc("signalbox_health_check_duration_seconds",
		"How long the last run of the check took", []string{"check"}, nil)
	changesDesc = prometheus.NewDesc("signalbox_health_check_changes_total",
		"How often the status of the check changed", []string{"check"}, nil)
)

func (c *collector) Describe(ch chan<- *prometheus.Desc) {
	ch <- statusDesc
	ch <- checkDesc
	ch <- durationDesc
	ch <- changesDesc
}

func (c *collector) Collect(ch chan<- prometheus.Metric) {
	r := c.health.Report()
	for _, s := range []Status{Up, Degraded, Down, Draining, OutOfService, Unknown} {
		ch <- prometheus.MustNewConstMetric(statusDesc, prometheus.GaugeValue, oneIf(r.Status == s), string(s))
	}
	for _, check := range r.Checks {
		for _, s := range []Status{Up, Down, Unknown} {
			ch <- prometheus.MustNewConstMetric(checkDesc, prometheus.GaugeValue, oneIf(check.Status == s), check.Name, string(s))
		}
	}
	c.runs(ch)
}

func (c *collector) runs(ch chan<- prometheus.Metric) {
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	for name, st := range c.health.checks {
		ch <- prometheus.MustNewConstMetric(durationDesc, prometheus.GaugeValue, st.lastedFor.Seconds(), name)
		ch <- prometheus.MustNewConstMetric(changesDesc, prometheus.CounterValue, float64(st.changes), name)
	}
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
