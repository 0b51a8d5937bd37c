package telemetry

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

// Nodes of the topology that are no services of ours.
const (
	NodePostgres = "postgresql"
	NodeRabbitMQ = "rabbitmq"
	NodeRedis    = "redis"
	NodeBrowser  = "browser" // callers from outside that say that they are one
	NodeOutside  = "outside" // all other callers from outside
	NodeOther    = "other"   // what came after maxEdges
)

// maxEdges bounds what one instance tells apart.
const maxEdges = 256

// EdgeBounds are the upper bounds, in seconds, of an edge's classes of duration; one class more has no bound.
func EdgeBounds() []float64 {
	return []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}
}

// Edges are rate, errors and duration of what passes between this service and others, by edge of the topology. They
// are metrics, and go to view-service with the heartbeat. Safe for concurrent use.
type Edges struct {
	service  string
	duration *prometheus.HistogramVec
	errors   *prometheus.CounterVec

	mu  sync.RWMutex
	all map[edgeKey]*Edge
}

type edgeKey struct{ source, destination, protocol string }

// NewEdges makes the edges of a service and registers their metrics.
func NewEdges(r prometheus.Registerer, service string) *Edges {
	return &Edges{
		service: service,
		duration: NewHistogram(r, "signalbox_edge_duration_seconds", "Duration of what passed between two nodes of the topology, as this instance saw it",
			EdgeBounds(), "source", "destination", "protocol"),
		errors: Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_edge_errors_total", Help: "What of it failed, by the destination's fault or for want of an answer",
		}, []string{"source", "destination", "protocol"})),
		all: map[edgeKey]*Edge{},
	}
}

// To is the edge from this service to a node. It is found by a lock and a map: a caller in a hurry keeps it.
func (e *Edges) To(destination, protocol string) *Edge {
	return e.edge(edgeKey{e.service, destination, protocol})
}

// From is the edge to this service from a node outside of the mesh: what is in it counts its own calls.
func (e *Edges) From(source, protocol string) *Edge {
	return e.edge(edgeKey{source, e.service, protocol})
}

func (e *Edges) edge(k edgeKey) *Edge {
	e.mu.RLock()
	one := e.all[k]
	e.mu.RUnlock()
	if one != nil {
		return one
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if len(e.all) >= maxEdges && e.all[k] == nil {
		k = edgeKey{k.source, NodeOther, k.protocol}
		if k.source != e.service {
			k = edgeKey{NodeOther, e.service, k.protocol}
		}
	}
	if e.all[k] == nil {
		e.all[k] = &Edge{key: k, duration: e.duration.WithLabelValues(k.source, k.destination, k.protocol),
			errors: e.errors.WithLabelValues(k.source, k.destination, k.protocol)}
	}
	return e.all[k]
}

// All is what passed since the start, in no order.
func (e *Edges) All() []EdgeCounts {
	e.mu.RLock()
	defer e.mu.RUnlock()
	all := make([]EdgeCounts, 0, len(e.all))
	for _, one := range e.all {
		all = append(all, one.counts())
	}
	return all
}

// EdgeCounts is what passed over an edge since the start.
type EdgeCounts struct {
	Source, Destination, Protocol string
	Classes                       []uint64 // calls by class of duration, as EdgeBounds has them
	Errors                        uint64   // of calls
	Seconds                       float64  // sum of durations
	Open                          bool     // the circuit breaker lets nothing through
}

// Edge is one of Edges.
type Edge struct {
	key      edgeKey
	duration prometheus.Observer
	errors   prometheus.Counter
	open     atomic.Bool
}

// Observe counts one call, or one of what else passes; ctx may have a sampled span, whose trace becomes the exemplar.
// failed says that the destination is at fault or did not answer.
func (e *Edge) Observe(ctx context.Context, took time.Duration, failed bool) {
	Observe(ctx, e.duration, took.Seconds())
	if failed {
		e.errors.Inc()
	}
}

// SetOpen says whether the circuit breaker of the edge lets nothing through.
func (e *Edge) SetOpen(open bool) { e.open.Store(open) }

func (e *Edge) counts() EdgeCounts {
	c := EdgeCounts{Source: e.key.source, Destination: e.key.destination, Protocol: e.key.protocol, Open: e.open.Load()}
	var duration, errors dto.Metric
	if e.errors.Write(&errors) != nil || e.duration.(prometheus.Histogram).Write(&duration) != nil {
		return c // which metrics of the library's own cannot answer
	}
	h := duration.GetHistogram()
	var before uint64
	for _, b := range h.GetBucket() {
		c.Classes = append(c.Classes, b.GetCumulativeCount()-before)
		before = b.GetCumulativeCount()
	}
	c.Classes = append(c.Classes, h.GetSampleCount()-before)
	c.Errors = uint64(errors.GetCounter().GetValue())
	c.Seconds = h.GetSampleSum()
	return c
}
