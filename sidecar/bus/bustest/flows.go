package bustest

import (
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"sync"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// signed makes flows of two services whose signatures they believe.
func signed(t *testing.T) (a, b *debug.Flows) {
	t.Helper()
	key, err := servicetoken.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	signer, err := servicetoken.NewSigner("lab", key)
	if err != nil {
		t.Fatal(err)
	}
	own, ok := key.Public().(ed25519.PublicKey)
	if !ok {
		t.Fatal("a key of another kind")
	}
	bundle := servicetoken.NewBundle(servicetoken.Keys{"lab": {own}})
	return debug.NewFlows(debug.Settings{Sign: signer.SignGrant, Verify: bundle.VerifyGrant}), debug.NewFlows(debug.Settings{Verify: bundle.VerifyGrant})
}

// released notes the traces whose end was a failure.
type released struct {
	mu  sync.Mutex
	all map[[16]byte]int
}

func (r *released) On() bool { return true }

func (r *released) Latency() time.Duration { return 0 }

func (r *released) Release(trace trace.TraceID, _ string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all == nil {
		r.all = map[[16]byte]int{}
	}
	r.all[trace]++
	return 1
}

func (r *released) of(trace [16]byte) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all[trace]
}

// testDebugFlow: an event that is published in a flow is handled in it, after a failure and a retry too, and no other is;
// the handler does not see the token. The failure is reported with its trace.
func testDebugFlow(t *testing.T, l *lab) {
	traces := sdktrace.NewTracerProvider()
	here, there := signed(t)
	kept := &released{}
	failures := debug.NewFailures(debug.FailureSettings{Service: "lab", Instance: "b", Box: kept})
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { _ = failures.Run(ctx) })
	t.Cleanup(func() { cancel(); running.Wait() })
	a := l.openClient(bus.Client{Service: "lab", Instance: "a", TracerProvider: traces, Flows: here})
	b := l.openClient(bus.Client{Service: "lab", Instance: "b", TracerProvider: traces, Flows: there, Failures: failures})

	type seen struct {
		in      bool
		token   string
		attempt int
		id      string
	}
	got := make(chan seen, 10)
	l.subscribe(b, bus.Subscription{Queue: "lab.watched", Keys: []string{"watched"}, Handler: func(ctx context.Context, d bus.Delivery) error {
		in := there.Lets(ctx, slog.LevelDebug-4, false) && !there.Lets(ctx, slog.LevelDebug-5, false)
		got <- seen{in, d.Debug, d.Attempt, d.ID}
		if d.Attempt == 1 && d.ID == "watched-1" {
			return errors.New("not yet")
		}
		return nil
	}})
	here.Apply([]lease.Lease{{ID: "l-1", Value: `{"level":"DEBUG-4","user":"42"}`, Until: time.Now().Add(time.Minute)}})
	publish := func(user string, n int) (trace [16]byte) {
		ctx, span := traces.Tracer("test").Start(t.Context(), "request")
		defer span.End()
		ctx, end := here.Match(ctx, debug.Request{User: user})
		defer end()
		if err := a.Publish(ctx, to("watched", event("watched", n))); err != nil {
			t.Fatal(err)
		}
		return span.SpanContext().TraceID()
	}
	failed, fine := publish("42", 1), publish("7", 2)
	for range 3 {
		one := <-got
		mine := one.id == "watched-1"
		if one.in != mine || one.token != "" {
			t.Errorf("%+v", one)
		}
	}
	l.eventually("the failure to be reported", func() bool { return kept.of(failed) == 1 })
	if kept.of(fine) != 0 {
		t.Error("a good event's trace is released")
	}
	l.eventually("the flows to end", func() bool { return !there.Active() && !here.Active() })
}
