package rpc_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"errors"
	"log/slog"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// fleet is an implementation whose behaviour a test says.
type fleet struct {
	fleetv1.UnimplementedFleetServiceServer
	sync func(ctx context.Context, r *fleetv1.SyncRequest) (*fleetv1.SyncResponse, error)
}

func (f fleet) Sync(ctx context.Context, r *fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
	return f.sync(ctx, r)
}

func answer(context.Context, *fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
	return &fleetv1.SyncResponse{}, nil
}

// world has a key for each service, and one bundle.
type world struct {
	bundle  *servicetoken.Bundle
	signers map[string]*servicetoken.Signer
}

func newWorld(t *testing.T, services ...string) world {
	t.Helper()
	w := world{signers: map[string]*servicetoken.Signer{}}
	keys := servicetoken.Keys{}
	for _, s := range services {
		key, err := servicetoken.GenerateKey()
		if err != nil {
			t.Fatal(err)
		}
		if w.signers[s], err = servicetoken.NewSigner(s, key); err != nil {
			t.Fatal(err)
		}
		keys[s] = append(keys[s], key.Public().(ed25519.PublicKey))
	}
	w.bundle = servicetoken.NewBundle(keys)
	return w
}

func (w world) settings(service string) rpc.Settings {
	return rpc.Settings{Service: service, Bundle: w.bundle}
}

func (w world) calls(service string) mesh.Settings {
	return mesh.Settings{Service: service, Signer: w.signers[service]}
}

func serve(t *testing.T, s rpc.Settings, impl fleetv1.FleetServiceServer, r rpc.Registration) (addr string, srv *rpc.Server) {
	t.Helper()
	srv = rpc.NewServer(s)
	if r.Callers == nil {
		r.Callers = map[string]rpc.Callers{"Sync": {"catalogs"}}
	}
	if err := srv.RegisterWith(&fleetv1.FleetService_ServiceDesc, impl, r); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Stop(ctx)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String(), srv
}

func dial(t *testing.T, s mesh.Settings, service string, addrs ...string) *grpc.ClientConn {
	t.Helper()
	s.Peers = peers.Static{service: {RPC: addrs}}
	d := mesh.New(s)
	t.Cleanup(func() { _ = d.Close() })
	conn, err := d.RPC(service)
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

func call(conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := fleetv1.NewFleetServiceClient(conn).Sync(ctx, &fleetv1.SyncRequest{}, grpc.WaitForReady(true))
	return err
}

func TestWhoMayCall(t *testing.T) {
	w := newWorld(t, "view-service", "catalogs", "identity")
	stranger := newWorld(t, "catalogs")
	var caller atomic.Value
	r := prometheus.NewRegistry()
	s := w.settings("view-service")
	s.Registerer = r
	addr, _ := serve(t, s, fleet{sync: func(ctx context.Context, _ *fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
		caller.Store(access.Caller(ctx))
		return &fleetv1.SyncResponse{}, nil
	}}, rpc.Registration{})
	for name, test := range map[string]struct {
		settings mesh.Settings
		target   string
		want     codes.Code
	}{
		"the caller named":    {w.calls("catalogs"), "view-service", codes.OK},
		"another service":     {w.calls("identity"), "view-service", codes.PermissionDenied},
		"no token":            {mesh.Settings{}, "view-service", codes.Unauthenticated},
		"a key nobody trusts": {stranger.calls("catalogs"), "view-service", codes.Unauthenticated},
		"another's token":     {w.calls("catalogs"), "identity", codes.Unauthenticated},
	} {
		t.Run(name, func(t *testing.T) {
			err := call(dial(t, test.settings, test.target, addr))
			if status.Code(err) != test.want {
				t.Errorf("got %v", err)
			}
		})
	}
	if caller.Load() != "catalogs" {
		t.Errorf("the handler saw %q", caller.Load())
	}
	if n := testutil.ToFloat64(refused(t, r, "token")); n != 3 {
		t.Errorf("%v refused for the token", n)
	}
	if n := testutil.CollectAndCount(r, "rpc_server_call_duration_seconds"); n != 3 {
		t.Errorf("%d series, one per outcome expected", n)
	}
}

// refused reads one counter of the registry.
func refused(t *testing.T, r *prometheus.Registry, reason string) prometheus.Collector {
	t.Helper()
	all, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "copy"})
	for _, f := range all {
		for _, m := range f.GetMetric() {
			if f.GetName() == "signalbox_rpc_refused_total" && m.GetLabel()[0].GetValue() == reason {
				g.Set(m.GetCounter().GetValue())
			}
		}
	}
	return g
}

func TestWithoutABundleEveryCallIsRefused(t *testing.T) {
	w := newWorld(t, "view-service", "catalogs")
	s := w.settings("view-service")
	s.Bundle = nil
	open := func(ctx context.Context, _ string) (context.Context, error) { return ctx, nil }
	addr, _ := serve(t, s, fleet{sync: answer}, rpc.Registration{Foreign: open})
	conn := dial(t, w.calls("catalogs"), "view-service", addr)
	if err := call(conn); status.Code(err) != codes.Unauthenticated {
		t.Errorf("got %v", err)
	}
	_, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("health: %v", err)
	}
}

func TestHealthAndReflectionNeedAToken(t *testing.T) {
	w := newWorld(t, "view-service", "identity")
	gate := errors.New("no database")
	var closed atomic.Bool
	closed.Store(true)
	s := w.settings("view-service")
	s.Gate = func() error {
		if closed.Load() {
			return gate
		}
		return nil
	}
	addr, _ := serve(t, s, fleet{sync: answer}, rpc.Registration{Callers: map[string]rpc.Callers{"Sync": rpc.AnyService()}})
	conn := dial(t, w.calls("identity"), "view-service", addr)
	check := func(want healthv1.HealthCheckResponse_ServingStatus) {
		t.Helper()
		got, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{}, grpc.WaitForReady(true))
		if err != nil || got.GetStatus() != want {
			t.Errorf("got %v, %v", got, err)
		}
	}
	check(healthv1.HealthCheckResponse_NOT_SERVING)
	if err := call(conn); status.Code(err) != codes.Unavailable || strings.Contains(err.Error(), "database") {
		t.Errorf("behind a closed gate: %v", err)
	}
	_, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{Service: "nothing"})
	if status.Code(err) != codes.NotFound {
		t.Errorf("health of what is not there: %v", err)
	}
	closed.Store(false)
	check(healthv1.HealthCheckResponse_SERVING)
	if err := call(conn); err != nil {
		t.Error(err)
	}
	if got := list(t, conn); !strings.Contains(got, "signalbox.fleet.v1.FleetService") {
		t.Errorf("reflection lists %s", got)
	}
	plain, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	if _, err := healthv1.NewHealthClient(plain).Check(t.Context(), &healthv1.HealthCheckRequest{}); status.Code(err) != codes.Unauthenticated {
		t.Errorf("health without a token: %v", err)
	}
	stream, err := reflectionv1.NewServerReflectionClient(plain).ServerReflectionInfo(t.Context())
	if err == nil {
		_, err = stream.Recv()
	}
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("reflection without a token: %v", err)
	}
}

func list(t *testing.T, conn *grpc.ClientConn) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	stream, err := reflectionv1.NewServerReflectionClient(conn).ServerReflectionInfo(ctx)
	if err != nil {
		t.Fatal(err)
	}
	_ = stream.Send(&reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}})
	got, err := stream.Recv()
	if err != nil {
		t.Fatal(err)
	}
	return got.String()
}

func TestErrorsLeaveAsProblems(t *testing.T) {
	w := newWorld(t, "view-service", "catalogs")
	var log bytes.Buffer
	s := w.settings("view-service")
	s.Logger = slog.New(slog.NewTextHandler(&log, nil))
	var next func() error
	addr, _ := serve(t, s, fleet{sync: func(context.Context, *fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
		return nil, next()
	}}, rpc.Registration{})
	conn := dial(t, w.calls("catalogs"), "view-service", addr)
	var none []error
	for name, test := range map[string]struct {
		fails func() error
		want  codes.Code
		code  problem.Code
	}{
		"a problem": {func() error { return problem.New(problem.Conflict, "there is one") }, codes.Aborted, problem.Conflict},
		"not ours":  {func() error { return errors.New("secret cause") }, codes.Internal, problem.Internal},
		"a panic":   {func() error { panic("secret cause") }, codes.Internal, problem.Internal},
		"an index":  {func() error { return none[0] }, codes.Internal, problem.Internal},
	} {
		t.Run(name, func(t *testing.T) {
			next = test.fails
			err := call(conn)
			if got := problem.FromStatus(err); got.Code != test.code || status.Code(err) != test.want || strings.Contains(err.Error(), "secret") {
				t.Errorf("got %v as %s", err, got.Code)
			}
		})
	}
	if !strings.Contains(log.String(), "secret cause") {
		t.Error("the cause is not in the log")
	}
}

func TestMessagesAreBounded(t *testing.T) {
	w := newWorld(t, "view-service", "catalogs")
	addr, _ := serve(t, w.settings("view-service"), fleet{sync: answer}, rpc.Registration{})
	conn := dial(t, w.calls("catalogs"), "view-service", addr)
	for size, want := range map[int]codes.Code{4<<20 - 1000: codes.OK, 4<<20 + 1: codes.InvalidArgument, 17 << 20: codes.ResourceExhausted} {
		r := &fleetv1.SyncRequest{Instance: &fleetv1.Instance{Version: strings.Repeat("v", size)}}
		_, err := fleetv1.NewFleetServiceClient(conn).Sync(t.Context(), r, grpc.WaitForReady(true))
		if status.Code(err) != want {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

func TestRegisterRefusesWhatIsOpenByOversight(t *testing.T) {
	w := newWorld(t, "view-service")
	desc := &fleetv1.FleetService_ServiceDesc
	for name, try := range map[string]func(*rpc.Server) error{
		"no callers":    func(s *rpc.Server) error { return s.Register(desc, fleet{}, nil) },
		"empty callers": func(s *rpc.Server) error { return s.Register(desc, fleet{}, map[string]rpc.Callers{"Sync": {}}) },
		"a method too much": func(s *rpc.Server) error {
			return s.Register(desc, fleet{}, map[string]rpc.Callers{"Sync": {"a"}, "Sink": {"a"}})
		},
		"another impl": func(s *rpc.Server) error { return s.Register(desc, 1, map[string]rpc.Callers{"Sync": {"a"}}) },
		"no impl":      func(s *rpc.Server) error { return s.Register(desc, nil, map[string]rpc.Callers{"Sync": {"a"}}) },
		"twice": func(s *rpc.Server) error {
			_ = s.Register(desc, fleet{}, map[string]rpc.Callers{"Sync": {"a"}})
			return s.Register(desc, fleet{}, map[string]rpc.Callers{"Sync": {"a"}})
		},
		"after stop": func(s *rpc.Server) error {
			_ = s.Stop(context.Background())
			return s.Register(desc, fleet{}, map[string]rpc.Callers{"Sync": {"a"}})
		},
	} {
		s := rpc.NewServer(w.settings("view-service"))
		if err := try(s); err == nil {
			t.Errorf("%s: registered", name)
		}
		if err := errors.Join(s.Stop(context.Background()), s.Stop(context.Background())); err != nil {
			t.Error(err)
		}
	}
}

func TestForeignSenders(t *testing.T) {
	w := newWorld(t, "view-service", "catalogs")
	addr, _ := serve(t, w.settings("view-service"), fleet{sync: func(ctx context.Context, _ *fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
		if access.Caller(ctx) != "" {
			return nil, errors.New("a foreign sender is taken for a service")
		}
		return &fleetv1.SyncResponse{}, nil
	}}, rpc.Registration{Foreign: func(ctx context.Context, token string) (context.Context, error) {
		if token != "otlp-1" {
			return ctx, problem.New(problem.Unauthorized, "unknown token")
		}
		return ctx, nil
	}})
	plain, err := grpc.NewClient(addr, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Close()
	for token, want := range map[string]codes.Code{"otlp-1": codes.OK, "otlp-2": codes.Unauthenticated, "": codes.Unauthenticated} {
		ctx := metadata.AppendToOutgoingContext(t.Context(), "authorization", "Bearer "+token)
		_, err := fleetv1.NewFleetServiceClient(plain).Sync(ctx, &fleetv1.SyncRequest{})
		if status.Code(err) != want {
			t.Errorf("token %q: %v", token, err)
		}
	}
}

func TestStopIsBounded(t *testing.T) {
	w := newWorld(t, "view-service", "catalogs")
	began := make(chan struct{})
	addr, srv := serve(t, w.settings("view-service"), fleet{sync: func(ctx context.Context, _ *fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
		close(began)
		<-ctx.Done()
		return nil, ctx.Err()
	}}, rpc.Registration{})
	conn := dial(t, w.calls("catalogs"), "view-service", addr)
	done := make(chan error, 1)
	go func() { done <- call(conn) }()
	<-began
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := srv.Stop(ctx); err == nil {
		t.Error("a hanging call did not show")
	}
	if err := <-done; err == nil {
		t.Error("the hanging call succeeded")
	}
}
