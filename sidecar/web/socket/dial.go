package socket

import (
	"context"
	"errors"
	"fmt"

	"github.com/coder/websocket"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
)

var errNoMesh = errors.New("there is no mesh here")

// Dial opens a connection to a path of another service, through the mesh's client: with this service's token, the caller's deadline or
// 10 s for the opening, the circuit breaker, and a client's span. A connection that ends is not opened again: Done tells, and whoever
// needs it dials again, after a while.
func (s *Sockets) Dial(ctx context.Context, service, path string, o Options) (*Conn, error) {
	if s.settings.Mesh == nil {
		return nil, fmt.Errorf("open WebSocket to %s: %w", service, errNoMesh)
	}
	if s.stopped() {
		return nil, ErrClosed
	}
	ws, resp, err := websocket.Dial(ctx, "http://"+service+path, &websocket.DialOptions{ //nolint:bodyclose // the library's to close
		HTTPClient: s.settings.Mesh.HTTP(service), HTTPHeader: o.Header, Subprotocols: []string{Subprotocol},
	})
	if err != nil {
		if resp != nil {
			err = fmt.Errorf("it answered %s: %w", resp.Status, err)
		}
		return nil, fmt.Errorf("open WebSocket to %s: %w", service, err)
	}
	c := s.conn(ws, dialed, service, o)
	c.inside, c.opened, c.token = true, trace.SpanContextFromContext(ctx), debug.Token(ctx)
	if !s.enter(c) {
		_ = ws.CloseNow()
		return nil, ErrClosed
	}
	return c, nil
}
