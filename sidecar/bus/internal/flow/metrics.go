package flow

import (
	"errors"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// Metrics of one client: the messaging conventions in Prometheus form, and ours.
type Metrics struct {
	*telemetry.Messaging

	Retries    *prometheus.CounterVec // queue
	Parked     *prometheus.CounterVec // queue
	Dropped    *prometheus.CounterVec // queue: exclusive ones only
	Unroutable *prometheus.CounterVec // exchange
	Connected  prometheus.Gauge
	Blocked    prometheus.Gauge
	Connects   prometheus.Counter
}

func newMetrics(system string, r prometheus.Registerer) (*Metrics, error) {
	if r == nil {
		r = prometheus.NewRegistry()
	}
	reg := registrar{r: prometheus.WrapRegistererWith(prometheus.Labels{"messaging_system": system}, r)}
	m := &Metrics{
		Messaging:  telemetry.NewMessaging(r, system),
		Retries:    register(&reg, counter("signalbox_bus_retries_total", "Tries that failed and are followed by another", "queue")),
		Parked:     register(&reg, counter("signalbox_bus_parked_total", "Messages given up and put into the queue's parking place", "queue")),
		Dropped:    register(&reg, counter("signalbox_bus_dropped_total", "Messages of an exclusive queue whose handler failed or that found it full", "queue")),
		Unroutable: register(&reg, counter("signalbox_bus_unroutable_total", "Messages that no queue took", "exchange")),
		Connected:  register(&reg, gauge("signalbox_bus_connected", "Whether the bus is connected (1) or not (0)")),
		Blocked:    register(&reg, gauge("signalbox_bus_blocked", "Whether the broker holds publishers back (1) or not (0)")),
		Connects: register(&reg, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "signalbox_bus_connects_total", Help: "Connections that were established"})),
	}
	return m, reg.err
}

// registrar keeps the first error of a column of registrations.
type registrar struct {
	r   prometheus.Registerer
	err error
}

// register takes the collector that is there already when a client is opened a second time on a registry.
func register[C prometheus.Collector](reg *registrar, c C) C {
	err := reg.r.Register(c)
	if there, ok := errors.AsType[prometheus.AlreadyRegisteredError](err); ok {
		if same, ok := there.ExistingCollector.(C); ok {
			return same
		}
	}
	if reg.err == nil {
		reg.err = err
	}
	return c
}

func counter(name, help string, labels ...string) *prometheus.CounterVec {
	return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: help}, labels)
}

func gauge(name, help string) prometheus.Gauge {
	return prometheus.NewGauge(prometheus.GaugeOpts{Name: name, Help: help})
}
