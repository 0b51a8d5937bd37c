package trace

import (
	"context"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/embedded"
)

// light is a span of a trace that is not sampled, or that nobody exports. It holds its context, its start and what it was started with, and
// drops what it is told, until its trace is promoted: from then on it is a real span with the same ids and start.
//
//	begins ──────────────► ends: nothing is exported
//	   │ promoted
//	   ▼
//	real: attributes, events and status are kept; its end exports it
//
// Safe for concurrent use.
type light struct {
	embedded.Span
	tracer  *tracer
	parent  trace.SpanContext // not valid: it begins the trace
	own     trace.SpanContext
	root    *light // the span of what came into the process; may be this one
	kind    trace.SpanKind
	began   time.Time
	name    string
	options []trace.SpanStartOption

	renamed atomic.Pointer[string]
	why     atomic.Uint32 // of a root: reasons why its trace is promoted; 0: it is not
	linked  bool          // to its parent
	real    atomic.Pointer[trace.Span]
}

// promoted says whether the span is real, or becomes it as soon as somebody wants it to be.
func (l *light) promoted() bool { return l.root.why.Load() != 0 }

// recording says whether the span is kept: promoted, and not for nobody.
func (l *light) recording() bool { return l.promoted() && !l.tracer.provider.off }

// promote makes the trace one that is exported from here on.
func (l *light) promote(why Reason) {
	root := l.root
	if root.why.Or(uint32(why))&uint32(why) == 0 && why == Failed {
		root.tracer.provider.failed.add(root.own.TraceID())
	}
}

// span is the real one; only of a promoted trace.
func (l *light) span() trace.Span {
	if s := l.real.Load(); s != nil {
		return *s
	}
	s := l.tracer.real(l)
	if l.real.CompareAndSwap(nil, &s) {
		return s
	}
	return *l.real.Load() // somebody was faster, and ours is forgotten
}

// SpanContext implements trace.Span. What goes out after a promotion is sampled.
func (l *light) SpanContext() trace.SpanContext {
	if l.promoted() {
		return l.own.WithTraceFlags(l.own.TraceFlags() | trace.FlagsSampled)
	}
	return l.own
}

// IsRecording implements trace.Span.
func (l *light) IsRecording() bool { return l.recording() }

// End implements trace.Span.
func (l *light) End(options ...trace.SpanEndOption) {
	if l.recording() {
		l.span().End(options...)
	}
}

// SetStatus implements trace.Span. An error of what came into the process is one of ours: it promotes the trace.
func (l *light) SetStatus(code codes.Code, description string) {
	if code == codes.Error && (l.kind == trace.SpanKindServer || l.kind == trace.SpanKindConsumer) {
		l.promote(Failed)
	}
	if l.recording() {
		l.span().SetStatus(code, description)
	}
}

// SetName implements trace.Span.
func (l *light) SetName(name string) {
	if l.recording() {
		l.span().SetName(name)
		return
	}
	l.renamed.Store(&name)
}

// SetAttributes implements trace.Span.
func (l *light) SetAttributes(all ...attribute.KeyValue) {
	if l.recording() {
		l.span().SetAttributes(all...)
	}
}

// AddEvent implements trace.Span.
func (l *light) AddEvent(name string, options ...trace.EventOption) {
	if l.recording() {
		l.span().AddEvent(name, options...)
	}
}

// AddLink implements trace.Span.
func (l *light) AddLink(link trace.Link) {
	if l.recording() {
		l.span().AddLink(link)
	}
}

// RecordError implements trace.Span.
func (l *light) RecordError(err error, options ...trace.EventOption) {
	if l.recording() {
		l.span().RecordError(err, options...)
	}
}

// TracerProvider implements trace.Span.
func (l *light) TracerProvider() trace.TracerProvider { return l.tracer.provider.tracers }

// real starts the span that l stands for.
func (t *tracer) real(l *light) trace.Span {
	ctx := context.Context(&forced{Context: context.Background(), trace: l.own.TraceID(), span: l.own.SpanID()})
	if l.parent.IsValid() {
		ctx = trace.ContextWithSpanContext(ctx, l.parent)
	}
	name := l.name
	if renamed := l.renamed.Load(); renamed != nil {
		name = *renamed
	}
	options := make([]trace.SpanStartOption, 0, len(l.options)+3)
	options = append(options, l.options...)
	options = append(options, trace.WithTimestamp(l.began), trace.WithSpanKind(l.kind),
		trace.WithAttributes(Reason(l.root.why.Load()).attributes()...))
	if l.linked && l.parent.IsValid() {
		options = append(options, trace.WithLinks(trace.Link{SpanContext: l.parent}))
	}
	_, span := t.sdk.Start(ctx, name, options...)
	return span
}
