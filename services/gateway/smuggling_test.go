package gateway_test

import (
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// smuggler is a service that notices a request nobody was meant to make, and names each caller's path.
type smuggler struct{ attacks, reached atomic.Int64 }

func (s *smuggler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case strings.Contains(r.URL.Path, "smuggled"):
		s.reached.Add(1)
	case strings.Contains(r.URL.Path, "attack"):
		s.attacks.Add(1)
	}
	_, _ = io.Copy(io.Discard, r.Body)
	_, _ = io.WriteString(w, "you asked "+r.URL.Path)
}

// desync are heads and bodies over whose end two readers may differ. PATH is replaced by the attacker's
// own path, HIDDEN by a whole second request.
func desync() []string {
	const post = "POST PATH HTTP/1.1\r\nHost: x\r\n"
	return []string{
		post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN",
		post + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\nHIDDEN",
		post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\nHIDDEN",
		post + "Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\nHIDDEN",
		post + "Transfer-Encoding: xchunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nHIDDEN",
		post + "Transfer-Encoding : chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nHIDDEN",
		post + "Transfer-Encoding:\x0bchunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nHIDDEN",
		post + " Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nHIDDEN",
		post + "X: y\r\n Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nHIDDEN",
		post + "Transfer_Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\nHIDDEN",
		post + "Transfer-Encoding: chunked\nContent-Length: 4\r\n\r\n0\r\n\r\nHIDDEN",
		post + "Transfer-Encoding: \"chunked\"\r\nContent-Length: 4\r\n\r\n0\r\n\r\nHIDDEN",
		post + "Transfer-Encoding: CHUNKED\r\n\r\n0\r\n\r\nHIDDEN",
		post + "Content-Length: 0\r\nContent-Length: 40\r\n\r\nHIDDEN",
		post + "Content-Length: 40\r\nContent-Length: 0\r\n\r\nHIDDEN",
		post + "Content-Length: 0, 0\r\n\r\nHIDDEN",
		post + "Content-Length: +0\r\n\r\nHIDDEN",
		post + "Content-Length: 0x0\r\n\r\nHIDDEN",
		post + "Content-Length: -1\r\n\r\nHIDDEN",
		post + "Content-Length: 00\r\n\r\nHIDDEN",
		post + "Content-Length:\r\n\r\nHIDDEN",
		post + "Content-Length: 99999999999999999999\r\n\r\nHIDDEN",
		post + "Content_Length: 99\r\nContent-Length: 0\r\n\r\nHIDDEN",
		post + "Transfer-Encoding: chunked\r\n\r\n0;x=\r\ny\r\n\r\nHIDDEN",
		post + "Transfer-Encoding: chunked\r\n\r\n1\r\nAA\r\n0\r\n\r\nHIDDEN",
		post + "Transfer-Encoding: chunked\r\n\r\n0\n\nHIDDEN",
		post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n\r\nHIDDEN",
		post + "Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n\r\nHIDDEN",
		post + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 50\r\n\r\nHIDDEN",
		post + "Expect: 100-continue\r\nContent-Length: 0\r\n\r\nHIDDEN",
		post + "Connection: Content-Length\r\nContent-Length: 40\r\n\r\n" + strings.Repeat("A", 40) + "HIDDEN",
		post + "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN",
		"GET PATH HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\nHIDDEN",
		"GET PATH HTTP/1.1\nHost: x\n\nHIDDEN",
		"GET PATH HTTP/1.1\r\nHost: x\r\n\rHIDDEN",
		"GET PATH HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\nHIDDEN",
		"GET PATH HTTP/1.1\r\n\r\nHIDDEN",
		"GET PATH HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nHIDDEN",
		"GET PATH HTTP/0.9\r\n\r\nHIDDEN",
		"GET PATH HTTP/1.1\r\nHost: x\r\nX: a\x00b\r\n\r\nHIDDEN",
		"GET PATH HTTP/1.1\r\nHost: x\r\nX: a\rb: c\r\n\r\nHIDDEN",
		"GET PATH HTTP/1.1\r\nHost: x\r\n: empty\r\n\r\nHIDDEN",
		"GET PATH HTTP/1.1\r\nHost: x y\r\n\r\nHIDDEN",
		"CONNECT smuggled:80 HTTP/1.1\r\nHost: x\r\n\r\nHIDDEN",
		"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nHIDDEN",
		"HEAD PATH HTTP/1.1\r\nHost: x\r\nContent-Length: 40\r\n\r\n" + strings.Repeat("A", 40) + "HIDDEN",
	}
}

// TestW9_NobodyGetsAnothersAnswer: after each attack a victim asks over the same kept connections and
// must get the answer to his own question. A hidden request that the gateway itself reads as the next
// one of the connection is no smuggling: it passes every check on its own; it carries no token here, so
// none may reach the service.
func TestW9_NobodyGetsAnothersAnswer(t *testing.T) {
	t.Parallel()
	s := &smuggler{}
	r := start(t, config(), map[string]http.Handler{"catalogs": s})
	token := r.token("attacker")
	foreign := 0
	for i, attack := range desync() {
		for _, hidden := range []string{"GET /api/catalogs/v1/smuggled HTTP/1.1\r\nHost: x\r\nX-Rest: ", "GET /api/catalogs/v1/smuggled HTTP/1.1\r\nHost: x\r\n\r\n"} {
			text := strings.ReplaceAll(attack, "PATH", "/api/catalogs/v1/attack")
			text = strings.Replace(text, "Host: x\r\n", "Host: x\r\nAuthorization: Bearer "+token+"\r\n", 1)
			r.raw(100*time.Millisecond, strings.ReplaceAll(text, "HIDDEN", hidden))
			for range 3 {
				a := r.call("GET", "/api/catalogs/v1/victim", r.token("victim"), nil)
				if a.text != "you asked /api/catalogs/v1/victim" {
					foreign++
					t.Errorf("attack %d: the victim got %d %q", i, a.status, a.text)
				}
			}
		}
	}
	if s.attacks.Load() == 0 {
		t.Error("no attack reached the service: the test proves nothing")
	}
	t.Logf("METRIC foreign_answers=%d limit=0", foreign)
	if n := s.reached.Load(); n != 0 {
		t.Errorf("%d hidden requests reached the service", n)
	}
}
