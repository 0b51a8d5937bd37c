package mesh_test

import (
	"context"
	"crypto/ed25519"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	identityv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/identity/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

func TestMain(m *testing.M) {
	if os.Getenv(benchServer) != "" {
		serveBench()
		return
	}
	goleak.VerifyTestMain(m)
}

// world has a key for each service, and one bundle.
type world struct {
	keys    servicetoken.Keys
	bundle  *servicetoken.Bundle
	signers map[string]*servicetoken.Signer
}

// file is the bundle for another process.
func (w world) file(t testing.TB) (path string) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "bundle.json")
	check(t, servicetoken.WriteBundle(path, w.keys))
	return path
}

func newWorld(t testing.TB, services ...string) world {
	t.Helper()
	w := world{keys: servicetoken.Keys{}, signers: map[string]*servicetoken.Signer{}}
	for _, s := range services {
		key, err := servicetoken.GenerateKey()
		check(t, err)
		w.signers[s], err = servicetoken.NewSigner(s, key)
		check(t, err)
		w.keys[s] = append(w.keys[s], key.Public().(ed25519.PublicKey))
	}
	w.bundle = servicetoken.NewBundle(w.keys)
	return w
}

// calls are the clients of a service; they are closed with the test.
func (w world) calls(t testing.TB, service string, p peers.Resolver, edit ...func(*mesh.Settings)) *mesh.Mesh {
	t.Helper()
	s := mesh.Settings{Service: service, Signer: w.signers[service], Peers: p, Retries: true}
	for _, e := range edit {
		e(&s)
	}
	m := mesh.New(s)
	t.Cleanup(func() { _ = m.Close() })
	return m
}

// identity is a destination by gRPC whose answers a test says.
type identity struct {
	identityv1.UnimplementedIdentityServiceServer
	keys func(ctx context.Context) error
}

func (i identity) Keys(ctx context.Context, _ *identityv1.KeysRequest) (*identityv1.KeysResponse, error) {
	return &identityv1.KeysResponse{Jwks: []byte("{}")}, i.keys(ctx)
}

// serve answers calls of anybody for service.
func (w world) serve(t testing.TB, service string, keys func(context.Context) error) (addr string) {
	t.Helper()
	srv := rpc.NewServer(rpc.Settings{Service: service, Bundle: w.bundle})
	any := rpc.AnyService()
	check(t, srv.Register(&identityv1.IdentityService_ServiceDesc, identity{keys: keys}, map[string]rpc.Callers{"Keys": any, "RevokedSenders": any, "IssueAdminToken": any}))
	check(t, srv.Register(&fleetv1.FleetService_ServiceDesc, fleetv1.UnimplementedFleetServiceServer{}, map[string]rpc.Callers{"Sync": any}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = srv.Stop(ctx)
		check(t, <-done)
	})
	return l.Addr().String()
}

// call asks for keys, within five seconds, of a replica that is ready.
func call(conn *grpc.ClientConn, opts ...grpc.CallOption) error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	_, err := identityv1.NewIdentityServiceClient(conn).Keys(ctx, &identityv1.KeysRequest{}, opts...)
	return err
}

func check(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func nobody(t testing.TB) (addr string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().String()
}

func fine(context.Context) error { return nil }
