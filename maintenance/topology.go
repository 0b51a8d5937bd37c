package maintenance

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
)

// hearing has the topology hear every report, also while the store is away.
type hearing struct{ watch *topology.Watch }

// Hear implements fleet.Watch. Who has no address sends lines and serves nothing: it is no part of the mesh.
func (h hearing) Hear(r fleet.Report) {
	i := r.Instance
	if i.PublicAddress == "" {
		return
	}
	now := time.Now()
	one := topology.Instance{Service: i.Service, Instance: i.Instance, Version: i.Version, Epoch: i.Epoch, Health: i.Health, State: topology.Live,
		Checks: r.Checks, HeardAt: now, Now: topology.Snapshot{At: now, Edges: r.Edges}}
	if r.Stopping {
		one.State = topology.Stopped
	}
	h.watch.Hear(one)
}

// causesFresh is how old what a scrape is told may be.
const causesFresh = 5 * time.Second

// causes are the roots of what fails, as metrics. Each replica tells them, also while the store is away.
type causes struct {
	watch    *topology.Watch
	affected *prometheus.Desc

	mu   sync.Mutex
	read time.Time
	last []topology.Cause
}

func newCauses(w *topology.Watch) *causes {
	return &causes{watch: w, affected: prometheus.NewDesc("signalbox_topology_cause_affected",
		"Nodes that fail because of this one, which fails and which no other one explains; no series: all is well", []string{"node"}, nil)}
}

// Describe implements prometheus.Collector.
func (c *causes) Describe(to chan<- *prometheus.Desc) { to <- c.affected }

// Kind of the metric, for the documents: it has no series while all is well.
func (c *causes) Kind() string { return "gauge" }

// Collect implements prometheus.Collector.
func (c *causes) Collect(to chan<- prometheus.Metric) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if time.Since(c.read) >= causesFresh {
		all, _ := c.watch.Mesh(context.Background()) // bounded by itself; without the store it is what was heard here
		c.last, c.read = topology.Causes(all), time.Now()
	}
	for _, one := range c.last {
		to <- prometheus.MustNewConstMetric(c.affected, prometheus.GaugeValue, float64(len(one.Affected)), one.Node)
	}
}
