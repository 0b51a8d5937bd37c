package telemetry

import (
	"runtime/metrics"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
)

// Usage is what a process takes of its machine, as /metrics tells it.
type Usage struct {
	Resident   uint64 // bytes of memory; 0: this machine does not say
	Heap       uint64 // bytes that live objects, and dead ones not yet swept, occupy
	Goroutines uint64
	CPU        time.Duration // since it started
}

// Process reads this process's Usage. Safe for concurrent use.
type Process struct{ collector *prometheus.Registry }

// NewProcess makes one; it reads nothing yet.
func NewProcess() *Process {
	p := &Process{collector: prometheus.NewRegistry()}
	p.collector.MustRegister(collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return p
}

// Usage as it is now. It takes some hundred microseconds and stops nobody. What the machine does not tell is 0.
func (p *Process) Usage() (u Usage) {
	families, _ := p.collector.Gather() // with an error comes what could be read
	for _, f := range families {
		for _, m := range f.GetMetric() {
			switch f.GetName() {
			case "process_resident_memory_bytes":
				u.Resident = uint64(max(0, m.GetGauge().GetValue()))
			case "process_cpu_seconds_total":
				u.CPU = time.Duration(m.GetCounter().GetValue() * float64(time.Second))
			}
		}
	}
	said := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/sched/goroutines:goroutines"}}
	metrics.Read(said)
	u.Heap, u.Goroutines = number(said[0]), number(said[1])
	return u
}

// number is 0 where the runtime does not know the metric.
func number(s metrics.Sample) uint64 {
	if s.Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return s.Value.Uint64()
}
