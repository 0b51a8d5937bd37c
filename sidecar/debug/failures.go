package debug

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/generations"
	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

// Box keeps lines below the level, by trace; logging.BlackBox does. Safe for concurrent use.
type Box interface {
	// On says whether anything is kept.
	On() bool
	// Release writes what was kept of the trace.
	Release(id trace.TraceID, why string) (lines int)
	// Latency is the bound above which an end counts as a failure; 0: none does.
	Latency() time.Duration
}

// FailureSettings of Failures.
type FailureSettings struct {
	Service  string
	Instance string
	Box      Box                                                    // nil: nothing is kept here
	Publish  func(ctx context.Context, data []byte) error           // a message of type TraceFailed, to all; nil: nobody else is told
	Sign     func(payload []byte) (token string, err error)         // servicetoken.Signer.SignMessage; nil: as without Publish
	Verify   func(token, signer string) (payload []byte, err error) // servicetoken.Bundle.VerifyMessage; nil: nobody is believed

	Registerer prometheus.Registerer // nil: no metrics
	Clock      func() time.Time      // nil: time.Now
}

// Bounds of what failures make.
const (
	pace      = 50 * time.Millisecond // between two messages: 20 a second
	perNotice = 64                    // traces in a message
	maxQueue  = 1280                  // traces that wait to be told, and as many to be released here
	again     = 5 * time.Second       // a trace that was told is not told again for so long
	stale     = 30 * time.Second      // what could not be told for so long, nobody keeps any more
	maxWhy    = 200                   // bytes
)

// failure is a trace that has failed.
type failure struct {
	trace trace.TraceID
	why   string
	at    time.Time
}

// Failures of one sidecar. All methods are safe for concurrent use, and do nothing on nil.
type Failures struct {
	settings FailureSettings
	now      func() time.Time
	metrics  *failureMetrics
	release  chan *failure // pointers: the room for all of them would be taken from the start
	wake     chan struct{} // buffered: something is to be told

	mu     sync.Mutex
	recent generations.Cache[trace.TraceID, time.Time] // told or heard of, and when
	untold []failure
}

// NewFailures makes Failures; Run does their work.
func NewFailures(s FailureSettings) *Failures {
	f := &Failures{settings: s, now: s.Clock, release: make(chan *failure, maxQueue), wake: make(chan struct{}, 1)}
	if f.now == nil {
		f.now = time.Now
	}
	f.metrics = newFailureMetrics(s.Registerer)
	return f
}

// Ended is told of every end of a request, call or handler: whether it was an error of ours, and how long it took (0:
// that says nothing, as with a stream). why is asked only of a failure, and holds nothing of the request's content.
// It never blocks.
func (f *Failures) Ended(ctx context.Context, failed bool, took time.Duration, why func() string) {
	if f == nil {
		return
	}
	var bound time.Duration
	if f.settings.Box != nil {
		bound = f.settings.Box.Latency()
	}
	if !failed && (bound <= 0 || took <= bound) {
		return
	}
	sc := trace.SpanContextFromContext(ctx)
	if !sc.HasTraceID() {
		return
	}
	text := why()
	if !failed {
		text = fmt.Sprintf("%s: took %d ms, the bound is %d ms", text, took.Milliseconds(), bound.Milliseconds())
	}
	f.add(failure{trace: sc.TraceID(), why: shorten(text), at: f.now()})
}

// shorten keeps a cause small, and whole text.
func shorten(s string) string { return strings.ToValidUTF8(s[:min(len(s), maxWhy)], "") }

// add has the trace released here, and told to the others unless they know.
func (f *Failures) add(one failure) {
	f.toRelease(one)
	if f.settings.Publish == nil || f.settings.Sign == nil || !f.isNews(one) {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.untold) >= maxQueue {
		f.metrics.dropped.Inc()
		return
	}
	f.untold = append(f.untold, one)
	select {
	case f.wake <- struct{}{}:
	default:
	}
}

func (f *Failures) toRelease(one failure) {
	if f.settings.Box == nil {
		return
	}
	queued := one
	select {
	case f.release <- &queued:
	default:
		f.metrics.dropped.Inc()
	}
}

// isNews notes the trace, and reports whether nobody has told of it just before.
func (f *Failures) isNews(one failure) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	last, known := f.recent.Get(one.trace)
	if known && one.at.Sub(last) < again {
		return false
	}
	f.recent.Put(one.trace, one.at, maxQueue)
	return true
}

// Run releases and tells, until ctx ends.
func (f *Failures) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	defer parts.Wait()
	parts.Go(func() { f.releasing(ctx) })
	for {
		select {
		case <-f.wake:
		case <-ctx.Done():
			return ctx.Err()
		}
		for f.tell(ctx) {
			if err := pause.For(ctx, pace); err != nil {
				return err
			}
		}
	}
}

// releasing is apart from telling, which may wait for a broker. What was handed over before the end of ctx is released.
func (f *Failures) releasing(ctx context.Context) {
	for {
		select {
		case one := <-f.release:
			f.metrics.released.Add(float64(f.settings.Box.Release(one.trace, one.why)))
			continue
		default:
		}
		select {
		case one := <-f.release:
			f.metrics.released.Add(float64(f.settings.Box.Release(one.trace, one.why)))
		case <-ctx.Done():
			return
		}
	}
}

// tell sends one message; false when there was nothing to tell.
func (f *Failures) tell(ctx context.Context) bool {
	batch := f.take()
	if len(batch) == 0 {
		return false
	}
	if err := f.send(ctx, batch); err != nil {
		f.metrics.unsent.Add(float64(len(batch)))
	} else {
		f.metrics.told.Add(float64(len(batch)))
	}
	return true
}

// take is what the next message says, without what is too old to matter.
func (f *Failures) take() []failure {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := f.now()
	old := 0
	for old < len(f.untold) && now.Sub(f.untold[old].at) > stale {
		old++
	}
	f.metrics.dropped.Add(float64(old))
	n := min(len(f.untold)-old, perNotice)
	batch := append([]failure(nil), f.untold[old:old+n]...)
	f.untold = append(f.untold[:0], f.untold[old+n:]...)
	return batch
}
