package traces_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/jaegertest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/traces"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

const limit = 30 * time.Second

// grow makes a request's tree in two services, as their sidecars do, and sends it.
func grow(t *testing.T, exporter, endpoint string) traces.ID {
	t.Helper()
	provider := func(service string) *trace.Provider {
		p, err := trace.New(t.Context(), trace.Settings{Service: service, Instance: service + "-1", Exporters: []string{exporter}, Endpoint: endpoint,
			Ratio: 1, Registerer: prometheus.NewRegistry()})
		if err != nil {
			t.Fatal(err)
		}
		return p
	}
	gateway, catalogs := provider("gateway"), provider("catalogs")
	ctx, root := gateway.TracerProvider().Tracer("t").Start(context.Background(), "GET /types/{id}", oteltrace.WithSpanKind(oteltrace.SpanKindServer),
		oteltrace.WithAttributes(attribute.String("http.route", "/types/{id}"), attribute.Int64("bytes", 1<<53+1)))
	ctx, call := gateway.TracerProvider().Tracer("t").Start(ctx, "GET", oteltrace.WithSpanKind(oteltrace.SpanKindClient))
	ctx, inner := catalogs.TracerProvider().Tracer("t").Start(ctx, "GET /types/{id}", oteltrace.WithSpanKind(oteltrace.SpanKindServer))
	_, query := catalogs.TracerProvider().Tracer("t").Start(ctx, "SELECT types", oteltrace.WithSpanKind(oteltrace.SpanKindClient),
		oteltrace.WithAttributes(attribute.Bool("signalbox.partial", true)))
	query.RecordError(errors.New("deadlock found"))
	query.SetStatus(codes.Error, "deadlock found")
	for _, s := range []oteltrace.Span{query, inner, call, root} {
		s.End()
	}
	for _, p := range []*trace.Provider{gateway, catalogs} {
		if err := p.Shutdown(context.Background()); err != nil {
			t.Fatal(err)
		}
	}
	return traces.ID(root.SpanContext().TraceID().String())
}

// whole holds the tree that was read against what grow has made.
func whole(t *testing.T, f traces.Found) {
	t.Helper()
	tree := traces.Grow(f.Spans, func(string) bool { return true })
	var got strings.Builder
	for _, n := range tree.Nodes {
		fmt.Fprintf(&got, "%s%s %s %s %s %v\n", strings.Repeat("  ", n.Depth), n.Instance, n.Service, n.Kind, strings.ToLower(n.Name), n.Error)
	}
	want := `gateway-1 gateway server get /types/{id} false
  gateway-1 gateway client get false
    catalogs-1 catalogs server get /types/{id} false
      catalogs-1 catalogs client select types true
`
	if got.String() != want {
		t.Fatalf("%+v\n%s\nwant\n%s", f.Missing, got.String(), want)
	}
	root, query := tree.Nodes[0], tree.Nodes[3]
	if root.Attributes["http.route"] != "/types/{id}" || root.Attributes["bytes"] != "9007199254740993" || query.Attributes["otel.status_description"] != "deadlock found" {
		t.Errorf("attributes: %v, %v", root.Attributes, query.Attributes)
	}
	if since := time.Since(root.Start); since < 0 || since > time.Hour || tree.End.Before(query.End()) || query.Start.Before(root.Start) {
		t.Errorf("times: %s+%s, %s+%s", root.Start, root.Duration, query.Start, query.Duration)
	}
	if len(tree.Missing) != 1 || tree.Missing[0].Reason != traces.Partial {
		t.Errorf("not told to be partial: %+v", tree.Missing)
	}
}

func newReader(t *testing.T, query string) *traces.Reader {
	t.Helper()
	r, err := traces.New(query, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(r.Close)
	return r
}

func TestJaeger(t *testing.T) {
	t.Parallel()
	j := jaegertest.Server(t)
	id := grow(t, "otlp", "otlp="+j.OTLPHTTP())
	r := newReader(t, "jaeger="+j.Query())
	var found traces.Found
	wait.For(t, limit, "the spans in Jaeger", func() bool { found = r.Read(t.Context(), id); return len(found.Spans) == 4 })
	whole(t, found)
	if f := r.Read(t.Context(), "00000000000000000000000000000001"); len(f.Missing) != 1 || f.Missing[0].Reason != traces.SampledOut {
		t.Errorf("a trace that is not there: %+v", f)
	}
	if err := j.Kill(); err != nil {
		t.Fatal(err)
	}
	if f := r.Read(t.Context(), id); len(f.Missing) != 1 || f.Missing[0].Reason != traces.Unreachable {
		t.Errorf("a dead Jaeger: %+v", f)
	}
}

// zipkinServer takes spans as Zipkin does and answers with the bytes that were sent.
type zipkinServer struct {
	mu    sync.Mutex
	spans []json.RawMessage
}

func (z *zipkinServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	z.mu.Lock()
	defer z.mu.Unlock()
	if r.Method == http.MethodPost {
		var sent []json.RawMessage
		if err := json.NewDecoder(r.Body).Decode(&sent); err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		z.spans = append(z.spans, sent...)
		w.WriteHeader(http.StatusAccepted)
		return
	}
	id := strings.TrimPrefix(r.URL.Path, "/api/v2/trace/")
	of := []json.RawMessage{}
	for _, s := range z.spans {
		if bytes.Contains(s, []byte(`"traceId":"`+id)) {
			of = append(of, s)
		}
	}
	if len(of) == 0 {
		w.WriteHeader(http.StatusNotFound)
		fmt.Fprintf(w, "%s not found", id) //nolint:errcheck // a test's answer
		return
	}
	_ = json.NewEncoder(w).Encode(of) // as above
}

func TestZipkin(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(&zipkinServer{})
	defer srv.Close()
	id := grow(t, "zipkin", srv.URL+"/api/v2/spans")
	r := newReader(t, "zipkin="+srv.URL)
	whole(t, r.Read(t.Context(), id))
	if f := r.Read(t.Context(), "00000000000000000000000000000001"); len(f.Missing) != 1 || f.Missing[0].Reason != traces.SampledOut {
		t.Errorf("a trace that is not there: %+v", f)
	}
}

func TestNobodyHasSaidWhere(t *testing.T) {
	t.Parallel()
	if f := newReader(t, "").Read(t.Context(), "00000000000000000000000000000001"); len(f.Missing) != 1 || f.Missing[0].Reason != traces.NotConfigured {
		t.Errorf("%+v", f)
	}
}

// Whatever a trace store does, an answer comes, in time, and says why there are no spans.
func TestStoresThatFail(t *testing.T) {
	t.Parallel()
	const id = traces.ID("4bf92f3577b34da6a3ce929d0e0e4736")
	span := func(trace string) string {
		return `{"traceID":"` + trace + `","spanID":"a","operationName":"x","startTime":1,"duration":1,"processID":"p1"}`
	}
	body := func(status int, text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status); _, _ = io.WriteString(w, text) }
	}
	many := func(n int, piece string) string { return strings.TrimSuffix(strings.Repeat(piece+",", n), ",") }
	for name, c := range map[string]struct {
		kind   string
		answer http.HandlerFunc
		reason traces.Reason
		spans  int
	}{
		"an error":            {"jaeger", body(500, "boom"), traces.Unreachable, 0},
		"somebody else's 404": {"jaeger", body(404, "404 page not found"), traces.Unreachable, 0},
		"nobody's 404":        {"zipkin", body(404, "404 page not found"), traces.Unreachable, 0},
		"a way elsewhere": {"jaeger", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://127.0.0.1:1/", http.StatusFound)
		}, traces.Unreachable, 0},
		"a page":                  {"jaeger", body(200, "<html>"), traces.Unreadable, 0},
		"an empty answer":         {"jaeger", body(200, ""), traces.Unreadable, 0},
		"another shape":           {"jaeger", body(200, `{"data":{"spans":[]}}`), traces.Unreadable, 0},
		"Zipkin's from Jaeger":    {"jaeger", body(200, `[]`), traces.Unreadable, 0},
		"Jaeger's from Zipkin":    {"zipkin", body(200, `{"data":[]}`), traces.Unreadable, 0},
		"cut off":                 {"jaeger", body(200, `{"data":[{"spans":[`), traces.Unreadable, 0},
		"times that are none":     {"jaeger", body(200, `{"data":[{"spans":[{"traceID":"`+string(id)+`","spanID":"a","startTime":1e300}]}]}`), traces.Unreadable, 0},
		"no trace at all":         {"jaeger", body(200, `{"data":[]}`), traces.SampledOut, 0},
		"null":                    {"jaeger", body(200, `{"data":null}`), traces.SampledOut, 0},
		"nothing":                 {"zipkin", body(200, `[]`), traces.SampledOut, 0},
		"another trace":           {"jaeger", body(200, `{"data":[{"spans":[`+span("ff")+`]}]}`), traces.Unreadable, 0},
		"another trace, too":      {"jaeger", body(200, `{"data":[{"spans":[`+span("ff")+`,`+span(string(id))+`]}]}`), traces.Unreadable, 1},
		"too much":                {"jaeger", body(200, `{"data":"`+strings.Repeat("x", 17<<20)+`"}`), traces.TooLarge, 0},
		"too many":                {"jaeger", body(200, `{"data":[{"spans":[`+many(10_050, span(string(id)))+`]}]}`), traces.Truncated, 10_000},
		"millions of empty spans": {"jaeger", body(200, `{"data":[{"spans":[`+many(5_000_000, `{}`)+`]}]}`), traces.Unreadable, 0},
		"deeper than a stack":     {"zipkin", body(200, strings.Repeat("[", 1<<20)), traces.Unreadable, 0},
		"one that never answers":  {"jaeger", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, traces.Unreachable, 0},
		"one that answers in drops": {"jaeger", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = io.WriteString(w, " ")
				w.(http.Flusher).Flush()
				<-time.After(50 * time.Millisecond)
			}
		}, traces.Unreachable, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			srv := httptest.NewServer(c.answer)
			defer srv.Close()
			began := time.Now()
			f := newReader(t, c.kind+"="+strings.Replace(srv.URL, "http://", "http://user:s3cret@", 1)).Read(t.Context(), id)
			t.Logf("METRIC answer=%s limit=2s", time.Since(began).Round(time.Millisecond))
			if len(f.Spans) != c.spans || len(f.Missing) != 1 || f.Missing[0].Reason != c.reason || f.Missing[0].Detail == "" || strings.Contains(f.Missing[0].Detail, "s3cret") {
				t.Errorf("%d spans, %+v; want %d, %s", len(f.Spans), f.Missing, c.spans, c.reason)
			}
		})
	}
}

// A store that hangs holds four readers, and no more: the others are told to come again.
func TestReadersAreBounded(t *testing.T) {
	t.Parallel()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections and says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close() //nolint:errcheck // a test's
	r := newReader(t, "jaeger=http://"+l.Addr().String())
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			if f := r.Read(t.Context(), "00000000000000000000000000000001"); len(f.Missing) != 1 || f.Missing[0].Reason != traces.Unreachable {
				t.Errorf("%+v", f)
			}
		})
	}
	all.Wait()
}
