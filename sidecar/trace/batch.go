package trace

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// Bounds of one exporter's batcher.
const (
	queueSpans   = 2048
	batchSpans   = 512
	batchDelay   = time.Second
	exportLimit  = 10 * time.Second
	reportAtMost = 10 * time.Second // one line about a dead collector
)

// counts holds the law: spans ended and sampled = exported + failed + dropped + queued.
type counts struct{ spans *prometheus.CounterVec }

func newCounts(r prometheus.Registerer) counts {
	return counts{telemetry.Register(r, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signalbox_trace_spans_total",
		Help: "Sampled spans by exporter and outcome: exported, failed (the collector did not take them), dropped (the queue was full)",
	}, []string{"exporter", "outcome"}))}
}

// batcher is a span processor with a bounded queue and one goroutine. The SDK's own does not tell how
// many spans it dropped, and writes the collector's errors to stderr by a process-wide handler.
type batcher struct {
	exporter                  named
	queue                     chan sdktrace.ReadOnlySpan
	flush                     chan chan struct{}
	quit                      chan struct{} // closed by Shutdown
	done                      chan struct{} // closed when run ended
	stop                      sync.Once
	ctx                       context.Context // of exports
	cancel                    context.CancelFunc
	logger                    *slog.Logger
	exported, failed, dropped prometheus.Counter

	told time.Time // of the last line; run's own
	ill  bool      // the last export failed; run's own
}

func newBatcher(e named, c counts, logger *slog.Logger) *batcher {
	ctx, cancel := context.WithCancel(context.Background())
	b := &batcher{
		exporter: e,
		queue:    make(chan sdktrace.ReadOnlySpan, queueSpans),
		flush:    make(chan chan struct{}),
		quit:     make(chan struct{}),
		done:     make(chan struct{}),
		ctx:      ctx,
		cancel:   cancel,
		logger:   logger,
		exported: c.spans.WithLabelValues(e.name, "exported"),
		failed:   c.spans.WithLabelValues(e.name, "failed"),
		dropped:  c.spans.WithLabelValues(e.name, "dropped"),
	}
	go b.run()
	return b
}

// OnStart implements sdktrace.SpanProcessor.
func (b *batcher) OnStart(context.Context, sdktrace.ReadWriteSpan) {}

// OnEnd queues the span, or drops it; it never waits.
func (b *batcher) OnEnd(s sdktrace.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	select {
	case <-b.quit:
		b.dropped.Inc()
	default:
		select {
		case b.queue <- s:
		default:
			b.dropped.Inc()
		}
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

// Shutdown exports what is queued while ctx lasts, then ends the exporter.
func (b *batcher) Shutdown(ctx context.Context) error {
	b.stop.Do(func() { close(b.quit) })
	select {
	case <-b.done:
	case <-ctx.Done():
		b.cancel() // the export that runs, and those still to come, fail at once
		<-b.done
	}
	b.cancel()
	return b.exporter.Shutdown(ctx)
}

func (b *batcher) run() {
	defer close(b.done)
	for open := true; open; {
		var batch []sdktrace.ReadOnlySpan
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
func (b *batcher) gather() (batch []sdktrace.ReadOnlySpan, ack chan struct{}, open bool) {
	var late <-chan time.Time
	for len(batch) < batchSpans {
		select {
		case s := <-b.queue:
			batch = append(batch, s)
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

// empty exports batch and whatever is queued now.
func (b *batcher) empty(batch []sdktrace.ReadOnlySpan) {
	for left := len(b.queue); left > 0; left-- {
		if len(batch) == batchSpans {
			b.export(batch)
			batch = nil
		}
		batch = append(batch, <-b.queue)
	}
	b.export(batch)
}

func (b *batcher) export(batch []sdktrace.ReadOnlySpan) {
	if len(batch) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(b.ctx, exportLimit)
	defer cancel()
	err := b.exporter.ExportSpans(ctx, batch)
	if err == nil {
		b.exported.Add(float64(len(batch)))
	} else {
		b.failed.Add(float64(len(batch)))
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
