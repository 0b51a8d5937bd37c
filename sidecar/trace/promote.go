package trace

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
)

// Attributes of the spans of a promoted trace.
const (
	KeyPartial = "signalbox.partial" // an error promoted it: what came before is missing
	KeyDebug   = "signalbox.debug"   // a debug flow promoted it
)

// Reason why a trace that was not sampled is exported after all. Reasons add up.
type Reason uint32

// Reasons.
const (
	Debug Reason = 1 << iota
	Failed
)

func (r Reason) attributes() (all []attribute.KeyValue) {
	if r&Debug != 0 {
		all = append(all, attribute.Bool(KeyDebug, true))
	}
	if r&Failed != 0 {
		all = append(all, attribute.Bool(KeyPartial, true))
	}
	return all
}

// Promote exports the trace of ctx from here on: every span of it that has not ended yet in this process, every one that
// begins from now on, and what goes out from now on is sampled. A sampled trace is only marked, and that only for Debug.
// Outside of a span it does nothing. Safe for concurrent use; its cost is that of one lookup in ctx.
func Promote(ctx context.Context, why Reason) {
	switch span := trace.SpanFromContext(ctx).(type) {
	case *light:
		span.promote(why)
	default:
		if why&Debug != 0 && span.IsRecording() {
			span.SetAttributes(attribute.Bool(KeyDebug, true))
		}
	}
}

// failures remembers the traces that an error has promoted here, so that what comes of them next, such as another try of
// an event, is seen whole. Bounded: a newer one may take an older one's place. Lock-free.
type failures struct {
	slots [256]atomic.Pointer[failure]
}

type failure struct {
	trace trace.TraceID
	until time.Time
}

// remembered is how long.
const remembered = time.Minute

func (f *failures) slot(id trace.TraceID) *atomic.Pointer[failure] { return &f.slots[id[15]] }

func (f *failures) add(id trace.TraceID) {
	f.slot(id).Store(&failure{trace: id, until: time.Now().Add(remembered)})
}

func (f *failures) has(id trace.TraceID) bool {
	known := f.slot(id).Load()
	return known != nil && known.trace == id && time.Now().Before(known.until)
}
