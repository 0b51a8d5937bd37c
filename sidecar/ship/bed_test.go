package ship

import (
	"context"
	"fmt"
	"net"
	"path/filepath"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// bed is a spool, its shipper and a store with a real gRPC server between them.
type bed struct {
	t         testing.TB
	spool     *spool.Spool
	shipper   *Shipper
	store     *store
	conn      *grpc.ClientConn
	dir       string
	registry  *prometheus.Registry
	troubles  atomic.Int32
	recovered atomic.Int32
}

func newBed(t testing.TB, s *store) *bed {
	t.Helper()
	s.stored, s.order = map[string]string{}, map[string][]int64{}
	b := &bed{t: t, store: s, dir: filepath.Join(t.TempDir(), "catalogs", "catalogs-1"), registry: prometheus.NewRegistry()}
	b.spool = b.open(b.dir, s.segment)
	shipper, err := New(Settings{Spool: b.spool, Registerer: b.registry,
		Trouble: func(error) { b.troubles.Add(1) }, Recovered: func(*spool.Epoch) bool { b.recovered.Add(1); return true }})
	if err != nil {
		t.Fatal(err)
	}
	b.shipper = shipper
	b.serve()
	return b
}

func (b *bed) open(dir string, segment int64) *spool.Spool {
	b.t.Helper()
	s, err := spool.Open(spool.Settings{Dir: dir, Service: "catalogs", Instance: filepath.Base(dir), Version: "1", Environment: "test", SegmentBytes: segment})
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = s.Close(context.Background()) })
	return s
}

func (b *bed) serve() {
	b.t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.t.Fatal(err)
	}
	server := grpc.NewServer()
	collector.RegisterLogsServiceServer(server, b.store)
	go func() { _ = server.Serve(listener) }()
	b.t.Cleanup(server.Stop)
	b.conn, err = grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = b.conn.Close() })
}

// run ships until the test ends, or stop is called.
func (b *bed) run() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() {
		defer close(done)
		b.shipper.Run(ctx, b.conn)
	}()
	stop = func() {
		cancel()
		<-done
	}
	b.t.Cleanup(stop)
	return stop
}

func write(s *spool.Spool, c spool.Class, msg string) {
	line := fmt.Sprintf(`{"ts":%q,"level":"INFO","service":"catalogs","instance":"i","logger":"catalogs.x","msg":%q,"attrs":{"n":1}}`,
		time.Now().UTC().Format(time.RFC3339Nano), msg)
	s.Append(c, append(make([]byte, spool.HeaderSize), line...))
}

func (b *bed) eventually(what string, ok func() bool) {
	b.t.Helper()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(20 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			b.t.Fatalf("%s did not come about; %d stored", what, b.store.count())
		}
	}
}

func (b *bed) pending() (n int) {
	for _, s := range b.spool.Current().States() {
		n += s.Pending
	}
	return n
}

// ordered checks that every lane was stored in the order of its sequence.
func (b *bed) ordered() {
	b.t.Helper()
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	for lane, seqs := range b.store.order {
		if !slices.IsSorted(seqs) {
			b.t.Errorf("%s is out of order", lane)
		}
	}
}
