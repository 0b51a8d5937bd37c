package rpc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	_ "google.golang.org/grpc/encoding/gzip" // log batches come compressed
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/reflection"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
)

// Server is the private gRPC server of one service. Register before Serve.
type Server struct {
	settings Settings
	grpc     *grpc.Server
	health   *healthService
	metrics  *watch

	mu       sync.Mutex
	services map[string]bool
	serving  atomic.Bool
	stop     sync.Once
}

// NewServer makes a server that answers health and reflection, to any service of the bundle.
func NewServer(s Settings) *Server {
	s = s.withDefaults()
	m := newWatch(s)
	srv := &Server{settings: s, metrics: m, services: map[string]bool{}, health: newHealthService(s.Gate)}
	srv.grpc = grpc.NewServer(
		grpc.Creds(s.transport()),
		grpc.StatsHandler(m),
		grpc.MaxRecvMsgSize(hardMaxMessage),
		grpc.MaxSendMsgSize(hardMaxMessage),
		grpc.MaxHeaderListSize(16<<10),
		grpc.MaxConcurrentStreams(1000),
		grpc.ConnectionTimeout(5*time.Second),
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: 20 * time.Second, Timeout: 5 * time.Second}),
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
	)
	if err := srv.builtIn(); err != nil {
		panic(err) // the descriptors are compiled in: it cannot depend on any input
	}
	return srv
}

// transport is TLS where there are certificates.
func (s Settings) transport() credentials.TransportCredentials {
	if s.Certificates == nil {
		return insecure.NewCredentials()
	}
	return credentials.NewTLS(s.Certificates.Server())
}

func (s *Server) builtIn() error {
	any := AnyService()
	err := s.RegisterWith(&healthv1.Health_ServiceDesc, s.health, Registration{Ungated: true,
		Callers: map[string]Callers{"Check": any, "List": any, "Watch": any}})
	if err != nil {
		return err
	}
	return s.RegisterWith(&reflectionv1.ServerReflection_ServiceDesc,
		reflection.NewServerV1(reflection.ServerOptions{Services: s.grpc}),
		Registration{Ungated: true, Callers: map[string]Callers{"ServerReflectionInfo": any}})
}

// Serve answers calls until Stop; nil after an orderly end. It closes l.
func (s *Server) Serve(l net.Listener) error {
	s.serving.Store(true)
	err := s.grpc.Serve(l)
	if err != nil && !errors.Is(err, grpc.ErrServerStopped) {
		return fmt.Errorf("serve the private port: %w", err)
	}
	return nil
}

// Drain makes health say not serving; calls are still answered.
func (s *Server) Drain() { s.health.Shutdown() }

// Stop ends the calls in flight in an orderly way for as long as ctx lets it, then cuts them off,
// which its error says. Idempotent, safe before Serve.
func (s *Server) Stop(ctx context.Context) error {
	var err error
	s.stop.Do(func() {
		s.serving.Store(true) // nothing can be registered any more
		s.Drain()
		err = s.stopWithin(ctx)
	})
	return err
}

func (s *Server) stopWithin(ctx context.Context) error {
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.grpc.GracefulStop()
	}()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		s.grpc.Stop()
		<-done
		return fmt.Errorf("stop the private port: calls were cut off: %w", ctx.Err())
	}
}
