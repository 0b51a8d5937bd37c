package trace

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// Bounds of one exporter's batcher.
const (
	queueSpans   = 2048
	queueBytes   = 8 << 20 // of spans queued and under way, as sizeOf has them
	batchSpans   = 512
	batchDelay   = time.Second
	exportLimit  = 10 * time.Second
	reportAtMost = 10 * time.Second // one line about a dead collector
)

// counts are of what became of spans, and where they are.
type counts struct {
	spans  *prometheus.CounterVec
	queued *prometheus.GaugeVec
}

func newCounts(r prometheus.Registerer) counts {
	return counts{
		spans: telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_trace_spans_total",
			Help: "Sampled spans by exporter and outcome: exported, failed (the collector did not take them), dropped (the queue was full)",
		}, []string{"exporter", "outcome"})),
		queued: telemetry.Register(r, prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "signalbox_trace_queued_spans", Help: "Sampled spans that wait for the exporter or are on their way",
		}, []string{"exporter"})),
	}
}

// batcher is one exporter's bounded queue and its goroutine. The SDK's own does not tell how
// many spans it dropped, and writes the collector's errors to stderr by a process-wide handler.
type batcher struct {
	exporter                  named
	queue                     chan queued
	bytes                     atomic.Int64 // queued and under way
	flush                     chan chan struct{}
	quit                      chan struct{} // closed by Shutdown
	done                      chan struct{} // closed when run ended
	stop                      sync.Once
	ctx                       context.Context // of exports
	cancel                    context.CancelFunc
	logger                    *slog.Logger
	exported, failed, dropped prometheus.Counter
	waiting                   prometheus.Gauge

	told time.Time // of the last line; run's own
	ill  bool      // the last export failed; run's own
}

// queued is a span that has ended.
type queued struct {
	span sdktrace.ReadOnlySpan
	size int64
}

func newBatcher(e named, c counts, logger *slog.Logger) *batcher {
	ctx, cancel := context.WithCancel(context.Background())
	b := &batcher{
		exporter: e,
		queue:    make(chan queued, queueSpans),
		flush:    make(chan chan struct{}),
		quit:     make(chan struct{}),
		done:     make(chan struct{}),
		ctx:      ctx,
		cancel:   cancel,
		logger:   logger,
		exported: c.spans.WithLabelValues(e.name, "exported"),
		failed:   c.spans.WithLabelValues(e.name, "failed"),
		dropped:  c.spans.WithLabelValues(e.name, "dropped"),
		waiting:  c.queued.WithLabelValues(e.name),
	}
	go b.run()
	return b
}

// put queues the span, or drops it where the queue has as many or as much; it never waits.
func (b *batcher) put(s sdktrace.ReadOnlySpan, size int64) {
	if b.bytes.Add(size) > queueBytes {
		b.bytes.Add(-size)
		b.dropped.Inc()
		return
	}
	b.waiting.Inc()
	select {
	case b.queue <- queued{s, size}:
	default:
		b.waiting.Dec()
		b.bytes.Add(-size)
		b.dropped.Inc()
	}
}

// ForceFlush exports what is queued.
func (b *batcher) ForceFlush(ctx context.Context) error {
	ack := make(chan struct{})
	select {
	case b.flush <- ack:
	case <-b.done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
	select {
	case <-ack:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Shutdown exports what is queued while ctx lasts, then ends the exporter. That the time was over is no error: what it cost is
// counted, and a service that ends in order has not failed because its collector is dead.
func (b *batcher) Shutdown(ctx context.Context) error {
	b.stop.Do(func() { close(b.quit) })
	select {
	case <-b.done:
	case <-ctx.Done():
		b.cancel() // the export that runs, and those still to come, fail at once
		<-b.done
	}
	b.cancel()
	if err := b.exporter.Shutdown(ctx); ctx.Err() == nil {
		return err
	}
	return nil
}

func (b *batcher) run() {
	defer close(b.done)
	for open := true; open; {
		var batch batch
		var ack chan struct{}
		batch, ack, open = b.gather()
		if ack != nil || !open {
			b.empty(batch)
		} else {
			b.export(batch)
		}
		if ack != nil {
			close(ack)
		}
	}
}

// gather waits for a first span, then for more: until the batch is full, batchDelay has passed, or
// somebody wants it now.
func (b *batcher) gather() (batch batch, ack chan struct{}, open bool) {
	var late <-chan time.Time
	for len(batch.spans) < batchSpans {
		select {
		case s := <-b.queue:
			batch.add(s)
			if late == nil {
				t := time.NewTimer(batchDelay)
				defer t.Stop()
				late = t.C
			}
		case <-late:
			return batch, nil, true
		case ack = <-b.flush:
			return batch, ack, true
		case <-b.quit:
			return batch, nil, false
		}
	}
	return batch, nil, true
}

// batch of spans, and their bytes.
type batch struct {
	spans []sdktrace.ReadOnlySpan
	bytes int64
}

func (s *batch) add(one queued) { s.spans, s.bytes = append(s.spans, one.span), s.bytes+one.size }

// empty exports some and whatever is queued now.
func (b *batcher) empty(some batch) {
	for left := len(b.queue); left > 0; left-- {
		if len(some.spans) == batchSpans {
			b.export(some)
			some = batch{}
		}
		some.add(<-b.queue)
	}
	b.export(some)
}

func (b *batcher) export(some batch) {
	n := float64(len(some.spans))
	if n == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, exportLimit)
	defer cancel()
	err := b.exporter.ExportSpans(ctx, some.spans)
	b.waiting.Sub(n)
	b.bytes.Add(-some.bytes)
	if err == nil {
		b.exported.Add(n)
	} else {
		b.failed.Add(n)
	}
	b.tell(err)
}

// tell writes a line when exporting begins to fail or works again, and none in between.
func (b *batcher) tell(err error) {
	if (err != nil) == b.ill || (err != nil && time.Since(b.told) < reportAtMost) {
		return
	}
	b.ill, b.told = err != nil, time.Now()
	if err != nil {
		b.logger.LogAttrs(b.ctx, slog.LevelWarn, "spans are not delivered",
			slog.String("exporter", b.exporter.name), slog.String("err", err.Error()))
		return
	}
	b.logger.LogAttrs(b.ctx, slog.LevelInfo, "spans are delivered again", slog.String("exporter", b.exporter.name))
}
