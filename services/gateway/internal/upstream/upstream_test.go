package upstream

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
)

func replica(t *testing.T, name string) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		_, _ = io.WriteString(w, name+" "+string(body))
	}))
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}

func refusing(t *testing.T) string {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	return ln.Addr().String()
}

func transport(addresses ...string) *Transport {
	book := peers.Static{"catalogs": {HTTP: addresses}}
	return New(Settings{Peers: book, Mesh: mesh.New(mesh.Settings{Service: "gateway", Peers: book, Retries: true})})
}

// refusal: no connection came about, so nothing was sent.
func refusal(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func send(t *testing.T, tr *Transport, method, body string) (string, error) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://catalogs/x", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := tr.RoundTrip(r)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return string(text), err
}

func TestReplicasTakeTurns(t *testing.T) {
	t.Parallel()
	tr := transport(replica(t, "a"), replica(t, "b"), replica(t, "c"))
	seen := map[string]int{}
	for range 30 {
		text, err := send(t, tr, "GET", "")
		if err != nil {
			t.Fatal(err)
		}
		seen[text]++
	}
	if seen["a "] != 10 || seen["b "] != 10 || seen["c "] != 10 {
		t.Errorf("%v", seen)
	}
}

// TestW5_RefusedIsTriedElsewhereOnce, body and all, and then left alone; what is not idempotent is not.
func TestW5_RefusedIsTriedElsewhereOnce(t *testing.T) {
	t.Parallel()
	tr := transport(refusing(t), replica(t, "b"))
	for range 20 {
		if text, err := send(t, tr, "PUT", "body"); err != nil || text != "b body" {
			t.Fatalf("%q, %v", text, err)
		}
	}
	lost := 0
	fresh := transport(refusing(t), replica(t, "b"))
	for range 20 {
		if _, err := send(t, fresh, "POST", "body"); err != nil {
			lost++
		}
	}
	if lost > 1 {
		t.Errorf("%d of 20 were sent to an address that had refused just before", lost)
	}
}

func TestAllAway(t *testing.T) {
	t.Parallel()
	for name, tr := range map[string]*Transport{"one": transport(refusing(t)), "two": transport(refusing(t), refusing(t)), "none": transport()} {
		if _, err := send(t, tr, "GET", ""); err == nil || !refusal(err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	tr := transport(refusing(t))
	for range 3 { // shunned or not, the only address is asked again
		if _, err := send(t, tr, "GET", ""); err == nil {
			t.Error("answered by nobody")
		}
	}
}
