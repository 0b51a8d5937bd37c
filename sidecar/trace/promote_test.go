package trace_test

import (
	"context"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// wanted is a provider that samples nothing by itself; what it exports is read back from a collector.
type wanted struct {
	*trace.Provider
	t    *testing.T
	sink *sink
}

type flowKey struct{}

func newWanted(t *testing.T) *wanted {
	t.Helper()
	w := &wanted{t: t, sink: newSink(t)}
	p, err := trace.New(t.Context(), trace.Settings{Service: "catalogs", Instance: "catalogs-1", Exporters: []string{"zipkin"}, Endpoint: w.sink.URL,
		Debugged: func(ctx context.Context) bool { return ctx.Value(flowKey{}) != nil }})
	if err != nil {
		t.Fatal(err)
	}
	w.Provider = p
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = p.Shutdown(ctx)
	})
	return w
}

// span as the collector got it.
type span struct {
	TraceID   string            `json:"traceId"`
	ID        string            `json:"id"`
	ParentID  string            `json:"parentId"`
	Name      string            `json:"name"`
	Kind      string            `json:"kind"`
	Timestamp int64             `json:"timestamp"` // µs
	Duration  int64             `json:"duration"`
	Tags      map[string]string `json:"tags"`
}

// got are all spans that were exported, by name.
func (w *wanted) got() map[string]span {
	w.t.Helper()
	if err := w.Flush(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	all := map[string]span{}
	for _, body := range w.sink.received() {
		var some []span
		if err := json.Unmarshal(body, &some); err != nil {
			w.t.Fatal(err)
		}
		for _, s := range some {
			if _, twice := all[s.Name]; twice {
				w.t.Errorf("%s was exported twice", s.Name)
			}
			all[s.Name] = s
		}
	}
	return all
}

func (w *wanted) tracer() oteltrace.Tracer { return w.TracerProvider().Tracer("test") }

// arrive is a request that came with this header.
func (w *wanted) arrive(ctx context.Context, traceparent string, what trace.What) (context.Context, oteltrace.Span) {
	in := trace.NewIncoming("test", w.TracerProvider(), w.Propagator())
	a := &trace.Arrival{}
	ctx = in.Start(ctx, a, propagation.MapCarrier{"traceparent": traceparent}, what)
	return ctx, a.Span()
}

const (
	callerTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	callerSpan  = "00f067aa0ba902b7"
	unsampled   = "00-" + callerTrace + "-" + callerSpan + "-00"
)

// What is not sampled is not exported, has ids, and children of the same trace.
func TestUnsampledIsNothing(t *testing.T) {
	t.Parallel()
	w := newWanted(t)
	ctx, span := w.arrive(t.Context(), unsampled, trace.What{Name: "server", Kind: oteltrace.SpanKindServer, Began: time.Now()})
	inner, child := w.tracer().Start(ctx, "child", oteltrace.WithSpanKind(oteltrace.SpanKindClient))
	child.SetAttributes(attribute.String("a", "b"))
	child.AddEvent("x")
	child.RecordError(context.Canceled)
	child.SetStatus(codes.Error, "a failed query is the handler's to judge")
	_, anew := w.tracer().Start(inner, "another trace", oteltrace.WithNewRoot())
	for _, s := range []oteltrace.Span{anew, child, span} {
		if s.IsRecording() || s.SpanContext().IsSampled() || !s.SpanContext().IsValid() {
			t.Errorf("%+v", s.SpanContext())
		}
		s.End()
	}
	if child.SpanContext().TraceID() != span.SpanContext().TraceID() || child.SpanContext().SpanID() == span.SpanContext().SpanID() ||
		span.SpanContext().TraceID().String() != callerTrace || anew.SpanContext().TraceID() == span.SpanContext().TraceID() {
		t.Errorf("ids: server %v, child %v, new root %v", span.SpanContext(), child.SpanContext(), anew.SpanContext())
	}
	if got := w.got(); len(got) != 0 {
		t.Errorf("exported: %v", got)
	}
}

// An error promotes from there on: the server's span with the ids that were logged and propagated, what is still open, and
// what follows, in other processes too.
func TestAnErrorPromotes(t *testing.T) {
	t.Parallel()
	w := newWanted(t)
	began := time.Now().Add(-time.Second)
	ctx, server := w.arrive(t.Context(), unsampled, trace.What{Name: "server", Kind: oteltrace.SpanKindServer, Began: began})
	_, before := w.tracer().Start(ctx, "before")
	before.End()
	open, around := w.tracer().Start(ctx, "around", oteltrace.WithAttributes(attribute.String("from", "its start")))
	propagated := server.SpanContext().SpanID()

	server.SetStatus(codes.Error, "boom")
	out := propagation.MapCarrier{}
	w.Propagator().Inject(open, out)
	if want := "00-" + callerTrace + "-" + around.SpanContext().SpanID().String() + "-01"; out["traceparent"] != want {
		t.Errorf("the next service gets %q, want %q", out["traceparent"], want)
	}
	_, after := w.tracer().Start(open, "after", oteltrace.WithSpanKind(oteltrace.SpanKindClient))
	after.End()
	around.End()
	server.End()

	got := w.got()
	s := got["server"]
	if len(got) != 3 || s.TraceID != callerTrace || s.ID != propagated.String() || s.ParentID != callerSpan || s.Kind != "SERVER" ||
		s.Tags[trace.KeyPartial] != "true" || s.Tags["error"] != "boom" || s.Timestamp-began.UnixMicro() < 0 || s.Timestamp-began.UnixMicro() > 1 || s.Duration < time.Second.Microseconds() {
		t.Errorf("exported %+v", got)
	}
	if a := got["around"]; a.ParentID != s.ID || a.Tags["from"] != "its start" || got["after"].ParentID != a.ID {
		t.Errorf("exported %+v", got)
	}

	// Another try of the same event, with the same headers: it is seen from its begin.
	_, again := w.arrive(t.Context(), unsampled, trace.What{Name: "again", Kind: oteltrace.SpanKindConsumer, Began: time.Now(), Linked: true})
	again.End()
	if got := w.got()["again"]; got.TraceID != callerTrace || got.Tags[trace.KeyPartial] != "true" {
		t.Errorf("the next try: %+v", got)
	}
}

// A flow that is found after the server's span began has that span, and all that follows.
func TestAFlowPromotes(t *testing.T) {
	t.Parallel()
	w := newWanted(t)
	ctx, server := w.arrive(t.Context(), "", trace.What{Name: "server", Kind: oteltrace.SpanKindServer, Began: time.Now()})
	server.SetName("get /things/{id}")
	trace.Promote(ctx, trace.Debug)
	_, query := w.tracer().Start(ctx, "query")
	query.End()
	server.End()
	got := w.got()
	s := got["get /things/{id}"]
	if len(got) != 2 || s.Tags[trace.KeyDebug] != "true" || s.Tags[trace.KeyPartial] != "" || got["query"].ParentID != s.ID || s.ParentID != "" {
		t.Errorf("exported %+v", got)
	}

	// In a flow from the begin, with and without a caller who has not sampled, and where no span is above.
	flow := context.WithValue(t.Context(), flowKey{}, true)
	_, downstream := w.arrive(flow, unsampled, trace.What{Name: "downstream", Kind: oteltrace.SpanKindServer, Began: time.Now()})
	downstream.End()
	_, root := w.tracer().Start(flow, "root")
	root.End()
	if got = w.got(); got["downstream"].ParentID != callerSpan || got["downstream"].Tags[trace.KeyDebug] != "true" || got["root"].Tags[trace.KeyDebug] != "true" {
		t.Errorf("exported %+v", got)
	}
}

// Whoever promotes, ends and begins at the same time comes to no harm: each span is exported once or not at all.
func TestPromotionIsSafeForConcurrentUse(t *testing.T) {
	t.Parallel()
	w := newWanted(t)
	for range 50 {
		ctx, server := w.arrive(t.Context(), "", trace.What{Name: oteltrace.SpanID{}.String(), Kind: oteltrace.SpanKindServer, Began: time.Now()})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() { trace.Promote(ctx, trace.Failed) })
			all.Go(func() {
				server.SetAttributes(attribute.Int("n", 1))
				server.SetName(server.SpanContext().SpanID().String())
			})
			all.Go(func() {
				_, s := w.tracer().Start(ctx, "x")
				s.SetName(s.SpanContext().SpanID().String())
				s.End()
			})
		}
		all.Wait()
		server.SetName(server.SpanContext().SpanID().String())
		server.End()
		server.End()
	}
	servers := 0
	for _, s := range w.got() {
		if s.Kind == "SERVER" {
			servers++
		}
	}
	if servers != 50 {
		t.Errorf("%d of 50 server spans exported", servers)
	}
}

// TestUnsampledCostsNextToNothing counts what a request that is not sampled allocates: nothing but what its owner keeps of it.
func TestUnsampledCostsNextToNothing(t *testing.T) {
	w := newWanted(t)
	in := trace.NewIncoming("test", w.TracerProvider(), w.Propagator())
	type request struct{ trace.Arrival }
	began, what := time.Now(), trace.What{Name: "GET", Kind: oteltrace.SpanKindServer, Method: "GET", Path: "/x"}
	for name, headers := range map[string]propagation.HeaderCarrier{"no caller": {}, "a caller": {"Traceparent": {unsampled}}} {
		n := testing.AllocsPerRun(100, func() {
			r := &request{}
			what.Began = began
			in.Start(t.Context(), &r.Arrival, headers, what)
			r.Span().End()
		})
		t.Logf("METRIC unsampled_arrival_allocations=%.0f limit=1 (%s: what its owner keeps of the request)", n, name)
		if n > 1 {
			t.Errorf("%s: %v allocations, want the request's alone", name, n)
		}
	}
}
