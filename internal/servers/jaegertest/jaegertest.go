// Package jaegertest gives a test a Jaeger of its own, which `make test` has built. Test binaries that use it have
//
//	func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }
//
// A machine without Jaeger fails the test; nothing is skipped.
package jaegertest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/jaeger"
)

// Server starts a server of the test's own, gone at cleanup.
func Server(t testing.TB) *jaeger.Server {
	t.Helper()
	s, err := start()
	if err != nil {
		t.Fatalf("start Jaeger for the test: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func start() (*jaeger.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	s, err := jaeger.New(jaeger.Settings{})
	if err != nil {
		return nil, err
	}
	return s, s.Start(ctx)
}

// Span is one of a trace, as the query API tells it.
type Span struct {
	TraceID    string         `json:"traceID"`
	SpanID     string         `json:"spanID"`
	Name       string         `json:"operationName"`
	References []Reference    `json:"references"`
	Start      int64          `json:"startTime"` // µs since 1970
	Duration   int64          `json:"duration"`  // µs
	Tags       []Tag          `json:"tags"`
	Logs       []Log          `json:"logs"`
	ProcessID  string         `json:"processID"`
	Service    string         `json:"-"`
	Process    map[string]any `json:"-"` // its tags
}

// Reference is a parent (CHILD_OF) or a link (FOLLOWS_FROM).
type Reference struct {
	Type    string `json:"refType"`
	TraceID string `json:"traceID"`
	SpanID  string `json:"spanID"`
}

// Log is an event of a span.
type Log struct {
	Fields []Tag `json:"fields"`
}

// Tag is an attribute.
type Tag struct {
	Key   string `json:"key"`
	Value any    `json:"value"`
}

// Tag is the value of the span's attribute; nil: it has none of that name.
func (s Span) Tag(key string) any {
	for _, t := range s.Tags {
		if t.Key == key {
			return t.Value
		}
	}
	return nil
}

// Parent is the id of the span that this one is a child of; "": it is a root. Of a parent that the span has a link to as well,
// Jaeger tells the link alone.
func (s Span) Parent() (id string) {
	for _, r := range s.References {
		if r.TraceID == s.TraceID && (id == "" || r.Type == "CHILD_OF") {
			id = r.SpanID
		}
	}
	return id
}

// Trace is what Jaeger has of a trace by now, in no order; none: it does not know it.
func Trace(ctx context.Context, s *jaeger.Server, id string) ([]Span, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, s.Query()+"/api/traces/"+id, http.NoBody)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode == http.StatusNotFound {
		return nil, nil
	}
	var answer struct {
		Data []struct {
			Spans     []Span `json:"spans"`
			Processes map[string]struct {
				Service string `json:"serviceName"`
				Tags    []Tag  `json:"tags"`
			} `json:"processes"`
		} `json:"data"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		return nil, fmt.Errorf("read Jaeger's answer (%s): %w", resp.Status, err)
	}
	var all []Span
	for _, trace := range answer.Data {
		for _, span := range trace.Spans {
			p := trace.Processes[span.ProcessID]
			span.Service, span.Process = p.Service, map[string]any{}
			for _, t := range p.Tags {
				span.Process[t.Key] = t.Value
			}
			all = append(all, span)
		}
	}
	return all, nil
}
