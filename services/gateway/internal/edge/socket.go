package edge

import (
	"bufio"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"

	"golang.org/x/net/http/httpguts"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// bearerProtocol is how a page, which cannot put a header on a WebSocket's request, brings the user's token: as a subprotocol.
const bearerProtocol = "signalbox.bearer."

const protocols = "Sec-Websocket-Protocol" // in its canonical form

// upgrade judges a request that wants another protocol: a row may allow a WebSocket, and none allows anything else. The token goes to
// where it is on every other request, and no service sees it among the subprotocols, of which an answer repeats one.
func (e *Edge) upgrade(r *http.Request, x *exchange) error {
	if r.Header.Get("Upgrade") == "" && !httpguts.HeaderValuesContainsToken(r.Header.Values("Connection"), "upgrade") {
		return nil
	}
	switch {
	case !x.route.Socket || !isWebSocket(r):
		return problem.New(problem.Invalid, "the gateway does not upgrade connections here (WebSocket, h2c)")
	case !e.ownPage(r):
		return problem.New(problem.Forbidden, "pages of this origin may not connect")
	}
	r.Header.Del("Origin") // a service knows only its own
	x.socket = true
	return bearer(r.Header)
}

func isWebSocket(r *http.Request) bool {
	upgrade := r.Header.Values("Upgrade")
	return r.Method == http.MethodGet && r.ContentLength == 0 && len(upgrade) == 1 && strings.EqualFold(upgrade[0], "websocket") &&
		httpguts.HeaderValuesContainsToken(r.Header.Values("Connection"), "upgrade") && r.Header.Get("Sec-Websocket-Key") != ""
}

// ownPage looks at where a browser says that the page comes from: from here, or from where CORS lets it. Programs say nothing.
func (e *Edge) ownPage(r *http.Request) bool {
	origins := r.Header.Values("Origin")
	if len(origins) == 0 {
		return true
	}
	u, err := url.Parse(origins[0])
	return err == nil && len(origins) == 1 && (u.Host != "" && strings.EqualFold(u.Host, r.Host) || slices.Contains(e.Origins, origins[0]))
}

// bearer moves the token from the subprotocols to the Authorization header.
func bearer(h http.Header) error {
	var rest, tokens []string
	for _, line := range h.Values(protocols) {
		for one := range strings.SplitSeq(line, ",") {
			one = strings.TrimSpace(one)
			if token, is := strings.CutPrefix(one, bearerProtocol); is {
				tokens = append(tokens, token)
			} else {
				rest = append(rest, one)
			}
		}
	}
	if len(tokens) == 0 {
		return nil
	}
	if len(tokens) > 1 || tokens[0] == "" || h["Authorization"] != nil {
		return problem.New(problem.Unauthorized, "there is not one bearer token")
	}
	h.Set("Authorization", "Bearer "+tokens[0])
	if h.Del(protocols); rest != nil {
		h.Set(protocols, strings.Join(rest, ", "))
	}
	return nil
}

// sockets counts the open WebSockets of each user, or, of nobody, of each address. Safe for concurrent use.
type sockets struct {
	mu  sync.Mutex
	all map[string]int
}

// enter counts one in; the returned leave counts it out. false: there are as many as may be (0: no bound).
func (s *sockets) enter(key string, limit int) (leave func(), ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if limit > 0 && s.all[key] >= limit {
		return nil, false
	}
	s.all[key]++
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.all[key]--; s.all[key] == 0 {
			delete(s.all, key)
		}
	}, true
}

// open takes a place among the sockets of the caller; leave gives it back, and is called for a request that opens none, too.
func (e *Edge) open(x *exchange) (leave func(), err error) {
	if !x.socket {
		return func() {}, nil
	}
	key := "address:" + network(x.client)
	if x.known {
		key = "user:" + x.caller.Subject
	}
	out, ok := e.sockets.enter(key, e.SocketsPerUser)
	if !ok {
		e.metrics.refused.WithLabelValues("sockets").Inc()
		return nil, problem.New(problem.TooMany, "too many WebSocket connections are open; close one")
	}
	e.metrics.sockets.Inc()
	return func() { e.metrics.sockets.Dec(); out() }, nil
}

// Hijack implements http.Hijacker: the proxy passes a WebSocket on from here.
func (w *writer) Hijack() (net.Conn, *bufio.ReadWriter, error) {
	conn, rw, err := http.NewResponseController(w.ResponseWriter).Hijack()
	if err != nil {
		return nil, nil, err
	}
	w.status = http.StatusSwitchingProtocols
	f := &frames{Conn: conn, limit: w.limits.Reader}
	w.socket.Store(f)
	return f, bufio.NewReadWriter(rw.Reader, bufio.NewWriter(f)), nil
}
