// Package intake brings the log lines of programs that are not ours into the log store: their standard input, a file, or
// a command that it runs. Lines are recognised by internal/foreign, and go through the same spool, redaction and shipper
// as every service's own.
//
//	stdin ───────────────────────┐
//	file ── follow (place kept) ─┼─▶ foreign.Stream ─▶ Sender ─▶ logging ─▶ spool ─▶ OTLP/gRPC ─▶ store
//	command ── stdout, stderr ───┘                       ▲
//	                 └─▶ passed through                  └── waits while the spool has no room (not for a command)
package intake

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// store is the service whose private port takes log records.
const store = "view-service"

// SenderSettings say in whose name records are sent, and by whom.
type SenderSettings struct {
	Service, Instance string // of the records
	Version           string
	Environment       string
	Level             slog.Level // lower ones are left out
	SpoolDir          string
	Unhurried         bool // errors do not wait for the disk: what they come from is there still
	Began             time.Time

	// Over the private port, with a service's key:
	SignAs  string // name of the key's owner in the trust bundle; it may send for Service
	KeyFile string
	TLS     mtls.Files // of the same name; none: the mesh is plain
	Peers   peers.Resolver

	// Or over the gateway, with a user token of the role sender:
	URL   string // base URL of the mesh; "": the private port
	Token string
}

// Sender is the line of one foreign service into the store. Safe for concurrent use; Start once, Stop before Close.
type Sender struct {
	settings SenderSettings
	registry *prometheus.Registry
	logs     *logging.Logs
	web      *webConn   // nil: over the private port
	mesh     *mesh.Mesh // nil: over the gateway
	conn     *grpc.ClientConn
	agent    *fleet.Agent // tells the store how far the sequences go; without an address it is no instance. nil: over the gateway
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	loggers map[string]slog.Handler
}

// NewSender opens the spool, and connects to nobody yet. A spool that another process holds is spool.ErrHeld.
func NewSender(s SenderSettings) (_ *Sender, err error) {
	one := &Sender{settings: s, registry: prometheus.NewRegistry(), cancel: func() {}, loggers: map[string]slog.Handler{}}
	var signer *servicetoken.Signer
	if s.URL != "" {
		one.web, err = newWebConn(s.URL, s.Token)
	} else {
		signer, err = signerOf(s)
	}
	if err != nil {
		return nil, err
	}
	levels := level.NewTable(level.Spec{Root: s.Level})
	one.logs, err = logging.New(logging.Settings{
		Service: s.Service, Instance: s.Instance, Version: s.Version, Environment: s.Environment, Levels: levels,
		Stderr: io.Discard, SpoolDir: s.SpoolDir, Unhurried: s.Unhurried, Registerer: one.registry,
	})
	if err != nil || one.web != nil {
		return one.orNil(err)
	}
	calls := mesh.Settings{Service: s.SignAs, Peers: s.Peers, Signer: signer, Registerer: one.registry, Logger: one.logs.Logger(s.Service), Retries: true}
	if !s.TLS.None() {
		if calls.Certificates, err = mtls.Open(mtls.Settings{Service: s.SignAs, Files: s.TLS}); err != nil {
			return nil, errors.Join(err, one.Close(context.Background()))
		}
	}
	one.mesh = mesh.New(calls)
	if one.conn, err = one.mesh.RPC(store); err != nil {
		return nil, errors.Join(err, one.Close(context.Background()))
	}
	one.agent = fleet.New(fleet.Settings{
		Service: s.Service, Instance: s.Instance, Version: s.Version, Epoch: one.logs.Epoch(), PID: os.Getpid(), StartedAt: s.Began,
		Client: fleetv1.NewFleetServiceClient(one.conn), Effects: map[string]lease.Effect{lease.Level: fleet.LevelEffect(level.NewSources(levels, fleet.Source))}, Ledger: one.logs.Ledger, Registerer: one.registry,
	})
	return one, nil
}

func (s *Sender) orNil(err error) (*Sender, error) {
	if err != nil {
		return nil, err
	}
	return s, nil
}

func signerOf(s SenderSettings) (*servicetoken.Signer, error) {
	key, err := servicetoken.LoadKey(s.KeyFile)
	if err != nil {
		return nil, err
	}
	return servicetoken.NewSigner(s.SignAs, key)
}

// Logger is for records of the caller's own, in the service's name.
func (s *Sender) Logger() *slog.Logger { return s.logs.Logger(s.settings.Service) }

// Mesh calls others by the same key; nil over the gateway.
func (s *Sender) Mesh() *mesh.Mesh { return s.mesh }

// Start ships what has gathered in the spool, and all that follows.
func (s *Sender) Start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel = cancel
	if s.web != nil {
		s.running.Go(func() { _ = s.logs.Ship(ctx, s.web) })
		return
	}
	s.running.Go(func() { _ = s.logs.Ship(ctx, s.conn) }) // it ends with ctx alone; what is left stays in the spool
	s.running.Go(func() { _ = s.agent.Run(ctx) })         // likewise
}

// Drain waits until the store has what is there, while it will be away. Records made from now on stay in the spool, and
// the next run ships them and tells where this one ended: until then nobody knows.
func (s *Sender) Drain(ctx context.Context) error {
	err := s.logs.Drain(ctx)
	s.logs.Unheard()
	return err
}

// Goodbye ends the run for records, and tells the store that there will be no more than those made by now, whether or not
// it has them: else it would take the silence for a loss. It is tried once; where nobody can be told, a record says it
// when it arrives.
func (s *Sender) Goodbye(ctx context.Context) {
	if s.agent != nil {
		s.logs.Seal()
		if s.agent.Stop(ctx) != nil {
			s.logs.Unheard()
		}
		return
	}
	said := s.lastWord(ctx)
	s.logs.Seal()
	if s.issued() != said {
		s.logs.Unheard() // a record came in between
	}
	if s.Trouble() == nil {
		_ = s.logs.Drain(ctx) // else the next run sends it
	}
}

// issued is how many records of this run there are.
func (s *Sender) issued() (n uint64) {
	for _, c := range s.logs.Ledger() {
		n += c.Issued
	}
	return n
}

// lastWord is a record with the last sequences of this run, its own included, in the form that the store knows from
// sidecars that found the spool of an earlier run. It answers how many records it has told of.
func (s *Sender) lastWord(ctx context.Context) (said uint64) {
	at := max(slog.LevelInfo, s.settings.Level)
	own := spool.ClassOf(at).String()
	var last []slog.Attr
	for _, c := range s.logs.Ledger() {
		said += c.Issued
		if c.Name == own {
			c.Issued++
		}
		last = append(last, slog.Uint64(c.Name, c.Issued))
	}
	if said == 0 {
		return 0 // nobody misses anything
	}
	s.logs.Logger(s.settings.Service+".logging").LogAttrs(ctx, at, "run has ended", slog.String("ended_instance", s.settings.Instance),
		slog.String("ended_epoch", s.logs.Epoch()), slog.Attr{Key: "last_seq", Value: slog.GroupValue(last...)})
	return said + 1
}

// Stop ends shipping.
func (s *Sender) Stop() {
	s.cancel()
	s.running.Wait()
}

// Close ends the spool. What is in it is shipped by the next Sender of this service.
func (s *Sender) Close(ctx context.Context) error {
	var err error
	if s.mesh != nil {
		err = s.mesh.Close()
	}
	return errors.Join(err, s.logs.Close(ctx))
}
