package socket

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/coder/websocket"
	"go.opentelemetry.io/otel/trace"
	"golang.org/x/net/http/httpguts"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Accept makes the request a connection, which from then on is the Sockets' to run: the HTTP handler may return. Who may connect the
// route's rule has said already. After an error the request is answered, with a problem document. A connection ends with the token
// that opened it, with 1008.
func (s *Sockets) Accept(w http.ResponseWriter, r *http.Request, o Options) (*Conn, error) {
	if err := s.admits(r, o.Origins); err != nil {
		if err.Status == http.StatusUpgradeRequired {
			w.Header().Set("Upgrade", "websocket")
			w.Header().Set("Sec-WebSocket-Version", "13")
		}
		problem.Write(w, r, err)
		return nil, err
	}
	ws, err := websocket.Accept(w, r, &websocket.AcceptOptions{Subprotocols: []string{Subprotocol}, InsecureSkipVerify: true}) // admits has looked at the origin
	if err != nil {
		return nil, fmt.Errorf("accept WebSocket: %w", err)
	}
	c := s.conn(ws, accepted, routeOf(r), o)
	ctx := r.Context()
	c.opened, c.token = trace.SpanContextFromContext(ctx), debug.Token(ctx)
	if p, known := access.From(ctx); known {
		c.caller, c.base = p, access.With(c.base, p)
	}
	if service := access.Caller(ctx); service != "" {
		c.inside, c.base = true, access.WithCaller(c.base, service)
	}
	if !s.enter(c) {
		_ = ws.Close(websocket.StatusServiceRestart, restarts) // the stop began in between
		return nil, ErrClosed
	}
	return c, nil
}

// admits is nil for a request that may become a connection.
func (s *Sockets) admits(r *http.Request, origins []string) *problem.Error {
	switch {
	case !isHandshake(r):
		return &problem.Error{Code: problem.Invalid, Status: http.StatusUpgradeRequired, Detail: "this path speaks WebSocket, version 13"}
	case !fromOwnPage(r, origins):
		return problem.New(problem.Forbidden, "pages of this origin may not connect")
	case s.stopped():
		return problem.New(problem.Unavailable, "the service is stopping; try again")
	default:
		return nil
	}
}

func isHandshake(r *http.Request) bool {
	key, err := base64.StdEncoding.DecodeString(strings.TrimSpace(r.Header.Get("Sec-WebSocket-Key")))
	return r.Method == http.MethodGet && r.ProtoAtLeast(1, 1) && err == nil && len(key) == 16 && len(r.Header.Values("Sec-WebSocket-Key")) == 1 &&
		httpguts.HeaderValuesContainsToken(r.Header.Values("Connection"), "upgrade") &&
		httpguts.HeaderValuesContainsToken(r.Header.Values("Upgrade"), "websocket") && r.Header.Get("Sec-WebSocket-Version") == "13"
}

// fromOwnPage looks at where a browser says that the page comes from. Programs say nothing.
func fromOwnPage(r *http.Request, origins []string) bool {
	all := r.Header.Values("Origin")
	if len(all) == 0 {
		return true
	}
	u, err := url.Parse(all[0])
	if err != nil || len(all) > 1 || u.Host == "" {
		return false
	}
	return strings.EqualFold(u.Host, r.Host) || slices.ContainsFunc(origins, func(o string) bool { return strings.EqualFold(o, all[0]) })
}

// routeOf is the path of the route's pattern: a small, known set of label values.
func routeOf(r *http.Request) string {
	if i := strings.IndexByte(r.Pattern, '/'); i >= 0 {
		return r.Pattern[i:]
	}
	return "other"
}
