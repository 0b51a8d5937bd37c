// Package mesh is how a service calls others: clients for HTTP and gRPC that find the replicas, share the calls among them,
// hold deadlines, try again what may be tried again, and leave a destination alone that fails.
//
//	       policy, faults (leases)
//	              │
//	call ─▶ deadline ─▶ breaker ─▶ ┌ fault ─▶ replica (power of two choices) ─▶ token, trace, time left ─▶ wire ┐
//	                               └──────────────── again? idempotent, budget, time left ◀────────────────────┘
//	                                   │
//	                     edge of the topology, metrics, span
//
// docs/mesh.md says what the defaults are, and how each is changed and turned off.
package mesh

import (
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
	"google.golang.org/grpc"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// Settings of a service's way to others.
type Settings struct {
	Service        string                        // its name
	Peers          peers.Resolver                // nil: DNS
	Signer         *servicetoken.Signer          // nil: calls go out without a token, and are refused
	Certificates   Certificates                  // nil: the transport is plain
	TracerProvider trace.TracerProvider          // nil: no spans
	Propagator     propagation.TextMapPropagator // nil: W3C trace context and baggage
	Registerer     prometheus.Registerer         // nil: metrics are not seen
	Edges          *telemetry.Edges              // nil: those of Registerer
	Logger         *slog.Logger                  // nil: silent
	Retries        bool                          // false: nothing is tried again, as a proxy between the services does it
}

// Certificates are the TLS of calls to others.
type Certificates interface {
	// Client is the configuration of connections to a service; it is asked once for each protocol, so what changes does so
	// within it.
	Client(service string) (*tls.Config, error)
}

func (s Settings) withDefaults() Settings {
	if s.Peers == nil {
		s.Peers = peers.DNS{}
	}
	if s.TracerProvider == nil {
		s.TracerProvider = tracenoop.NewTracerProvider()
	}
	if s.Propagator == nil {
		s.Propagator = propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{})
	}
	if s.Edges == nil {
		s.Edges = telemetry.NewEdges(s.Registerer, s.Service)
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	return s
}

// Mesh has the connections of one service to all others. Safe for concurrent use.
type Mesh struct {
	settings Settings
	metrics  *metrics
	rules    *rules

	tracer trace.Tracer // nil: no spans
	names  *names

	mu      sync.Mutex
	conns   map[string]*grpc.ClientConn
	clients map[string]*http.Client
	closed  bool

	destinations struct {
		sync.RWMutex
		http   map[string]*outbound
		rpc    map[string]*callee
		closed bool
	}
}

// New makes the clients; nothing is connected before the first call.
func New(s Settings) *Mesh {
	s = s.withDefaults()
	m := &Mesh{settings: s, metrics: newMetrics(s.Registerer), rules: &rules{}, tracer: tracerOf(s.TracerProvider), names: newNames(),
		conns: map[string]*grpc.ClientConn{}, clients: map[string]*http.Client{}}
	m.destinations.http, m.destinations.rpc = map[string]*outbound{}, map[string]*callee{}
	m.rules.changed = m.follow
	return m
}

// Policies puts policy leases into force.
func (m *Mesh) Policies() lease.Effect { return policies{m.rules} }

// Faults puts fault leases into force.
func (m *Mesh) Faults() lease.Effect { return faults{m.rules} }

// follow has every destination take over what the leases say now.
func (m *Mesh) follow() {
	for _, d := range m.all() {
		d.follow()
	}
}

func (m *Mesh) all() (all []*destination) {
	m.destinations.RLock()
	defer m.destinations.RUnlock()
	for _, d := range m.destinations.http {
		all = append(all, d.destination)
	}
	for _, d := range m.destinations.rpc {
		all = append(all, d.destination)
	}
	return all
}

// Open is nil while no circuit breaker is open, and else says whose are: the service works, and others do not.
func (m *Mesh) Open() error {
	var open []string
	for _, d := range m.all() {
		if d.breaker.remaining() > 0 {
			open = append(open, d.service+" ("+d.protocol+")")
		}
	}
	if open == nil {
		return nil
	}
	slices.Sort(open)
	return fmt.Errorf("%w: %s", ErrOpen, strings.Join(open, ", "))
}

// RPC is the shared connection to the private port of a service; it connects lazily and never blocks. The caller does not
// close it. It balances over all replicas, and follows them as they change. A unary call without a deadline has 10 s.
func (m *Mesh) RPC(service string) (*grpc.ClientConn, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.closed {
		return nil, errors.New("connect to " + service + ": the mesh's clients are closed")
	}
	if conn, ok := m.conns[service]; ok {
		return conn, nil
	}
	options, err := m.options(m.callee(service))
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", service, err)
	}
	conn, err := grpc.NewClient(scheme+":///"+service, options...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", service, err)
	}
	m.conns[service] = conn
	return conn, nil
}

// callee is what there is of a service, made with its connection.
func (m *Mesh) callee(service string) *callee {
	m.destinations.Lock()
	defer m.destinations.Unlock()
	d := m.destinations.rpc[service]
	if d == nil {
		d = &callee{destination: m.newDestination(service, GRPC)}
		m.destinations.rpc[service] = d
	}
	return d
}

// Close closes all connections; calls in flight by gRPC fail, those by HTTP come to their end. Idempotent.
func (m *Mesh) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	var all error
	for service, conn := range m.conns {
		all = errors.Join(all, conn.Close())
		delete(m.conns, service)
	}
	m.names.close()
	m.destinations.Lock()
	defer m.destinations.Unlock()
	m.destinations.closed = true
	for _, d := range m.destinations.http {
		d.close()
	}
	for _, d := range m.destinations.rpc {
		d.breaker.close()
	}
	return all
}
