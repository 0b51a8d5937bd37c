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

	mu       sync.RWMutex
	outbound map[string]*outbound // by service, as the next one; both are made at the first call
	callees  map[string]*callee
	closed   bool
}

var errClosed = errors.New("the mesh's clients are closed")

// New makes the clients; nothing is connected before the first call.
func New(s Settings) *Mesh {
	s = s.withDefaults()
	m := &Mesh{settings: s, metrics: newMetrics(s.Registerer), rules: &rules{}, tracer: tracerOf(s.TracerProvider), names: newNames(),
		outbound: map[string]*outbound{}, callees: map[string]*callee{}}
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
	m.mu.RLock()
	defer m.mu.RUnlock()
	for _, d := range m.outbound {
		all = append(all, d.destination)
	}
	for _, d := range m.callees {
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
	d, err := known(m, m.callees, service, m.newCallee)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", service, err)
	}
	return d.conn, nil
}

// known is what there is of a service, made at the first call.
func known[D any](m *Mesh, all map[string]*D, service string, make func(string) (*D, error)) (*D, error) {
	m.mu.RLock()
	d := all[service]
	m.mu.RUnlock()
	if d != nil {
		return d, nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if d := all[service]; d != nil {
		return d, nil
	}
	if m.closed {
		return nil, errClosed
	}
	d, err := make(service)
	if err == nil {
		all[service] = d
	}
	return d, err
}

// Close closes all connections; calls in flight by gRPC fail, those by HTTP come to their end. Idempotent.
func (m *Mesh) Close() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.closed = true
	var all error
	for service, d := range m.callees {
		all = errors.Join(all, d.close())
		delete(m.callees, service) // no connection that is closed is given out
	}
	m.names.close()
	for _, d := range m.outbound {
		d.close()
	}
	return all
}
