package mesh_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
)

// newCut is a body whose sender goes away in its middle.
func newCut() io.Reader { return io.MultiReader(strings.NewReader("half"), failing{}) }

type failing struct{}

func (failing) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }

// TestAnUploadThatBreaksOffIsNotItsDestinationsFault: whoever sends from outside could otherwise open the breaker for all.
func TestAnUploadThatBreaksOffIsNotItsDestinationsFault(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	r := prometheus.NewRegistry()
	m := w.calls(t, "gateway", catalogs(web(t, says("well"))), watched(r))
	put(t, m.Policies(), quick)
	proxy := m.Proxy(mesh.TransportSettings{})
	for range 15 {
		req, err := http.NewRequestWithContext(t.Context(), "POST", "http://catalogs/", newCut())
		check(t, err)
		resp, err := proxy.RoundTrip(req)
		if err == nil {
			resp.Body.Close()
		}
		if !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("a body that breaks off: %v", err)
		}
		if _, _, err := send(t.Context(), m, "POST", "/", newCut()); !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatalf("the service's own: %v", err)
		}
	}
	if err := m.Open(); err != nil {
		t.Error(err)
	}
	if n := value(t, r, "signalbox_edge_errors_total"); n != 0 {
		t.Errorf("%v errors on the edge", n)
	}
}

// TestAnEarlyAnswerAndALargeBody: what is sent again is whole, although the connection of the first try still has some of it
// to send.
func TestAnEarlyAnswerAndALargeBody(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	body := strings.Repeat("0123456789", 1<<20)
	early := web(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Signalbox-Attempt") == "" {
			w.Header().Set("Connection", "close")
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		says("")(w, r)
	})
	m := w.calls(t, "gateway", catalogs(early))
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	for range 5 {
		status, text, err := send(ctx, m, "POST", "/", strings.NewReader(body), "Idempotency-Key", "7")
		if err != nil || status != http.StatusOK || text != body {
			t.Fatalf("%d, %d bytes of %d came back: %v", status, len(text), len(body), err)
		}
	}
}

// TestAMethodFromOutsideMakesNoSeries: it is the outside's to choose.
func TestAMethodFromOutsideMakesNoSeries(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	r := prometheus.NewRegistry()
	m := w.calls(t, "gateway", catalogs(web(t, says("well"))), watched(r))
	proxy := m.Proxy(mesh.TransportSettings{})
	for _, method := range []string{"BREW", "WHEN", "PROPFIND"} {
		req, err := http.NewRequestWithContext(t.Context(), method, "http://catalogs/", nil)
		check(t, err)
		resp, err := proxy.RoundTrip(req)
		check(t, err)
		resp.Body.Close()
	}
	if n := value(t, r, "http_client_request_duration_seconds", "_OTHER", "200"); n != 3 {
		t.Errorf("%v calls by methods that nobody knows", n)
	}
}
