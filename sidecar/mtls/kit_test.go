package mtls_test

import (
	"context"
	"crypto/ed25519"
	"log/slog"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/grpc"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls/devca"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

const limit = 20 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func newCA(t *testing.T) *devca.CA {
	t.Helper()
	ca, err := devca.New()
	check(t, err)
	return ca
}

// end is one service's certificates, with what can be seen of them.
type end struct {
	*mtls.Store
	files    mtls.Files
	registry *prometheus.Registry
	log      *lines
}

func newEnd(t *testing.T, ca *devca.CA, service string, l devca.Leaf) end {
	t.Helper()
	files, err := ca.WriteTo(t.TempDir(), service, l)
	check(t, err)
	e := end{files: files, registry: prometheus.NewRegistry(), log: &lines{}}
	e.Store, err = mtls.Open(mtls.Settings{Service: service, Files: files, Metrics: mtls.NewMetrics(e.registry),
		Logger: slog.New(slog.NewTextHandler(e.log, nil))})
	check(t, err)
	return e
}

// count is the sum of a metric's series that have all of the label values.
func (e end) count(t *testing.T, name string, values ...string) (sum float64) {
	t.Helper()
	return countIn(t, e.registry, name, values...)
}

func countIn(t *testing.T, r *prometheus.Registry, name string, values ...string) (sum float64) {
	t.Helper()
	all, err := r.Gather()
	check(t, err)
	for _, f := range all {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			labels := map[string]bool{}
			for _, l := range m.GetLabel() {
				labels[l.GetValue()] = true
			}
			for _, v := range values {
				if !labels[v] {
					m = nil
					break
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return sum
}

// lines is a log that is read while it is written.
type lines struct {
	mu   sync.Mutex
	text strings.Builder
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// with counts the lines that say something.
func (l *lines) with(words string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), words)
}

// world is keys and a bundle for services.
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
		check(t, err)
		w.signers[s], err = servicetoken.NewSigner(s, key)
		check(t, err)
		public, _ := key.Public().(ed25519.PublicKey)
		keys[s] = append(keys[s], public)
	}
	w.bundle = servicetoken.NewBundle(keys)
	return w
}

type fleet struct {
	fleetv1.UnimplementedFleetServiceServer
}

func (fleet) Sync(context.Context, *fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
	return &fleetv1.SyncResponse{}, nil
}

// serve runs view-service's private port.
func (w world) serve(t *testing.T, e end) (addr string) {
	t.Helper()
	srv := rpc.NewServer(rpc.Settings{Service: "view-service", Bundle: w.bundle, Certificates: e, Registerer: e.registry})
	check(t, srv.Register(&fleetv1.FleetService_ServiceDesc, fleet{}, map[string]rpc.Callers{"Sync": {"catalogs"}}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), limit)
		defer cancel()
		_ = srv.Stop(ctx)
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// call is one call over a connection of its own; certificates nil is plain.
func (w world) call(service string, certificates mesh.Certificates, addr string) error {
	d := mesh.New(mesh.Settings{Service: service, Signer: w.signers[service], Certificates: certificates, Peers: peers.Static{"view-service": {RPC: []string{addr}}}})
	defer d.Close() //nolint:errcheck // a test's connection
	conn, err := d.RPC("view-service")
	if err != nil {
		return err
	}
	return sync1(conn)
}

func sync1(conn *grpc.ClientConn) error {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	_, err := fleetv1.NewFleetServiceClient(conn).Sync(ctx, &fleetv1.SyncRequest{})
	return err
}

func replace(t *testing.T, path string, text []byte) {
	t.Helper()
	check(t, os.WriteFile(path+".new", text, 0o600))
	check(t, os.Rename(path+".new", path))
}
