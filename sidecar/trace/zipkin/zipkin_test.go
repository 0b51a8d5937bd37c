package zipkin_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/signalbox-mesh/signalbox/sidecar/trace/zipkin"
)

func span(name string, began time.Time) sdktrace.ReadOnlySpan {
	return tracetest.SpanStub{Name: name, StartTime: began, EndTime: began.Add(time.Second)}.Snapshot()
}

// A span that cannot be written costs itself, not its neighbours and not the next batch.
func TestPoisonSpan(t *testing.T) {
	t.Parallel()
	got := make(chan string, 16)
	srv := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- string(body)
	}))
	defer srv.Close()
	e, err := zipkin.New(srv.URL)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	if err := e.ExportSpans(t.Context(), []sdktrace.ReadOnlySpan{span("one", now), span("poison", time.Unix(-5, 0)), span("two", now)}); err == nil {
		t.Error("nobody hears of the poison")
	}
	if err := e.ExportSpans(t.Context(), []sdktrace.ReadOnlySpan{span("three", now)}); err != nil {
		t.Errorf("next batch: %v", err)
	}
	if err := e.Shutdown(t.Context()); err != nil {
		t.Error(err)
	}
	close(got)
	var all strings.Builder
	for body := range got {
		all.WriteString(body)
	}
	for _, name := range []string{"one", "two", "three"} {
		if strings.Count(all.String(), name) != 1 {
			t.Errorf("%s was sent %d times: %s", name, strings.Count(all.String(), name), all.String())
		}
	}
	if strings.Contains(all.String(), "poison") {
		t.Error("the poison was sent")
	}
}

func TestStopped(t *testing.T) {
	t.Parallel()
	e, err := zipkin.New("http://127.0.0.1:1")
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := e.Shutdown(context.Background()); err != nil {
			t.Error(err)
		}
	}
	if e.ExportSpans(t.Context(), []sdktrace.ReadOnlySpan{span("x", time.Now())}) == nil {
		t.Error("a stopped exporter takes spans")
	}
}

func TestBadURL(t *testing.T) {
	t.Parallel()
	if _, err := zipkin.New("http://a b"); err == nil {
		t.Error("a URL that is none is taken")
	}
}
