package socket_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
	"github.com/signalbox-mesh/signalbox/sidecar/web/socket"
)

// zipkin keeps the spans that it is sent, one of each trace.
type zipkin struct {
	mu  sync.Mutex
	all map[string]map[string]any
}

func (z *zipkin) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var some []map[string]any
	body, _ := io.ReadAll(r.Body)
	_ = json.Unmarshal(body, &some)
	z.mu.Lock()
	defer z.mu.Unlock()
	for _, s := range some {
		trace, _ := s["traceId"].(string)
		z.all[trace] = s
	}
	w.WriteHeader(http.StatusAccepted)
}

// ownTracing is the house's, which samples nothing, and exports to z what is promoted; nil: to nobody.
func ownTracing(t *testing.T, z *zipkin) *tracing.Provider {
	t.Helper()
	s := tracing.Settings{Service: "x", Exporters: []string{"none"}}
	if z != nil {
		server := httptest.NewServer(z)
		t.Cleanup(server.Close)
		s.Exporters, s.Endpoint = []string{"zipkin"}, server.URL
	}
	p, err := tracing.New(t.Context(), s)
	check(t, err)
	t.Cleanup(func() { _ = p.Shutdown(context.Background()) })
	return p
}

func with(p *tracing.Provider) func(*socket.Settings) {
	return func(s *socket.Settings) { s.TracerProvider, s.Propagator = p.TracerProvider(), p.Propagator() }
}

// Nothing is sampled: the trace of a message whose handler fails, or panics, is exported all the same; that of
// a mistake of its sender's is not.
func TestFailedMessagesAreExported(t *testing.T) {
	t.Parallel()
	z := &zipkin{all: map[string]map[string]any{}}
	p := ownTracing(t, z)
	catalogs, _ := pair(t, access.Public(), socket.Options{Handle: func(_ context.Context, _ *socket.Conn, e bus.Event) error {
		switch e.Type {
		case "bad":
			return problem.New(problem.Invalid, "the name is missing")
		case "panic":
			panic("no such thing")
		case "fail":
			return errors.New("the shelf is full")
		default:
			return nil
		}
	}}, with(p))
	page := browser(t, catalogs, "")
	const caller = "00f067aa0ba902b7"
	traces := map[string]string{}
	for i, kind := range []string{"good", "bad", "fail", "panic"} {
		traces[kind] = fmt.Sprintf("%s%d", id[:31], i)
		write(t, page, message(kind, `"traceparent":"00-`+traces[kind]+`-`+caller+`-00"`))
	}
	for _, failure := range []string{"invalid", "error", "panic"} {
		counted(t, catalogs, 1, "messaging_client_consumed_messages_total", failure)
	}
	counted(t, catalogs, 4, "messaging_client_consumed_messages_total", "process")
	check(t, p.Shutdown(t.Context()))
	z.mu.Lock()
	defer z.mu.Unlock()
	for kind, failure := range map[string]string{"fail": "error", "panic": "panic"} {
		s := z.all[traces[kind]]
		tags, _ := s["tags"].(map[string]any)
		if s["parentId"] != caller || s["kind"] != "CONSUMER" || tags[tracing.KeyPartial] != "true" || tags["error.type"] != failure {
			t.Errorf("of %s there is %v", kind, s)
		}
	}
	if len(z.all) != 2 {
		t.Errorf("exported: %v", z.all)
	}
}
