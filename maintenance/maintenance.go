// Package maintenance is the other end of what every sidecar promises: the log store with its OTLP
// receiver, queries and tails; the fleet; leases that change a running mesh; and the audit. It is a library
// that view-service hosts, owns the schema maintenance, and may run in several replicas on one schema.
package maintenance

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/httpapi"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/ingest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/postgres"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/traces"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// Schema that the log store owns.
const Schema = "maintenance"

// Migrations of the schema: its own, and those of the outbox that its events go out by.
func Migrations() []pg.Migrations { return []pg.Migrations{outbox.Migrations(), postgres.Migrations()} }

// Config is what an operator sets.
type Config struct {
	Keeping
	ProfileKeeping
	Tracing
	LeaseTTL    time.Duration `env:"LEASE_TTL" envDefault:"15m" desc:"how long a lease holds that names no time"`
	LeaseMaxTTL time.Duration `env:"LEASE_MAX_TTL" envDefault:"24h" desc:"longest time that a lease may name"`
	CacheMiB    int64         `env:"LOG_CACHE_MIB" envDefault:"256" desc:"memory for the filters of log blocks, and for small blocks, on one replica, in MiB; a million records have some 5"`
	MaxTails    int           `env:"LOG_MAX_TAILS" envDefault:"32" desc:"log tails open at once on one replica"`
	Quota       float64       `env:"LOG_QUOTA" envDefault:"0" desc:"log records a second that one replica takes of each service; 0: no bound but a fair share of what the store can take"`
	Queue       int           `env:"LOG_QUEUE" envDefault:"20000" desc:"log records of one service that may wait on one replica to be stored (one above 1 KiB counts for each KiB); more are refused until there is room"`
}

// DefaultConfig is what holds without settings.
func DefaultConfig() Config {
	return Config{Keeping: Keeping{Retention: 7 * 24 * time.Hour, MaxSize: "0"}, ProfileKeeping: DefaultProfileKeeping(), LeaseTTL: 15 * time.Minute, LeaseMaxTTL: 24 * time.Hour, CacheMiB: 256, MaxTails: 32, Queue: 20_000}
}

// Signer signs control messages with the hosting service's key.
type Signer interface {
	SignMessage(payload []byte) (string, error)
}

// Asker has acknowledgements made for this replica alone.
type Asker interface {
	Key() string
	Open(answer, service string) ([]byte, error)
}

// Settings are what the host gives.
type Settings struct {
	Config     Config
	Service    string // the host's name
	Instance   string // of this replica
	DB         *pg.DB // schema maintenance
	Bus        bus.Bus
	Signer     Signer
	Verify     func(token, signer string) ([]byte, error) // the payload that a service has signed; nil: no acknowledgement counts
	Asker      Asker                                      // opens what instances answer to it; nil: they sign their acknowledgements
	API        *web.API
	RPC        *rpc.Server
	Verifier   access.Verifier           // of the tokens of foreign senders
	Revoked    func(subject string) bool // whether such a token was taken back; nil: none was
	Services   func() []string           // services of the mesh, that metrics may name
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Maintenance of one replica. New registers its routes and methods; Run does what it does unasked.
type Maintenance struct {
	settings Settings
	store    *postgres.Store
	announce *lease.Announcer
	leases   *lease.Service
	outbox   *outbox.Outbox // nil without a bus
	http     *httpapi.Handlers
	watch    *watch
	topology *topology.Watch
	traces   *traces.Reader
	metrics  metrics
	profiled prometheus.Gauge
}

// senders may send log records in other names than their own: "up" ships the lines of the servers that it starts.
func senders() map[string][]string { return map[string][]string{"up": {"*"}} }

// maxBatch is the most records of one OTLP request, maxMessage its most bytes.
const (
	maxBatch   = 10_000
	maxMessage = 16 << 20
	ackWait    = 2 * time.Second
)

// New wires everything and registers routes, methods and metrics with the host.
func New(s Settings) (*Maintenance, error) {
	store := postgres.New(s.DB)
	store.Cache(s.Config.CacheMiB << 20)
	reader, page, err := s.Config.open(s.Registerer)
	if err != nil {
		return nil, err
	}
	m := &Maintenance{settings: s, store: store, traces: reader, metrics: newMetrics(s.Registerer)}
	m.wireLeases()
	m.watch = newWatch(store, s)
	m.topology = topology.NewWatch(store, fleet.Lost, fleet.Gone)
	s.Registerer.MustRegister(newCauses(m.topology))
	s.Registerer.MustRegister(newLateness(store, s.Service))
	m.http = httpapi.New(httpapi.Settings{Logs: store, Fleet: store, Leases: store, Profiles: store, Changer: m.leases, Overdue: store, Topology: m.topology, Ready: s.DB.Migrated,
		Traces: reader, TracePage: page,
		MaxTails: s.Config.MaxTails, Registerer: s.Registerer})
	m.http.Register(s.API)
	return m, m.register()
}

// register puts the receiver and the fleet on the private port.
func (m *Maintenance) register() error {
	s := m.settings
	receiver := ingest.New(ingest.Settings{Store: bounded{m}, Caller: access.Caller, Senders: senders(), Known: s.Services, Revoked: s.Revoked,
		Unavailable: pg.IsUnavailable, Retention: s.Config.longest(), MaxBatch: maxBatch, Queue: s.Config.Queue,
		Quota: s.Config.Quota, Stored: m.http.Stored, Registerer: s.Registerer})
	err := s.RPC.RegisterWith(ingest.ServiceDesc(), receiver, rpc.Registration{MaxMessage: maxMessage,
		Callers: map[string]rpc.Callers{"Export": rpc.AnyService()}, Foreign: foreign{s.Verifier}.admit})
	if err != nil {
		return fmt.Errorf("register the log receiver: %w", err)
	}
	s.API.HandleTelemetry(httpapi.ExportOperation(), access.Has(access.Sender), receiver)
	server := fleet.NewServer(m.store, m.leases, hearing{m.topology}, access.Caller, s.Logger, s.Registerer)
	err = s.RPC.RegisterWith(&fleetv1.FleetService_ServiceDesc, server, rpc.Registration{
		Callers: map[string]rpc.Callers{"Sync": rpc.AnyService()}, Ungated: true}) // the topology hears it before there is a database
	if err != nil {
		return fmt.Errorf("register the fleet: %w", err)
	}
	return m.registerProfiles()
}

// Run makes the partitions of this hour and the next as soon as the schema is there, keeps the receipts of leases, and ends the
// open tails when ctx ends. After an error it is called again, and until then tails stay open: closed once, none would ever
// hold again.
func (m *Maintenance) Run(ctx context.Context) error {
	if err := m.prepare(ctx); err != nil {
		return err
	}
	defer m.http.Close()
	m.leases.Keep(ctx)
	return nil
}

// Close ends the open tails at once, so that the host's listener can drain, and lets go of the trace store.
func (m *Maintenance) Close() {
	m.http.Close()
	m.traces.Close()
}

func (m *Maintenance) prepare(ctx context.Context) error {
	if err := m.settings.DB.Migrated(); err != nil {
		return fmt.Errorf("prepare the log: %w", err)
	}
	for _, t := range []time.Time{time.Now(), time.Now().Add(time.Hour)} {
		if err := m.store.Partition(ctx, t); err != nil {
			return err
		}
	}
	return nil
}

// CheckQuery says what is wrong with a query of the log, and where; nil when nothing is.
func CheckQuery(text string) error {
	_, err := query.Parse(text)
	return err
}
