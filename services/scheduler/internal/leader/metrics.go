package leader

import (
	"time"

	"github.com/go-co-op/gocron/v2"
	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
)

// metrics of a replica; it is gocron's monitor too.
type metrics struct {
	leading   prometheus.Gauge
	held      prometheus.Gauge
	open      *prometheus.GaugeVec
	waiting   *prometheus.GaugeVec
	epoch     prometheus.Gauge
	elections prometheus.Counter
	planned   prometheus.Counter
	released  prometheus.Counter
	missed    *prometheus.CounterVec
	recovered *prometheus.CounterVec
	again     prometheus.Counter
	expired   prometheus.Counter
	lateness  prometheus.Histogram
	pass      prometheus.Histogram
	timer     *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) *metrics {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
	}
	histogram := func(name, help string, buckets ...float64) prometheus.Histogram {
		return prometheus.NewHistogram(prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets, NativeHistogramBucketFactor: 1.1})
	}
	vec := func(name, help, label string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, []string{label})
	}
	levels := func(name, help, label string) *prometheus.GaugeVec {
		return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{label})
	}
	m := &metrics{
		held:      gauge("signalbox_scheduler_broker_down", "Whether this replica leads and does not plan, for its bus is not ready (1) or not (0)"),
		open:      levels("signalbox_scheduler_fires_open", "Fires that have not ended, by state; the leader counts them", "state"),
		waiting:   levels("signalbox_scheduler_fires_waiting", "Waiting fires, by what they wait for; the leader counts them", "reason"),
		leading:   gauge("signalbox_scheduler_leader", "Whether this replica is the leader (1) or not (0)"),
		epoch:     gauge("signalbox_scheduler_epoch", "Fencing epoch of the last term that this replica led"),
		elections: counter("signalbox_scheduler_elections_total", "Terms that this replica has begun"),
		planned:   counter("signalbox_scheduler_fires_planned_total", "Fires that were planned and put into the outbox"),
		released:  counter("signalbox_scheduler_fires_released_total", "Waiting fires that were let go: after the end of the fire before, catching up, or backfilled"),
		missed:    vec("signalbox_scheduler_missed_total", "Due times that did not end in done, skipped or failed, by reason", "reason"),
		recovered: vec("signalbox_scheduler_recovered_total", "Due times that were counted as missed for this reason, and are done after all or were missed for another one", "reason"),
		again:     counter("signalbox_scheduler_fires_republished_total", "Fires published again: the next attempt of a handler, or the next try of what nobody took"),
		expired:   counter("signalbox_scheduler_fires_expired_total", "Fires ended because their time was over: no receipt came, or the broker never had them"),
		lateness: histogram("signalbox_scheduler_planning_lateness_seconds", "Time from the due time of a fire to its planning",
			.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 60, 600, 3600),
		pass: histogram("signalbox_scheduler_pass_duration_seconds", "Time one transaction of the planner took",
			.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5),
		timer: vec("signalbox_scheduler_timer_runs_total", "Wake-ups of the planner by its timer, by status", "status"),
	}
	for _, reason := range api.Reasons() { // a series that begins with its first miss would have no increase to be alerted of
		m.missed.WithLabelValues(string(reason))
		m.recovered.WithLabelValues(string(reason))
	}
	if reg != nil {
		reg.MustRegister(m.leading, m.held, m.open, m.waiting, m.epoch, m.elections, m.planned, m.released, m.missed, m.recovered, m.again, m.expired, m.lateness, m.pass, m.timer)
	}
	return m
}

func (m *metrics) term(epoch int64) {
	m.open.Reset() // the leader's to count
	m.waiting.Reset()
	if epoch == 0 {
		m.leading.Set(0)
		m.held.Set(0)
		return
	}
	m.leading.Set(1)
	m.epoch.Set(float64(epoch))
	m.elections.Inc()
}

func (m *metrics) hold(held bool) {
	value := 0.0
	if held {
		value = 1
	}
	m.held.Set(value)
}

// measured sets every series, so that one that is empty says 0.
func (m *metrics) measured(levels []plan.Level) {
	states, reasons := map[api.State]int{}, map[api.Reason]int{}
	for _, l := range levels {
		states[l.State] += l.Number
		reasons[l.Waits] += l.Number
	}
	for _, state := range []api.State{api.Waiting, api.Planned, api.Published, api.Received} {
		m.open.WithLabelValues(string(state)).Set(float64(states[state]))
	}
	for _, reason := range api.Waits() {
		m.waiting.WithLabelValues(string(reason)).Set(float64(reasons[reason]))
	}
}

func (m *metrics) passed(p plan.Pass, took time.Duration) {
	m.pass.Observe(took.Seconds())
	m.planned.Add(float64(p.Fired))
	m.released.Add(float64(p.Released))
	m.again.Add(float64(p.Retried))
	for _, late := range p.Late {
		m.lateness.Observe(max(0, late.Seconds()))
	}
	for reason, n := range p.Skipped {
		m.miss(reason, n)
	}
	for reason, n := range p.Failed {
		m.miss(reason, n)
	}
}

func (m *metrics) miss(reason api.Reason, n int) {
	m.missed.WithLabelValues(string(reason)).Add(float64(n))
}

// IncrementJob implements gocron.Monitor.
func (m *metrics) IncrementJob(_ uuid.UUID, _ string, _ []string, status gocron.JobStatus) {
	m.timer.WithLabelValues(string(status)).Inc()
}

// RecordJobTiming implements gocron.Monitor; a wake-up does nothing that takes time.
func (m *metrics) RecordJobTiming(_, _ time.Time, _ uuid.UUID, _ string, _ []string) {}
