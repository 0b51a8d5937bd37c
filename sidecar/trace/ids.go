package trace

import (
	"context"
	"encoding/binary"
	"math/rand/v2"

	"go.opentelemetry.io/otel/trace"
)

// newTraceID is random by the runtime's generator of each thread: no lock, no allocation, and not to be foretold.
func newTraceID() (id trace.TraceID) {
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:8], rand.Uint64())
		binary.NativeEndian.PutUint64(id[8:], rand.Uint64())
	}
	return id
}

func newSpanID() (id trace.SpanID) {
	for !id.IsValid() {
		binary.NativeEndian.PutUint64(id[:], rand.Uint64())
	}
	return id
}

// forced is the context of a span that has its ids already.
type forced struct {
	context.Context
	trace trace.TraceID
	span  trace.SpanID
}

type forcedKey struct{}

// Value implements context.Context.
func (f *forced) Value(key any) any {
	if _, ours := key.(forcedKey); ours {
		return f
	}
	return f.Context.Value(key)
}

// ids is the SDK's generator. It makes new ones but for spans that have theirs.
type ids struct{}

// NewIDs implements sdktrace.IDGenerator.
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	if f, ok := ctx.Value(forcedKey{}).(*forced); ok {
		return f.trace, f.span
	}
	return newTraceID(), newSpanID()
}

// NewSpanID implements sdktrace.IDGenerator.
func (ids) NewSpanID(ctx context.Context, of trace.TraceID) trace.SpanID {
	if f, ok := ctx.Value(forcedKey{}).(*forced); ok && f.trace == of {
		return f.span
	}
	return newSpanID()
}
