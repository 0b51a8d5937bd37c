package trace

import (
	"context"
	"errors"
	"log/slog"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// queues hands every sampled span that ends to the batcher of each exporter. For each of them holds, once nobody is in
// OnEnd: ended = exported + failed + dropped + queued.
type queues struct {
	ended prometheus.Counter
	all   []*batcher

	mu     sync.RWMutex // closed against OnEnd: a span that comes later would stay in a queue that nobody reads
	closed bool
}

func newQueues(exporters []named, r prometheus.Registerer, logger *slog.Logger) *queues {
	q := &queues{ended: telemetry.Register(r, prometheus.NewCounter(prometheus.CounterOpts{
		Name: "signalbox_trace_ended_total", Help: "Sampled spans that have ended; each exporter gets them all",
	}))}
	c := newCounts(r)
	for _, e := range exporters {
		q.all = append(q.all, newBatcher(e, c, logger))
	}
	return q
}

// OnStart implements sdktrace.SpanProcessor.
func (q *queues) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd queues the span for each exporter, or drops it; it never waits for one.
func (q *queues) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	q.mu.RLock()
	defer q.mu.RUnlock()
	q.ended.Inc()
	size := sizeOf(s)
	for _, b := range q.all {
		if q.closed {
			b.dropped.Inc()
			continue
		}
		b.put(s, size)
	}
}

// ForceFlush exports what is queued.
func (q *queues) ForceFlush(ctx context.Context) error {
	return q.each(func(b *batcher) error { return b.ForceFlush(ctx) })
}

// Shutdown exports what is queued while ctx lasts, then ends the exporters.
func (q *queues) Shutdown(ctx context.Context) error {
	q.mu.Lock()
	q.closed = true
	q.mu.Unlock()
	return q.each(func(b *batcher) error { return b.Shutdown(ctx) })
}

// each does it at the same time: one exporter's dead collector takes no time from the others.
func (q *queues) each(do func(*batcher) error) error {
	failed := make([]error, len(q.all))
	var all sync.WaitGroup
	for i, b := range q.all {
		all.Go(func() { failed[i] = do(b) })
	}
	all.Wait()
	return errors.Join(failed...)
}

// sizeOf is about what a span holds of memory, in bytes.
func sizeOf(s sdktrace.ReadOnlySpan) int64 {
	const span, part, attr = 512, 96, 64
	n := span + len(s.Name()) + len(s.Status().Description)
	for _, a := range s.Attributes() {
		n += attr + len(a.Key) + valueSize(a)
	}
	for _, e := range s.Events() {
		n += part + len(e.Name)
		for _, a := range e.Attributes {
			n += attr + len(a.Key) + valueSize(a)
		}
	}
	for _, l := range s.Links() {
		n += part
		for _, a := range l.Attributes {
			n += attr + len(a.Key) + valueSize(a)
		}
	}
	return int64(n)
}

func valueSize(a attribute.KeyValue) (n int) {
	switch a.Value.Type() {
	case attribute.STRING:
		return len(a.Value.AsString())
	case attribute.STRINGSLICE:
		for _, s := range a.Value.AsStringSlice() {
			n += 16 + len(s)
		}
		return n
	case attribute.INT64SLICE, attribute.FLOAT64SLICE, attribute.BOOLSLICE:
		return len(a.Value.String()) // of as many bytes at least as there are elements
	default:
		return 8
	}
}
