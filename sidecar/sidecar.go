// Package sidecar is what every service embeds: ops paths, logging and its shipping, levels, tracing,
// PostgreSQL, bus, timed events and the private port, behind one type.
//
// New wires and binds, Run serves, Stop undoes in reverse:
//
//	new ──New──▶ bound ──Run──▶ serving ──ctx ends / Stop──▶ draining ──▶ stopped
//	                 └──────────────Stop──────────────────────────────────▶ stopped
//
// While its database is not ready a sidecar is live and down on /hc, and its routes answer 503; everything that
// needs the database (subscriptions, timed events, outbox, workers) starts once it is ready.
package sidecar

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	oteltrace "go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls"
	"github.com/signalbox-mesh/signalbox/sidecar/ops"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/profile"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
	"github.com/signalbox-mesh/signalbox/sidecar/web/socket"
)

// Settings are what code injects; Config (config.go) is what an operator sets.
type Settings struct {
	Service    string          // the one name of the service
	Version    string          // default: the module's version from the build info
	Schema     string          // its PostgreSQL schema; "": no database
	Migrations []pg.Migrations // of that schema, run at start
	Peers      peers.Resolver  // nil: Config.Peers, else DNS
	Verifier   access.Verifier // nil: keys from identity's private port
	Stderr     io.Writer       // nil: os.Stderr
	Whole      any             // the configuration of a service with settings of its own, to tell instances apart; nil: Config

	// Keys are the services' public keys, where several sidecars of one process share them; nil: Config.TrustBundle.
	Keys *servicetoken.Bundle

	// Profilers are those of the process; the services of one share it. nil: this is the only one.
	Profilers *profile.Runtime

	// Bus opens this sidecar's view of a bus that several share in one process; nil: Config.AMQPURL; neither: no bus.
	Bus func(bus.Client) (bus.Bus, error)
	// Published is told, in the transaction that marks outbox rows, how their publication ended; may be nil.
	Published func(ctx context.Context, tx pg.Tx, all []outbox.Outcome) error
}

// Sidecar of one service instance. Its methods are safe for concurrent use; what registers something (Mount,
// Subscribe, Timed, Go, RPC().Register, API routes) is called between New and Run.
type Sidecar struct {
	config   Config
	settings Settings
	instance string
	started  time.Time

	logs     *logging.Logs
	log      *slog.Logger // the sidecar's own: <service>.sidecar
	levels   *level.Table
	sources  *level.Sources
	registry *prometheus.Registry
	edges    *telemetry.Edges
	tracing  *trace.Provider
	health   *health.Health
	flows    *debug.Flows
	failures *debug.Failures
	boxBase  logging.BlackBoxSettings // of the black box, without a lease
	signer   *servicetoken.Signer
	bundle   *servicetoken.Bundle
	peers    peers.Resolver
	mesh     *mesh.Mesh

	certificates *mtls.Store // nil: everything is plain
	private      *rpc.Server
	api          *web.API
	verifier     access.Verifier
	db           *pg.DB
	extra        []extraDB
	bus          bus.Bus
	outbox       *outbox.Outbox
	timed        *timed.Timed
	fleet        *fleet.Agent
	local        *ops.Local
	profiles     *profile.Collector // nil without a key

	publicLn, privateLn, opsLn net.Listener
	subscriptions              []bus.Subscription

	pipeline  workers // shipping and sync: first up, last down
	pipelined bool    // Run has started them
	heard     bool    // view-service was told of the stop
	workers   workers // everything else in the background

	public, opsServer *http.Server
	serving           sync.WaitGroup
	consumers         undo // what Run subscribed
	missing           atomic.Pointer[missing]
	busMet            atomic.Bool // the bus has been connected once
	held              undo        // what New acquired

	mu       sync.Mutex
	sockets  *socket.Sockets // nil: nobody has asked for them
	running  bool
	stopping chan struct{} // closed by Stop
	stopped  chan struct{} // closed when all is undone
	stopErr  error
}

// extraDB is a further schema and its migrations.
type extraDB struct {
	db   *pg.DB
	sets []pg.Migrations
}

// Logger is a named logger: Logger("store") of catalogs is "catalogs.store"; "" is the service's root logger.
func (s *Sidecar) Logger(name string) *slog.Logger {
	if name == "" {
		return s.logs.Logger(s.settings.Service)
	}
	return s.logs.Logger(s.settings.Service + "." + name)
}

// Registry is the one that /metrics serves.
func (s *Sidecar) Registry() *prometheus.Registry { return s.registry }

// Edges are what passes between this service and others; the mesh's clients, the database and the bus count for themselves.
func (s *Sidecar) Edges() *telemetry.Edges { return s.edges }

// TracerProvider of this sidecar.
func (s *Sidecar) TracerProvider() oteltrace.TracerProvider { return s.tracing.TracerProvider() }

// DB is nil when Settings.Schema is empty.
func (s *Sidecar) DB() *pg.DB { return s.db }

// Bus is nil without one.
func (s *Sidecar) Bus() bus.Bus { return s.bus }

// Outbox is nil without database or bus.
func (s *Sidecar) Outbox() *outbox.Outbox { return s.outbox }

// API is the REST side of the public port; its routes answer 503 until the database is ready.
func (s *Sidecar) API() *web.API { return s.api }

// Verifier checks user tokens, as the API does.
func (s *Sidecar) Verifier() access.Verifier { return s.verifier }

// Mount serves a plain http.Handler of an existing service on the public port, with metrics, tracing and access
// log; rule says who may call it. pattern is http.ServeMux's.
func (s *Sidecar) Mount(pattern string, rule access.Rule, h http.Handler) {
	s.api.Handle(pattern, rule, h)
}

// Sockets are the service's WebSocket connections: those that its routes accept, and those that it opens to other services. They are
// made, with their metrics, when they are asked for.
func (s *Sidecar) Sockets() *socket.Sockets {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sockets == nil {
		s.sockets = socket.New(socket.Settings{
			Service: s.settings.Service, Instance: s.instance, Mesh: s.mesh, Registerer: s.registry,
			TracerProvider: s.tracing.TracerProvider(), Propagator: s.tracing.Propagator(), Logger: s.Logger("socket"),
			Flows: s.flows, Failures: s.failures,
		})
	}
	return s.sockets
}

// RPC is the private port's server.
func (s *Sidecar) RPC() *rpc.Server { return s.private }

// Mesh calls other services.
func (s *Sidecar) Mesh() *mesh.Mesh { return s.mesh }

// Peers resolves other services' addresses.
func (s *Sidecar) Peers() peers.Resolver { return s.peers }

// Health of this instance.
func (s *Sidecar) Health() *health.Health { return s.health }

// Signer signs as this service; nil without Config.KeyFile.
func (s *Sidecar) Signer() *servicetoken.Signer { return s.signer }

// Bundle holds every service's public key; nil without Settings.Keys and Config.TrustBundle.
func (s *Sidecar) Bundle() *servicetoken.Bundle { return s.bundle }

// Certificates are this service's ends of connections over mutual TLS; nil without Config.TLSCert.
func (s *Sidecar) Certificates() *mtls.Store { return s.certificates }

// Subscribe handles events while Run runs, from when the database is ready.
func (s *Sidecar) Subscribe(sub bus.Subscription) { s.subscriptions = append(s.subscriptions, sub) }

// Timed declares a schedule and its handler; timed.ErrNoBus without a bus. Every service with a database and a bus has
// <service>.event-purge already.
func (s *Sidecar) Timed(t timed.Schedule, h timed.Handler) error {
	return s.timed.Add(t, h) // which answers timed.ErrNoBus where there is none
}

// Route has fires handled here that others have declared; timed.ErrNoBus without a bus.
func (s *Sidecar) Route(r timed.Route) error { return s.timed.Route(r) }

// Go runs background work between Run and Stop, from when the database is ready; it is started again with backoff
// when it fails.
func (s *Sidecar) Go(name string, work func(ctx context.Context) error) { s.workers.add(name, work) }

// PublicAddr is the host:port of the public listener, bound in New.
func (s *Sidecar) PublicAddr() string { return s.publicLn.Addr().String() }

// PrivateAddr is the host:port of the gRPC listener, bound in New.
func (s *Sidecar) PrivateAddr() string { return s.privateLn.Addr().String() }

// OpsAddr is where the ops paths answer: the public listener, or the one of Config.OpsAddr.
func (s *Sidecar) OpsAddr() string {
	if s.opsLn != nil {
		return s.opsLn.Addr().String()
	}
	return s.PublicAddr()
}

// Instance is the name of this instance within its service.
func (s *Sidecar) Instance() string { return s.instance }
