package up

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// Names by which `up` itself and the servers that it starts are known in the mesh. Each has a key of its own, so
// that their lines are shipped like any service's.
const (
	operator       = "up"
	serverPostgres = "postgresql"
	serverRabbitMQ = "rabbitmq"
)

// shippers bring the servers' own lines into the log store.
type shippers struct {
	all     map[string]*shipper
	started bool
	cancel  context.CancelFunc
	running sync.WaitGroup
}

type shipper struct {
	logs   *logging.Logs
	dialer *rpc.Dialer
	agent  *fleet.Agent // tells the store how far the sequences go; without an address it is no instance
}

func newShippers(m *meshup) (*shippers, error) {
	s := &shippers{all: map[string]*shipper{}, cancel: func() {}}
	for _, name := range []string{operator, serverPostgres, serverRabbitMQ} {
		one, err := newShipper(m, name)
		if err != nil {
			return nil, errors.Join(err, s.close(context.Background()))
		}
		s.all[name] = one
	}
	return s, nil
}

func newShipper(m *meshup, name string) (*shipper, error) {
	key, err := servicetoken.LoadKey(m.state.keyFile(name))
	if err != nil {
		return nil, err
	}
	signer, err := servicetoken.NewSigner(name, key)
	if err != nil {
		return nil, err
	}
	spec, err := level.ParseSpec("info")
	if err != nil {
		return nil, err
	}
	levels, registry := level.NewTable(spec), prometheus.NewRegistry() // nobody scrapes `up`; what matters is in the store
	logs, err := logging.New(logging.Settings{
		Service: name, Instance: name + "-1", Version: m.options.Version, Environment: "dev", Levels: levels,
		Stderr: io.Discard, SpoolDir: m.state.path("spool", name, name+"-1"), Registerer: registry,
	})
	if err != nil {
		return nil, err
	}
	one := &shipper{logs: logs, dialer: rpc.NewDialer(rpc.Settings{Service: name, Signer: signer, Registerer: registry, Logger: logs.Logger(name)}, m.book)}
	conn, err := one.dialer.Dial("view-service")
	if err != nil {
		return nil, errors.Join(err, logs.Close(context.Background()))
	}
	one.agent = fleet.New(fleet.Settings{
		Service: name, Instance: name + "-1", Version: m.options.Version, Epoch: logs.Epoch(), PID: os.Getpid(), StartedAt: m.began,
		Client: fleetv1.NewFleetServiceClient(conn), Levels: level.NewSources(levels, fleet.Source), Ledger: logs.Ledger, Registerer: registry,
	})
	return one, nil
}

// lines is where a server writes its stderr.
func (s *shippers) lines(server string) io.Writer {
	parse := parsePostgres()
	if server == serverRabbitMQ {
		parse = parseRabbitMQ
	}
	return &lineLog{log: s.all[server].logs.Logger(server), parse: parse}
}

// log is where `up` speaks of itself.
func (s *shippers) log() *slog.Logger { return s.all[operator].logs.Logger(operator) }

func (s *shippers) dialerOf(name string) *rpc.Dialer { return s.all[name].dialer }

// start ships what has gathered in the spools, and all that follows.
func (s *shippers) start() {
	ctx, cancel := context.WithCancel(context.Background())
	s.cancel, s.started = cancel, true
	for _, one := range s.all {
		s.running.Go(func() {
			conn, err := one.dialer.Dial("view-service")
			if err == nil {
				_ = one.logs.Ship(ctx, conn) // it ends with ctx alone; what is left stays in the spool
			}
		})
		s.running.Go(func() { _ = one.agent.Run(ctx) }) // likewise
	}
}

// goodbye lets the store have what is there, and tells it that no more will come while it is away. Lines written from
// now on stay in the spool, for the next `up`.
func (s *shippers) goodbye(ctx context.Context) {
	if !s.started {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	var done sync.WaitGroup
	for _, one := range s.all {
		done.Go(func() {
			if one.logs.Drain(ctx) == nil {
				one.agent.Stop(ctx)
			}
		})
	}
	done.Wait()
}

// stop ends shipping.
func (s *shippers) stop(context.Context) error {
	s.cancel()
	s.running.Wait()
	return nil
}

// close ends the spools, after the servers have written their last line.
func (s *shippers) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var errs []error
	for _, one := range s.all {
		errs = append(errs, one.dialer.Close(), one.logs.Close(ctx))
	}
	return errors.Join(errs...)
}
