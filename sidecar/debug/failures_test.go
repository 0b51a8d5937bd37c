package debug_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
)

// box notes what is released.
type box struct {
	latency time.Duration
	off     bool

	mu  sync.Mutex
	why map[[16]byte][]string
}

func (b *box) On() bool { return !b.off }

func (b *box) Latency() time.Duration { return b.latency }

func (b *box) Release(trace oteltrace.TraceID, why string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.why == nil {
		b.why = map[[16]byte][]string{}
	}
	b.why[trace] = append(b.why[trace], why)
	return 1
}

func (b *box) of(trace byte) []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.why[[16]byte{trace, 15: 1}]
}

// exchange is a fanout to all who are in it.
type exchange struct {
	mu       sync.Mutex
	all      []*debug.Failures
	messages [][]byte
	fails    error
}

func (e *exchange) publish(_ context.Context, data []byte) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.fails != nil {
		return e.fails
	}
	e.messages = append(e.messages, data)
	for _, f := range e.all {
		f.Notice(data)
	}
	return nil
}

func (e *exchange) sent() int {
	e.mu.Lock()
	defer e.mu.Unlock()
	return len(e.messages)
}

// join makes the failures of a service, which run until the test's bubble ends.
func (e *exchange) join(t *testing.T, m *mesh, service string) (*debug.Failures, *box, *prometheus.Registry) {
	t.Helper()
	kept, registry := &box{}, prometheus.NewRegistry()
	f := debug.NewFailures(debug.FailureSettings{Service: service, Instance: service + "-1", Box: kept, Publish: e.publish,
		Sign: m.signers[service].SignMessage, Verify: m.bundle.VerifyMessage, Registerer: registry})
	e.mu.Lock()
	e.all = append(e.all, f)
	e.mu.Unlock()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); _ = f.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ran })
	return f, kept, registry
}

func traced(trace byte) context.Context {
	return oteltrace.ContextWithSpanContext(context.Background(), oteltrace.NewSpanContext(oteltrace.SpanContextConfig{
		TraceID: oteltrace.TraceID{trace, 15: 1}, SpanID: oteltrace.SpanID{1}}))
}

func why(text string) func() string { return func() string { return text } }

func counted(t *testing.T, r *prometheus.Registry, name, label string) float64 {
	t.Helper()
	all, err := r.Gather()
	check(t, err)
	for _, family := range all {
		for _, one := range family.GetMetric() {
			if family.GetName() == name && (label == "" || one.GetLabel()[0].GetValue() == label) {
				return one.GetCounter().GetValue()
			}
		}
	}
	return -1
}

// A trace that fails in one service is released in all, and one that ends well in none.
func TestAFailedTraceIsReleasedEverywhere(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, e := newMesh(t, "gateway", "catalogs"), &exchange{}
		gateway, here, _ := e.join(t, m, "gateway")
		catalogs, there, registry := e.join(t, m, "catalogs")
		catalogs.Ended(traced(1), true, time.Millisecond, why("GET /x: 500"))
		catalogs.Ended(traced(2), false, time.Hour, why("GET /y: 200"))
		synctest.Wait()
		gateway.Ended(traced(1), true, time.Millisecond, why("GET /api/: 502")) // it knows: nobody is told again
		synctest.Wait()
		<-time.After(time.Second)
		if got := there.of(1); len(got) != 1 || got[0] != "GET /x: 500" {
			t.Errorf("released where it failed: %q", got)
		}
		if got := here.of(1); len(got) != 2 || got[0] != "catalogs: GET /x: 500" {
			t.Errorf("released elsewhere: %q", got)
		}
		if n := len(here.of(2)) + len(there.of(2)); n != 0 || e.sent() != 1 {
			t.Errorf("a good trace was released %d times, %d messages", n, e.sent())
		}
		if n := counted(t, registry, "signalbox_trace_failed_total", "told"); n != 1 {
			t.Errorf("told of %v traces", n)
		}
	})
}

func TestLatencyBound(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, e := newMesh(t, "catalogs"), &exchange{}
		f, kept, _ := e.join(t, m, "catalogs")
		f.Ended(traced(1), false, time.Hour, why("GET /x"))
		kept.latency = 100 * time.Millisecond
		f.Ended(traced(2), false, 100*time.Millisecond, why("GET /x"))
		f.Ended(traced(3), false, 101*time.Millisecond, why("GET /x"))
		f.Ended(traced(4), false, 0, why("a stream"))
		synctest.Wait()
		if n := len(kept.of(1)) + len(kept.of(2)) + len(kept.of(4)); n != 0 {
			t.Errorf("%d releases for nothing", n)
		}
		if got := kept.of(3); len(got) != 1 || !strings.Contains(got[0], "took 101 ms, the bound is 100 ms") {
			t.Errorf("%q", got)
		}
		f.Ended(context.Background(), true, 0, why("without a trace"))
	})
}

// However much fails, there are 20 messages a second, the rest is counted, and who reports waits for nobody.
func TestFailuresAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, e := newMesh(t, "catalogs"), &exchange{}
		f, _, registry := e.join(t, m, "catalogs")
		trace := 0
		for range 40 { // 2 s
			for range 1000 {
				trace++
				sc := oteltrace.NewSpanContext(oteltrace.SpanContextConfig{TraceID: oteltrace.TraceID{byte(trace), byte(trace >> 8), byte(trace >> 16), 15: 1}, SpanID: oteltrace.SpanID{1}})
				f.Ended(oteltrace.ContextWithSpanContext(context.Background(), sc), true, 0, why(strings.Repeat("é", 500)))
			}
			<-time.After(50 * time.Millisecond)
		}
		sent := e.sent()
		told, dropped := counted(t, registry, "signalbox_trace_failed_total", "told"), counted(t, registry, "signalbox_trace_failed_total", "dropped")
		t.Logf("METRIC messages_in_2s=%d limit=41; %v traces told, %v dropped of %d", sent, told, dropped, trace)
		if sent > 41 || sent < 35 || told > 41*64 || dropped <= 0 {
			t.Errorf("%d messages, %v told, %v dropped", sent, told, dropped)
		}
		for _, data := range e.messages {
			if len(data) > 32<<10 {
				t.Fatalf("a message of %d bytes", len(data))
			}
		}
	})
}

// A broker that is away holds up neither who reports nor what is released here.
func TestFailuresWithoutABroker(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m, e := newMesh(t, "catalogs"), &exchange{fails: errors.New("away")}
		f, kept, registry := e.join(t, m, "catalogs")
		for range 3 {
			f.Ended(traced(1), true, 0, why("GET /x: 500"))
		}
		synctest.Wait()
		if len(kept.of(1)) != 3 {
			t.Errorf("released %d times", len(kept.of(1)))
		}
		if n := counted(t, registry, "signalbox_trace_failed_total", "unsent"); n != 1 {
			t.Errorf("%v unsent", n)
		}
	})
}

func TestNoticesThatAreNotBelieved(t *testing.T) {
	t.Parallel()
	m, stranger := newMesh(t, "gateway", "catalogs"), newMesh(t, "gateway")
	said := func(change func(map[string]any)) []byte {
		n := map[string]any{"kind": debug.TraceFailed, "service": "gateway", "instance": "gateway-1", "issued_at": time.Now().UnixMilli(),
			"traces": []map[string]string{{"trace": "01000000000000000000000000000001", "why": "x"}}}
		change(n)
		payload, err := json.Marshal(n)
		check(t, err)
		return payload
	}
	same := func(map[string]any) {}
	sealed := func(token string, err error) []byte {
		check(t, err)
		data, err := json.Marshal(map[string]string{"token": token, "service": "gateway"})
		check(t, err)
		return data
	}
	gateway := m.signers["gateway"]
	for name, c := range map[string]struct {
		data   []byte
		reason string
	}{
		"good":              {sealed(gateway.SignMessage(said(same))), ""},
		"a stranger's key":  {sealed(stranger.signers["gateway"].SignMessage(said(same))), "forged"},
		"another's name":    {sealed(gateway.SignMessage(said(func(n map[string]any) { n["service"] = "catalogs" }))), "forged"},
		"another's key":     {sealed(m.signers["catalogs"].SignMessage(said(same))), "forged"},
		"a grant":           {sealed(gateway.SignGrant(said(same))), "forged"},
		"old":               {sealed(gateway.SignMessage(said(func(n map[string]any) { n["issued_at"] = time.Now().Add(-2 * time.Minute).UnixMilli() }))), "expired"},
		"to come":           {sealed(gateway.SignMessage(said(func(n map[string]any) { n["issued_at"] = time.Now().Add(2 * time.Minute).UnixMilli() }))), "expired"},
		"an acknowledgment": {sealed(gateway.SignMessage([]byte(`{"revision":7,"lease_id":"x","service":"gateway","instance":"gateway-1","error":""}`))), "malformed"},
		"no traces":         {sealed(gateway.SignMessage(said(func(n map[string]any) { n["traces"] = nil }))), "malformed"},
		"65 traces":         {sealed(gateway.SignMessage(said(func(n map[string]any) { n["traces"] = make([]map[string]string, 65) }))), "malformed"},
		"half a trace":      {sealed(gateway.SignMessage(said(func(n map[string]any) { n["traces"] = []map[string]string{{"trace": "0100", "why": "x"}} }))), "malformed"},
		"no JSON":           {[]byte("x"), "malformed"},
		"no token":          {[]byte("{}"), "malformed"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				kept, registry := &box{}, prometheus.NewRegistry()
				f := debug.NewFailures(debug.FailureSettings{Service: "catalogs", Instance: "catalogs-1", Box: kept, Verify: m.bundle.VerifyMessage, Registerer: registry, Clock: m.clock})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				go func() { _ = f.Run(ctx) }()
				f.Notice(c.data)
				synctest.Wait()
				if got := kept.of(1); (len(got) == 1) != (c.reason == "") {
					t.Errorf("released: %q", got)
				}
				if c.reason != "" && counted(t, registry, "signalbox_trace_failed_rejected_total", c.reason) != 1 {
					t.Errorf("it is not counted as %s", c.reason)
				}
			})
		})
	}
}

func TestWhereNothingIsKeptNoNoticeIsVerified(t *testing.T) {
	t.Parallel()
	for _, off := range []bool{false, true} {
		verified := 0
		f := debug.NewFailures(debug.FailureSettings{Service: "catalogs", Box: &box{off: off}, Verify: func(string, string) ([]byte, error) {
			verified++
			return nil, errors.New("forged")
		}})
		f.Notice([]byte(`{"token":"a.b.c","service":"gateway"}`))
		if (verified == 0) != off {
			t.Errorf("off %v: %d verified", off, verified)
		}
	}
}

func FuzzNotice(f *testing.F) {
	f.Add([]byte(`{"token":"a.b.c","service":"gateway"}`), []byte(`{"kind":"signalbox.trace.failed","service":"gateway","traces":[{"trace":"4bf9","why":"x"}]}`))
	f.Fuzz(func(t *testing.T, data, payload []byte) {
		kept := &box{}
		one := debug.NewFailures(debug.FailureSettings{Service: "catalogs", Box: kept, Verify: func(string, string) ([]byte, error) { return payload, nil }})
		one.Notice(data)
	})
}

func BenchmarkEnded(b *testing.B) {
	f := debug.NewFailures(debug.FailureSettings{})
	ctx := b.Context()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		f.Ended(ctx, false, time.Millisecond, func() string { return fmt.Sprint(i) })
	}
}
