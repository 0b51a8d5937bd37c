package sidecar

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Run serves until ctx ends, Stop is called or a listener fails; then it stops in order, within
// Config.StopTimeout after Config.DrainDelay. It is called once; after Stop it returns at once.
func (s *Sidecar) Run(ctx context.Context) error {
	if !s.begin() {
		return nil
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s.log.InfoContext(ctx, "service is starting", slog.String("version", s.settings.Version),
		slog.String("public", s.PublicAddr()), slog.String("private", s.PrivateAddr()), slog.Any("settings", described(s.config)))
	s.health.Start(ctx)
	go s.pulse()
	failed := s.serve()
	s.startPipeline()
	starting := make(chan struct{})
	go func() { defer close(starting); s.startWork(ctx) }()

	var err error
	select {
	case <-ctx.Done():
	case <-s.stopping:
	case err = <-failed:
	}
	stopCtx, done := context.WithTimeout(context.WithoutCancel(ctx), s.config.DrainDelay+s.config.StopTimeout)
	defer done()
	s.health.Drain()
	cancel()
	<-starting
	s.finish(stopCtx)
	return errors.Join(err, s.stopErr)
}

// begin claims the one Run; false after Stop.
func (s *Sidecar) begin() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	select {
	case <-s.stopping:
		return false
	default:
		s.running = true
		return true
	}
}

// serve answers on the bound listeners. What it returns receives the first failure of one.
func (s *Sidecar) serve() <-chan error {
	failed := make(chan error, 3)
	public := s.publicLn
	if s.certificates != nil {
		public = s.certificates.Either(public)
	}
	s.serveHTTP(s.public, public, failed)
	if s.opsLn != nil {
		s.serveHTTP(s.opsServer, s.opsLn, failed)
	}
	s.serving.Go(func() {
		if err := s.private.Serve(s.privateLn); err != nil {
			failed <- err
		}
	})
	return failed
}

func (s *Sidecar) serveHTTP(server *http.Server, ln net.Listener, failed chan<- error) {
	s.serving.Go(func() {
		if err := server.Serve(ln); !errors.Is(err, http.ErrServerClosed) {
			failed <- err
		}
	})
}

// Bounds of a connection, whoever calls. A handler that streams lifts its own write deadline.
func (s *Sidecar) newServer() *http.Server {
	return &http.Server{
		ReadHeaderTimeout: 5 * time.Second, ReadTimeout: 30 * time.Second, WriteTimeout: 60 * time.Second,
		IdleTimeout: 90 * time.Second, MaxHeaderBytes: 32 << 10,
		ErrorLog: slog.NewLogLogger(s.Logger("http").Handler(), slog.LevelDebug),
	}
}

func (s *Sidecar) startPipeline() {
	defer s.pipeline.start()
	s.pipeline.add("failed traces", s.failures.Run)
	if s.fleet == nil {
		return
	}
	s.pipelined = true
	s.pipeline.add("fleet sync", s.fleet.Run)
	if s.spoolDir() != "" {
		s.pipeline.add("log shipping", s.ship)
	}
}

func (s *Sidecar) ship(ctx context.Context) error {
	conn, err := s.mesh.RPC("view-service")
	if err != nil {
		return err
	}
	return s.logs.Ship(ctx, conn)
}

// startWork waits for the databases, then starts everything that needs them. It returns when all runs, or ctx ended.
func (s *Sidecar) startWork(ctx context.Context) {
	if err := s.keepDatabases(ctx); err != nil {
		return // only ctx ends it
	}
	if s.outbox != nil {
		s.workers.add("outbox relay", s.outbox.Run)
	}
	s.workers.start()
	for _, sub := range s.subscriptions {
		if !s.until(ctx, "subscribe "+sub.Queue, func() error { return s.subscribe(ctx, sub) }) {
			return
		}
	}
	if s.timed != nil && !s.until(ctx, "subscribe timed events", func() error { return s.timed.Start(ctx) }) {
		return
	}
	s.log.InfoContext(ctx, "service is ready")
}

func (s *Sidecar) keepDatabases(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for _, d := range s.databases() {
		g.Go(func() error { return d.db.Keep(ctx, d.sets...) })
	}
	return g.Wait()
}

func (s *Sidecar) subscribe(ctx context.Context, sub bus.Subscription) error {
	stop, err := s.bus.Subscribe(ctx, sub)
	if err != nil {
		return err
	}
	s.consumers.add("consumer "+sub.Queue, stop)
	return nil
}

// until tries again, with backoff, until do succeeds; false when ctx ended first. Meanwhile /hc says what is missing.
func (s *Sidecar) until(ctx context.Context, what string, do func() error) bool {
	for delay := firstRestart; ; delay = min(2*delay, lastRestart) {
		err := do()
		s.missing.Store(&missing{what, err})
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		s.log.WarnContext(ctx, "not yet, it is tried again", slog.String("what", what), slog.Any("err", err))
		if pause.For(ctx, jitter(delay)) != nil {
			return false
		}
	}
}

// missing is what the start waits for, nothing where err is nil.
type missing struct {
	what string
	err  error
}

// busPoll is how often the first connection is looked for.
const busPoll = 20 * time.Millisecond

// consuming is the bus's check: a service that cannot subscribe is of less use than it looks.
// Until the first connection it waits for that, within ctx: a service that starts is not degraded because it was
// asked too early.
func (s *Sidecar) consuming(ctx context.Context) error {
	err := s.bus.Ready()
	for err != nil && !s.busMet.Load() && pause.For(ctx, busPoll) == nil {
		err = s.bus.Ready()
	}
	if err != nil {
		return err
	}
	s.busMet.Store(true)
	if m := s.missing.Load(); m != nil && m.err != nil {
		return fmt.Errorf("%s: %w", m.what, m.err)
	}
	return nil
}

// described is the configuration as a group of attributes, secrets masked.
func described(c Config) slog.Value {
	var attrs []slog.Attr
	for _, f := range settings.Describe(c) {
		if f.Value != "" {
			attrs = append(attrs, slog.String(strings.ToLower(f.Name), f.Value))
		}
	}
	return slog.GroupValue(attrs...)
}
