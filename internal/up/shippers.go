package up

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
	"github.com/signalbox-mesh/signalbox/internal/intake"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
)

// Names by which `up` itself and the servers that it starts are known in the mesh. Each has a key of its own, so
// that their lines are shipped like any service's.
const (
	operator       = "up"
	serverPostgres = "postgresql"
	serverRabbitMQ = "rabbitmq"
	serverJaeger   = "jaeger"
)

// shippers bring the servers' own lines into the log store.
type shippers struct {
	all     map[string]*intake.Sender
	logs    []io.Closer // of the servers, whose last lines may wait
	started bool
}

func newShippers(m *meshup) (*shippers, error) {
	s := &shippers{all: map[string]*intake.Sender{}}
	for _, name := range m.senders() {
		one, err := intake.NewSender(intake.SenderSettings{
			Service: name, Instance: name + "-1", Version: m.options.Version, Environment: "dev", Level: slog.LevelInfo, Began: m.began,
			SpoolDir: m.state.path("spool", name, name+"-1"), SignAs: name, KeyFile: m.state.keyFile(name), TLS: Certificates(m.state.dir, name), Peers: m.book,
		})
		if err != nil {
			return nil, errors.Join(err, s.close(context.Background()))
		}
		s.all[name] = one
	}
	return s, nil
}

// senders are `up` itself and the servers whose lines it ships.
func (m *meshup) senders() []string {
	all := []string{operator, serverPostgres, serverRabbitMQ}
	if m.options.Jaeger {
		all = append(all, serverJaeger)
	}
	return all
}

// lines is where a server writes its stderr.
func (s *shippers) lines(server string) io.Writer {
	format, emit := foreign.RabbitMQ, s.all[server].Record
	switch server {
	case serverPostgres:
		format, emit = foreign.PostgreSQL, hidePostgres(emit)
	case serverJaeger:
		format = foreign.JSON
	}
	l := newLineLog(format, emit)
	s.logs = append(s.logs, l)
	return l
}

// log is where `up` speaks of itself.
func (s *shippers) log() *slog.Logger { return s.all[operator].Logger() }

func (s *shippers) meshOf(name string) *mesh.Mesh { return s.all[name].Mesh() }

// start ships what has gathered in the spools, and all that follows.
func (s *shippers) start() {
	s.started = true
	for _, one := range s.all {
		one.Start()
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
		done.Go(func() { _ = one.Drain(ctx) }) // what is left goes out with the next `up`
	}
	done.Wait()
}

// stop ends shipping.
func (s *shippers) stop(context.Context) error {
	for _, one := range s.all {
		one.Stop()
	}
	return nil
}

// close ends the spools, after the servers have written their last line.
func (s *shippers) close(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	var errs []error
	for _, l := range s.logs {
		errs = append(errs, l.Close())
	}
	for _, one := range s.all {
		errs = append(errs, one.Close(ctx))
	}
	return errors.Join(errs...)
}
