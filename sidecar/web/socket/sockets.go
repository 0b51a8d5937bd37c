package socket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"

	"github.com/coder/websocket"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
)

const scope = "github.com/signalbox-mesh/signalbox/sidecar/web/socket"

// Subprotocol is CloudEvents' own; a browser asks for it.
const Subprotocol = "cloudevents.json"

// Settings of a service's Sockets.
type Settings struct {
	Service        string
	Instance       string
	Mesh           *mesh.Mesh                    // nil: there is no Dial
	Registerer     prometheus.Registerer         // nil: no metrics
	TracerProvider trace.TracerProvider          // nil: no spans
	Propagator     propagation.TextMapPropagator // nil: W3C trace context and baggage
	Logger         *slog.Logger                  // nil: silent
	Flows          *debug.Flows                  // nil: no targeted debugging
	Failures       *debug.Failures               // nil: nobody is told of a handler's failure
}

// Sockets are the connections of one service. Safe for concurrent use.
type Sockets struct {
	settings Settings
	metrics  *metrics
	tracer   trace.Tracer
	incoming *tracing.Incoming

	mu      sync.Mutex
	closed  bool
	conns   map[*Conn]struct{}
	running sync.WaitGroup
}

// New makes Sockets without a connection.
func New(s Settings) *Sockets {
	if s.TracerProvider == nil {
		s.TracerProvider = noop.NewTracerProvider()
	}
	if s.Propagator == nil {
		s.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	return &Sockets{
		settings: s, metrics: newMetrics(s.Registerer), tracer: s.TracerProvider.Tracer(scope),
		incoming: tracing.NewIncoming(scope, s.TracerProvider, s.Propagator), conns: map[*Conn]struct{}{},
	}
}

// ErrClosed is why nothing is sent or opened any more.
var ErrClosed = errors.New("the connection is closed")

// enter runs a connection; false once Close was called.
func (s *Sockets) enter(c *Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return false
	}
	s.conns[c] = struct{}{}
	s.metrics.open.WithLabelValues(c.side).Inc()
	s.running.Go(c.run)
	return true
}

func (s *Sockets) leave(c *Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.conns, c)
	s.metrics.open.WithLabelValues(c.side).Dec()
}

func (s *Sockets) stopped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.closed
}

const restarts = "the service restarts"

// Close ends all connections: handlers that run come to their end, what is queued is written, and then the other ends are told, with
// 1012 (service restart) where they have dialed, so that they come again elsewhere, and 1001 (going away) where we have. When ctx
// ends, what is left is broken off. There are no new connections from now on. Idempotent.
func (s *Sockets) Close(ctx context.Context) error {
	s.mu.Lock()
	s.closed = true
	all := make([]*Conn, 0, len(s.conns))
	for c := range s.conns {
		all = append(all, c)
	}
	s.mu.Unlock()
	for _, c := range all {
		if c.side == accepted {
			c.Close(int(websocket.StatusServiceRestart), restarts)
		} else {
			c.Close(int(websocket.StatusGoingAway), "the service stops")
		}
	}
	done := make(chan struct{})
	go func() { defer close(done); s.running.Wait() }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
	}
	for _, c := range all {
		c.sever()
	}
	return fmt.Errorf("close %d WebSocket connections: %w", len(all), ctx.Err())
}
