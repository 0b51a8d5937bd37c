package web_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// Server-sent events: each is at the client before the next is made, by either way to flush.
func TestEventsFlowThrough(t *testing.T) {
	t.Parallel()
	for name, flush := range map[string]func(http.ResponseWriter){
		"flusher":    func(w http.ResponseWriter) { w.(http.Flusher).Flush() },
		"controller": func(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			next := make(chan string, 1)
			a := web.New(web.Settings{})
			a.Handle("GET /events", access.Public(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				for text := range next {
					_, _ = io.WriteString(w, text+"\n")
					flush(w)
				}
			}))
			srv := httptest.NewServer(a.Handler())
			defer srv.Close()
			defer close(next)
			next <- "one"
			resp, err := (&http.Client{Timeout: 10 * time.Second}).Get(srv.URL + "/events")
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			expectLines(t, bufio.NewReader(resp.Body), next)
		})
	}
}

// expectLines reads one, then lets the next be made only after the one before has come.
func expectLines(t *testing.T, r *bufio.Reader, next chan<- string) {
	t.Helper()
	texts := []string{"one", "two", "three"}
	for i, text := range texts {
		if got, err := r.ReadString('\n'); got != text+"\n" {
			t.Fatalf("got %q, %v, want %q", got, err, text)
		}
		if i+1 < len(texts) {
			next <- texts[i+1]
		}
	}
}

func TestHijack(t *testing.T) {
	t.Parallel()
	a := web.New(web.Settings{})
	a.Handle("GET /upgrade", access.Public(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Errorf("hijack: %v", err)
			return
		}
		defer conn.Close()
		_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\nhello")
	}))
	srv := httptest.NewServer(a.Handler())
	defer srv.Close()
	conn, err := net.Dial("tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "GET /upgrade HTTP/1.1\r\nHost: x\r\n\r\n")
	if got, _ := io.ReadAll(conn); !strings.HasSuffix(string(got), "hello") {
		t.Errorf("got %q", got)
	}
}

// A chunked body has no length to refuse it by; it is cut off.
func TestChunkedBodyIsBounded(t *testing.T) {
	t.Parallel()
	srv := httptest.NewServer(newRig(t, nil).Handler())
	defer srv.Close()
	for _, path := range []string{"/api/things/v1/things", "/plain/echo", "/api/things/v1/form"} {
		kind := "application/json"
		if strings.HasSuffix(path, "form") {
			kind = "multipart/form-data; boundary=b"
		}
		body := io.MultiReader(strings.NewReader(form(5000)))
		resp, err := http.Post(srv.URL+path, kind, body)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if resp.StatusCode != http.StatusRequestEntityTooLarge || resp.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: %d %s", path, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
	}
}

// A second status is swallowed, where net/http would write a line of its own about it.
func TestSecondStatus(t *testing.T) {
	t.Parallel()
	a := web.New(web.Settings{})
	a.Handle("GET /twice", access.Public(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusEarlyHints)
		w.WriteHeader(http.StatusAccepted)
		w.WriteHeader(http.StatusInternalServerError)
	}))
	var complaints lines
	srv := httptest.NewUnstartedServer(a.Handler())
	srv.Config.ErrorLog = log.New(&complaints, "", 0)
	srv.Start()
	resp, err := http.Get(srv.URL + "/twice")
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatalf("got %v, %v", resp, err)
	}
	resp.Body.Close()
	srv.Close()
	if complaints.String() != "" {
		t.Errorf("net/http complains: %s", complaints.String())
	}
}

// A client that leaves in the middle of an answer is no error of ours.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	r.Handle("GET /gone", access.Public(), http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if _, err := w.Write([]byte("x")); err != nil {
			panic(err) // as huma does
		}
	}))
	defer func() {
		if err, _ := recover().(error); !errors.Is(err, http.ErrAbortHandler) {
			t.Error("the server does not learn of it")
		}
		if strings.Contains(r.log.String(), `"ERROR"`) || !strings.Contains(r.log.String(), `"route":"/gone"`) {
			t.Errorf("log is %s", r.log)
		}
	}()
	r.Handler().ServeHTTP(brokenWriter{httptest.NewRecorder()}, httptest.NewRequest("GET", "/gone", nil))
}

// Nor is one that leaves before there is an answer, whatever the handler makes of that; but a deadline that passes is.
func TestClientLeavesBeforeTheAnswer(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	waits := func(ctx context.Context) error {
		<-ctx.Done()
		return fmt.Errorf("list the things: %w", ctx.Err())
	}
	r.Handle("GET /plain/waits", access.Public(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { problem.Write(w, r, waits(r.Context())) }))
	web.Register(r.API, huma.Operation{OperationID: "waits", Method: "GET", Path: "/typed/waits"}, access.Public(),
		func(ctx context.Context, _ *struct{}) (*struct{}, error) { return nil, waits(ctx) })
	for _, path := range []string{"/plain/waits", "/typed/waits"} {
		for want, of := range map[string]func() (context.Context, context.CancelFunc){
			`"level":"DEBUG","msg":"request handled","method":"GET","route":"` + path + `","path":"` + path + `","status":499`: func() (context.Context, context.CancelFunc) {
				ctx, cancel := context.WithCancel(t.Context())
				time.AfterFunc(time.Millisecond, cancel)
				return ctx, cancel
			},
			`"level":"ERROR","msg":"request failed","method":"GET","route":"` + path + `","path":"` + path + `","status":503`: func() (context.Context, context.CancelFunc) {
				return context.WithTimeout(t.Context(), time.Millisecond)
			},
		} {
			ctx, cancel := of()
			r.Handler().ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(ctx, "GET", path, nil))
			cancel()
			if !strings.Contains(r.log.String(), want) {
				t.Errorf("no %s in %s", want, r.log)
			}
		}
	}
}

type brokenWriter struct{ http.ResponseWriter }

func (brokenWriter) Write([]byte) (int, error) { return 0, errors.New("write: broken pipe") }

// The client's connection stays usable when the handler aborts or panics.
func TestPanicOverTheWire(t *testing.T) {
	t.Parallel()
	srv := httptest.NewUnstartedServer(newRig(t, nil).Handler())
	srv.Config.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, slog.LevelError)
	srv.Start()
	defer srv.Close()
	resp, err := http.Get(srv.URL + "/plain/panic")
	if err != nil || resp.StatusCode != 500 {
		t.Fatalf("panic: %v %v", resp, err)
	}
	resp.Body.Close()
	if resp, err := http.Get(srv.URL + "/plain/abort"); err == nil {
		resp.Body.Close()
		t.Errorf("an aborted answer came: %d", resp.StatusCode)
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	rec := tracetest.NewSpanRecorder()
	r := newRig(t, func(s *web.Settings) {
		s.TracerProvider = sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(rec))
	})
	const id = "4bf92f3577b34da6a3ce929d0e0e4736"
	w := do(r.Handler(), "GET", "/api/things/v1/things/broken", "", "traceparent", "00-"+id+"-00f067aa0ba902b7-01")
	if got := w.Header().Get(web.TraceHeader); got != id {
		t.Errorf("%s is %q", web.TraceHeader, got)
	}
	span := rec.Ended()[0]
	if span.Name() != "GET /api/things/v1/things/{id}" || span.SpanKind() != trace.SpanKindServer || span.Status().Code != codes.Error {
		t.Errorf("span is %q %v %v", span.Name(), span.SpanKind(), span.Status())
	}
	if span.Parent().SpanID().String() != "00f067aa0ba902b7" {
		t.Errorf("parent is %v", span.Parent().SpanID())
	}
}

// The handler's context carries the span and the caller, in typed and plain routes alike.
func TestContext(t *testing.T) {
	t.Parallel()
	a := web.New(web.Settings{Verifier: tokens{}, TracerProvider: sdktrace.NewTracerProvider()})
	check := func(ctx context.Context) {
		if p, ok := access.From(ctx); !ok || p.Subject != "u-bob" || !trace.SpanContextFromContext(ctx).IsValid() {
			t.Errorf("context has caller %v and span %v", p, trace.SpanContextFromContext(ctx))
		}
	}
	a.Handle("GET /plain/{id}", access.SignedIn(), http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		check(r.Context())
		if r.PathValue("id") != "7" {
			t.Errorf("path value is %q", r.PathValue("id"))
		}
	}))
	web.Register(a, huma.Operation{OperationID: "typed", Method: "get", Path: "/typed/{id}"}, access.SignedIn(),
		func(ctx context.Context, in *struct {
			ID int `path:"id"`
		}) (*struct{}, error) {
			check(ctx)
			return nil, nil
		})
	for _, path := range []string{"/plain/7", "/typed/7"} {
		if w := do(a.Handler(), "GET", path, "", "Authorization", "Bearer bob"); w.Code >= 300 {
			t.Errorf("%s is %d %s", path, w.Code, w.Body)
		}
	}
}

func TestHead(t *testing.T) {
	t.Parallel()
	h := newRig(t, nil).Handler()
	for path, want := range map[string]int{"/api/things/v1/things/a": 200, "/api/things/v1/things/none": 404, "/nothing": 404} {
		if w := do(h, "HEAD", path, ""); w.Code != want {
			t.Errorf("HEAD %s is %d", path, w.Code)
		}
	}
}
