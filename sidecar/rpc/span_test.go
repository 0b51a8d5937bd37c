package rpc_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"go.opentelemetry.io/otel/propagation"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// kept are the spans that a Zipkin collector was sent.
type kept struct {
	mu  sync.Mutex
	all []map[string]any
}

func (k *kept) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var some []map[string]any
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &some)
	k.mu.Lock()
	defer k.mu.Unlock()
	k.all = append(k.all, some...)
	w.WriteHeader(http.StatusAccepted)
}

// A call of a trace that is not sampled has no span, unless it fails by our fault: then that one, as a child of what the
// caller said. Every error tells its trace.
func TestAFailedCallIsExported(t *testing.T) {
	w := newWorld(t, "catalogs", "identity")
	sink := &kept{}
	collector := httptest.NewServer(sink)
	defer collector.Close()
	tracing, err := trace.New(t.Context(), trace.Settings{Service: "identity", Exporters: []string{"zipkin"}, Endpoint: collector.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tracing.Shutdown(context.WithoutCancel(t.Context())) }()
	server := w.settings("identity")
	server.TracerProvider, server.Propagator = tracing.TracerProvider(), tracing.Propagator()
	var further string // what a call from within the handler would send on
	addr := serveEcho(t, server, func(ctx context.Context, text string) error {
		out := propagation.MapCarrier{}
		tracing.Propagator().Inject(ctx, out)
		further = out["traceparent"]
		if text == "" {
			return nil
		}
		return problem.New(problem.Code(text), "no")
	})
	conn := dial(t, w.calls("catalogs"), "identity", addr)
	const id, span = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
	ctx := metadata.AppendToOutgoingContext(t.Context(), "traceparent", "00-"+id+"-"+span+"-00")
	for _, text := range []string{"", "not_found", "internal"} {
		err := say(ctx, conn, text)
		if text == "" {
			if err != nil || further[:36] != "00-"+id+"-" || further[53:] != "00" {
				t.Errorf("%v; sent on: %s", err, further)
			}
			continue
		}
		var told string
		for _, d := range status.Convert(err).Details() {
			if info, ok := d.(*errdetails.RequestInfo); ok {
				told = info.GetRequestId()
			}
		}
		if told != id {
			t.Errorf("the error %v tells of trace %q", err, told)
		}
	}
	wait.For(t, 10*time.Second, "a call's end, which comes after its answer", func() bool {
		if err := tracing.Flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		sink.mu.Lock()
		defer sink.mu.Unlock()
		return len(sink.all) > 0
	})
	if err := tracing.Shutdown(t.Context()); err != nil {
		t.Fatal(err)
	}
	sink.mu.Lock()
	defer sink.mu.Unlock()
	if len(sink.all) != 1 {
		t.Fatalf("exported: %v", sink.all)
	}
	one := sink.all[0]
	tags := one["tags"].(map[string]any) //nolint:forcetypeassert // Zipkin's own form
	if one["traceId"] != id || one["parentId"] != span || one["kind"] != "SERVER" || one["id"] == "" || tags[trace.KeyPartial] != "true" ||
		tags["rpc.method"] != "test.v1.Echo/Say" || tags["rpc.response.status_code"] != "INTERNAL" {
		t.Errorf("exported: %v", one)
	}
}
