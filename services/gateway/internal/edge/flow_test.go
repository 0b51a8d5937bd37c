package edge

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.opentelemetry.io/otel/propagation"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/ratelimit"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/route"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/upstream"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/debug/debugtest"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// TestTheMeshAloneStamps: what comes from outside with a token goes on without, and is counted; what a lease is for gets
// the gateway's own; no answer carries one, whatever the service says.
func TestTheMeshAloneStamps(t *testing.T) {
	t.Parallel()
	flows := debugtest.Flows(t)
	table, err := route.NewTable([]route.Route{{Pattern: "/api/x/", Service: "x", Rule: access.Public(), Timeout: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var got http.Header
	e := New(Settings{
		Routes: table, Verifier: nobody{}, Limiter: ratelimit.NewLocal(nil), Limits: DefaultLimits(), Logger: slog.New(slog.DiscardHandler),
		TracerProvider: sdktrace.NewTracerProvider(), Propagator: propagation.TraceContext{}, Flows: flows, Registerer: prometheus.NewRegistry(),
		Upstream: roundTrip(func(r *http.Request) (*http.Response, error) {
			mu.Lock()
			defer mu.Unlock()
			got = r.Header.Clone()
			h := http.Header{"Signalbox-Debug": r.Header.Values(debug.Header), "Signalbox-Other": {"x"}}
			return &http.Response{StatusCode: http.StatusOK, Header: h, Body: io.NopCloser(bytes.NewReader(nil)), Request: r}, nil
		}),
	})
	s := httptest.NewServer(e)
	t.Cleanup(s.Close)
	call := func(header ...string) []string {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), "GET", s.URL+"/api/x/y", nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header[header[i]] = append(r.Header[header[i]], header[i+1])
		}
		resp, err := s.Client().Do(r)
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		for name := range resp.Header {
			if strings.HasPrefix(name, "Signalbox-") {
				t.Errorf("the answer has %s", name)
			}
		}
		mu.Lock()
		defer mu.Unlock()
		return got[debug.Header]
	}
	flows.Apply([]lease.Lease{{ID: "l-1", Value: `{"level":"DEBUG","user":"x"}`, Until: time.Now().Add(time.Minute)}})
	ctx, end := flows.Match(t.Context(), debug.Request{User: "x"})
	good := debug.Token(ctx)
	end()

	for _, h := range [][]string{{debug.Header, good}, {"signalbox-debug", good}, {debug.Header, "x", "SIGNALBOX-DEBUG", good}, {"Signalbox_Debug", good},
		{debug.Header, good, "Connection", debug.Header}} {
		if tokens := call(h...); tokens != nil {
			t.Errorf("%q: the service gets %q", h, tokens)
		}
	}
	if n := testutil.ToFloat64(e.metrics.stamped); n != 4 {
		t.Errorf("%v dropped, want 4", n)
	}
	if tokens := call("Authorization", "Bearer x", debug.Header, "mine", "Connection", debug.Header); len(tokens) != 1 || tokens[0] != good {
		t.Errorf("a matching request: the service gets %q", tokens)
	}
	if tokens := call("X-User", "x", "X-User-Id", "x"); tokens != nil {
		t.Errorf("somebody who says that he is the user: the service gets %q", tokens)
	}
	if flows.Active() {
		t.Error("a flow outlasts its request")
	}
}

// half is an answer that breaks off.
type half struct{ io.Reader }

func (h half) Read(p []byte) (int, error) {
	n, err := h.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// An answer that breaks off after its status is a failure of its trace; one that a maintenance window gives is none.
func TestWhatBreaksOffHasFailed(t *testing.T) {
	t.Parallel()
	table, err := route.NewTable([]route.Route{{Pattern: "/api/x/", Service: "x", Rule: access.Public(), Timeout: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	causes := &debugtest.Box{}
	failures := debug.NewFailures(debug.FailureSettings{Box: causes})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); _ = failures.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ran })
	s := httptest.NewServer(New(Settings{
		Routes: table, Verifier: nobody{}, Limiter: ratelimit.NewLocal(nil), Limits: DefaultLimits(), Logger: slog.New(slog.DiscardHandler),
		TracerProvider: sdktrace.NewTracerProvider(), Propagator: propagation.TraceContext{}, Failures: failures, Registerer: prometheus.NewRegistry(),
		Upstream: roundTrip(func(r *http.Request) (*http.Response, error) {
			if strings.HasSuffix(r.URL.Path, "/away") {
				return nil, &upstream.WindowError{Service: "x", Message: "upgrade"}
			}
			return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, ContentLength: -1, Body: io.NopCloser(half{strings.NewReader("half of it")}), Request: r}, nil
		}),
	}))
	t.Cleanup(s.Close)
	for path, status := range map[string]int{"/api/x/away": 503, "/api/x/half": 200} {
		resp, err := s.Client().Get(s.URL + path) //nolint:noctx // it is over with the server
		if err != nil {
			t.Fatal(err)
		}
		if resp.StatusCode != status {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		resp.Body.Close()
	}
	wait.For(t, 20*time.Second, "somebody to be told of an answer that broke off", func() bool { return causes.Causes() != "" })
	if why := causes.Causes(); why != "GET /api/x/: 200" {
		t.Errorf("reported %q", why)
	}
}
