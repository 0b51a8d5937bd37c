package timed_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// line is a bus of one service in memory and without time of its own, for tests with a clock of their own: what is
// published is kept, and deliveries are handed in by the test.
type line struct {
	bus.Bus
	mu       sync.Mutex
	handlers map[string]bus.Handler // by exchange
	sent     []said
	refuse   int // publishes that fail from now on
	began    time.Time
}

type said struct {
	after time.Duration
	key   string
	timed.Receipt
}

var errAway = errors.New("away")

func (l *line) Subscribe(_ context.Context, s bus.Subscription) (func(context.Context) error, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handlers[s.Exchange] = s.Handler
	return func(context.Context) error { return nil }, nil
}

func (l *line) Publish(ctx context.Context, p bus.Publication) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if l.refuse > 0 {
		l.refuse--
		return errAway
	}
	s := said{after: time.Since(l.began), key: p.Key}
	if err := json.Unmarshal(p.Event.Data, &s.Receipt); err != nil {
		return err
	}
	l.sent = append(l.sent, s)
	return nil
}

func (l *line) all() []said {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.sent
}

func newLine(t *testing.T, h timed.Handler) *line {
	t.Helper()
	l := &line{handlers: map[string]bus.Handler{}, began: time.Now()}
	r := timed.New(timed.Settings{Service: "billing", Instance: "billing-1", Bus: l, Declare: declareNothing})
	if err := r.Add(timed.Schedule{Name: "billing.close", Every: time.Hour}, h); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Stop(context.Background()) })
	return l
}

func (l *line) deliver(ctx context.Context, f timed.Fire, try int) error {
	data, _ := json.Marshal(f)
	return l.handlers[bus.Schedule](ctx, bus.Delivery{Event: bus.Event{ID: f.ID, Type: timed.EventFired, Data: data}, Attempt: try})
}

func (l *line) cancel(t *testing.T, id string) {
	t.Helper()
	data, _ := json.Marshal(timed.Cancel{FireID: id, Reason: "the next one comes"})
	if err := l.handlers[bus.Control](t.Context(), bus.Delivery{Event: bus.Event{Type: timed.EventCancel, Data: data}}); err != nil {
		t.Error(err)
	}
}

// Nothing is told of a handler that is quick; of one that is not, that it is at work after a second, and then its newest
// progress once a second at most. A message that was not taken comes again.
func TestProgressIsToldOnceASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		steps := 0
		l := newLine(t, func(ctx context.Context, _ pg.Tx, f timed.Fire) error {
			if f.Payload == nil {
				timed.Progress(ctx, 0.5, "quick")
				return nil
			}
			<-time.After(1500 * time.Millisecond)
			for steps = range 300 {
				timed.Progress(ctx, float64(steps)/300, "step "+strings.Repeat("x", steps))
				<-time.After(10 * time.Millisecond)
			}
			timed.Progress(ctx, 7, "end")
			timed.Result(ctx, "all "+strings.Repeat("y", 3000))
			<-time.After(1001 * time.Millisecond)
			return nil
		})
		quick := oneFire()
		if err := l.deliver(t.Context(), quick, 1); err != nil {
			t.Fatal(err)
		}
		if sent := l.all(); len(sent) != 1 || sent[0].key != "billing.fire.completed" {
			t.Fatalf("%+v", sent)
		}
		slow := oneFire()
		slow.ID, slow.Payload, slow.Deadline = slow.ID+"#2", json.RawMessage(`1`), time.Minute
		began := time.Since(l.began)
		l.refuse = 1
		if err := l.deliver(t.Context(), slow, 1); err != nil {
			t.Fatal(err)
		}
		var at []time.Duration
		for i, s := range l.all()[1:] {
			at = append(at, s.after-began)
			if i > 0 && s.after-l.all()[i].after < time.Second && s.key == "billing.fire.progress" {
				t.Errorf("two messages within a second: %v", at)
			}
		}
		all := l.all()[1:]
		end := all[len(all)-1]
		if len(all) < 4 || len(all) > 6 || end.key != "billing.fire.completed" || len(end.Result) != 2000+len("…") || end.Progress != nil {
			t.Errorf("%d messages at %v, %+v", len(all), at, end)
		}
		if p := all[len(all)-2]; p.Progress == nil || *p.Progress != 1 || p.Note != "end" || p.key != "billing.fire.progress" {
			t.Errorf("the last progress: %+v", p)
		}
	})
}

// Whoever wants to know when it was received is told at once.
func TestReceivedIsToldAtOnceOrAfterASecond(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLine(t, func(ctx context.Context, _ pg.Tx, f timed.Fire) error {
			timed.Progress(context.Background(), 1, "of nobody")
			<-time.After(1100 * time.Millisecond)
			return nil
		})
		for _, doneWhen := range []string{timed.DoneReceived, timed.DoneCompleted} {
			f := oneFire()
			f.ID, f.DoneWhen = f.ID+doneWhen, doneWhen
			began := time.Since(l.began)
			if err := l.deliver(t.Context(), f, 1); err != nil {
				t.Fatal(err)
			}
			all := l.all()
			first := all[len(all)-2]
			want := map[string]time.Duration{timed.DoneReceived: 0, timed.DoneCompleted: time.Second}[doneWhen]
			if first.key != "billing.fire.received" || first.after-began != want || first.FireID != f.ID || first.Progress != nil {
				t.Errorf("%s: %+v after %s", doneWhen, first, first.after-began)
			}
		}
	})
}

// A cancel ends the fire that runs, with the cause, and finally; one that comes before its fire ends it too. Others run on.
func TestCancel(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := atomic.Int32{}
		l := newLine(t, func(ctx context.Context, _ pg.Tx, _ timed.Fire) error {
			runs.Add(1)
			select {
			case <-ctx.Done():
				if !errors.Is(context.Cause(ctx), timed.ErrCancelled) {
					t.Errorf("the cause is %v", context.Cause(ctx))
				}
				return ctx.Err()
			case <-time.After(10 * time.Second):
				return nil
			}
		})
		f, other, later := oneFire(), oneFire(), oneFire()
		f.Deadline, other.Deadline, other.ID, later.ID = time.Minute, time.Minute, other.ID+"#other", later.ID+"#later"
		var both sync.WaitGroup
		for _, one := range []timed.Fire{f, other} {
			both.Go(func() {
				if err := l.deliver(t.Context(), one, 1); err != nil {
					t.Error(err)
				}
			})
		}
		synctest.Wait()
		l.cancel(t, f.ID)
		l.cancel(t, later.ID)
		l.cancel(t, "catalogs.x@2026-01-01T00:00:00Z")
		synctest.Wait()
		sent := l.all()
		if len(sent) != 1 || sent[0].FireID != f.ID || sent[0].Error != timed.ErrorCancelled || !sent[0].Final || sent[0].key != "billing.fire.failed" {
			t.Fatalf("%+v", sent)
		}
		if err := l.deliver(t.Context(), later, 1); err != nil {
			t.Fatal(err)
		}
		both.Wait()
		if sent = l.all(); len(sent) < 3 || runs.Load() != 2 {
			t.Fatalf("%d runs, %+v", runs.Load(), sent)
		}
		for _, s := range sent {
			if s.FireID == later.ID && (s.Error != timed.ErrorCancelled || !s.Final) || s.FireID == other.ID && s.Error != "" {
				t.Errorf("%+v", s)
			}
		}
	})
}

// A stop in the middle is no failure: the bus delivers the attempt again, here or elsewhere, and it is run again. Only an
// attempt that the bus is about to give up is reported as failed.
func TestAStopInterruptsAndTheBusDeliversAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		runs := 0
		l := newLine(t, func(ctx context.Context, _ pg.Tx, _ timed.Fire) error {
			if runs++; runs == 6 {
				return nil
			}
			<-ctx.Done()
			return ctx.Err()
		})
		f := oneFire()
		for try := 1; try <= 5; try++ {
			ctx, stop := context.WithTimeout(t.Context(), time.Second/2)
			err := l.deliver(ctx, f, try)
			stop()
			if last := try == 5; last != (err == nil) || last != (len(l.all()) == 1) {
				t.Fatalf("try %d: %v, %+v", try, err, l.all())
			}
		}
		if s := l.all()[0]; !strings.HasPrefix(s.Error, "interrupted") || s.Final {
			t.Errorf("%+v", s)
		}
		f.Attempt = 2
		if err := l.deliver(t.Context(), f, 1); err != nil || runs != 6 || l.all()[1].key != "billing.fire.completed" {
			t.Errorf("%v, %d runs, %+v", err, runs, l.all())
		}
	})
}

// What was done, and could not be told, is told when the bus delivers it again; it is not done again.
func TestAReceiptThatNobodyTookIsOwed(t *testing.T) {
	t.Parallel()
	for name, handled := range map[string]error{"completed": nil, "failed": errors.New("no money")} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runs := 0
			l := newLine(t, func(context.Context, pg.Tx, timed.Fire) error { runs++; return handled })
			f := oneFire()
			l.refuse = 2
			for try := 1; try <= 4; try++ {
				if err := l.deliver(t.Context(), f, try); (try <= 2) != errors.Is(err, errAway) || try > 2 && err != nil {
					t.Fatalf("try %d: %v", try, err)
				}
			}
			if all := l.all(); runs != 1 || len(all) != 1 || all[0].key != "billing.fire."+name {
				t.Errorf("%d runs, %+v", runs, all)
			}
		})
	}
}

// While a fire runs, a second delivery of it waits, and then finds it done.
func TestAFireRunsOnceAtATime(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var runs, most, now atomic.Int32
		l := newLine(t, func(context.Context, pg.Tx, timed.Fire) error {
			most.Store(max(most.Load(), now.Add(1)))
			defer now.Add(-1)
			<-time.After(time.Second / 2)
			if runs.Add(1) == 1 {
				return errors.New("not yet")
			}
			return nil
		})
		var all sync.WaitGroup
		for i := range 6 {
			f := oneFire()
			f.Attempt = 1 + i%2
			all.Go(func() {
				if err := l.deliver(t.Context(), f, 1); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if most.Load() != 1 || runs.Load() > 2 {
			t.Errorf("%d at once, %d runs", most.Load(), runs.Load())
		}
	})
}

type account struct {
	Account string `json:"account"`
	Days    int    `json:"days"`
}

// The payload is taken as it was declared, or not at all: what is wrong with it will be wrong the next time too.
func TestTypedHandler(t *testing.T) {
	t.Parallel()
	for payload, want := range map[string]string{
		`{"account":"a","days":3}`:        "",
		``:                                "",
		`{"account":"a","day":3}`:         `payload of billing.close: is no timed_test.account: json: unknown field "day"`,
		`{"account":7}`:                   "payload of billing.close: is no timed_test.account: json: cannot unmarshal number into Go struct field account.account of type string",
		`[]`:                              "payload of billing.close: is no timed_test.account: json: cannot unmarshal array into Go value of type timed_test.account",
		`{"account":"a"} {"account":"b"}`: "payload of billing.close: is no timed_test.account: there is more behind it",
	} {
		var got account
		h := timed.Typed(func(_ context.Context, _ pg.Tx, _ timed.Fire, p account) error { got = p; return nil })
		err := h(t.Context(), nil, timed.Fire{Schedule: "billing.close", Payload: json.RawMessage(payload)})
		if want == "" && (err != nil || payload != "" && got != account{"a", 3}) || want != "" && (err == nil || err.Error() != want || !timed.IsFinal(err)) {
			t.Errorf("%s: %v, %+v", payload, err, got)
		}
	}
	if timed.IsFinal(errors.New("x")) {
		t.Error("an error is not final by itself")
	}
}

// The attempt's span is a child of the delivery's, and has a link to the publication's.
func TestTheSpanHasALinkToTheFire(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	l := &line{handlers: map[string]bus.Handler{}, began: time.Now()}
	r := timed.New(timed.Settings{Service: "billing", Instance: "billing-1", Bus: l, Declare: declareNothing, TracerProvider: provider, Notified: true})
	if err := r.Add(timed.Schedule{Name: "billing.close", Every: time.Hour}, func(context.Context, pg.Tx, timed.Fire) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Stop(context.Background()) }()
	if l.handlers[bus.Control] != nil {
		t.Error("listens to the control exchange, which somebody else does")
	}
	ctx, delivery := provider.Tracer("bus").Start(t.Context(), "process")
	data, _ := json.Marshal(oneFire())
	err := l.handlers[bus.Schedule](ctx, bus.Delivery{Event: bus.Event{ID: "x", Data: data, Headers: map[string]string{
		"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}}, Attempt: 1})
	if err != nil {
		t.Fatal(err)
	}
	ended := spans.Ended()
	if len(ended) != 1 || ended[0].Parent().SpanID() != delivery.SpanContext().SpanID() || len(ended[0].Links()) != 1 {
		t.Fatalf("%+v", ended)
	}
	if link := ended[0].Links()[0].SpanContext; link.TraceID().String() != "4bf92f3577b34da6a3ce929d0e0e4736" || link.SpanID().String() != "00f067aa0ba902b7" {
		t.Errorf("%+v", link)
	}
	if got := l.all()[0].TraceID; got != delivery.SpanContext().TraceID().String() || ended[0].SpanKind() != trace.SpanKindConsumer {
		t.Errorf("the receipt names trace %s", got)
	}
}

// Timed handles fires that others have declared, and answers for their service; what is over is dropped.
func TestRoute(t *testing.T) {
	t.Parallel()
	l := &line{handlers: map[string]bus.Handler{}, began: time.Now()}
	r := timed.New(timed.Settings{Service: "scheduler", Instance: "scheduler-1", Bus: l, Declare: declareNothing})
	err := r.Route(timed.Route{Queue: "scheduler.http", Key: "scheduler.target.http", Find: func(_ context.Context, f timed.Fire) (string, timed.Handler, error) {
		switch {
		case strings.HasSuffix(f.ID, "over"):
			return "", nil, timed.ErrOver
		case strings.HasSuffix(f.ID, "away"):
			return "", nil, errAway
		}
		return "catalogs", func(ctx context.Context, _ pg.Tx, _ timed.Fire) error { timed.Result(ctx, "200"); return nil }, nil
	}})
	if err != nil {
		t.Fatal(err)
	}
	if err := r.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	defer func() { _ = r.Stop(context.Background()) }()
	for _, end := range []string{"over", "away", ""} {
		f := oneFire()
		f.ID += end
		if err := l.deliver(t.Context(), f, 1); err != nil {
			t.Fatal(err)
		}
	}
	all := l.all()
	if len(all) != 2 || all[0].key != "billing.fire.failed" || all[0].Error != "away" || all[1].key != "catalogs.fire.completed" ||
		all[1].Service != "catalogs" || all[1].Instance != "scheduler-1" || all[1].Result != "200" {
		t.Errorf("%+v", all)
	}
	var none *timed.Timed
	if err := none.Route(timed.Route{}); !errors.Is(err, timed.ErrNoBus) {
		t.Error(err)
	}
	if err := r.Route(timed.Route{}); err == nil {
		t.Error("a route after the start is taken")
	}
}
