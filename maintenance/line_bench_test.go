package maintenance

import (
	"context"
	"crypto/ed25519"
	"fmt"
	"net"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/internal/servers/testdir"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/ingest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// BenchmarkLine is the whole way of a record: call, encoding, spool, OTLP/gRPC with service tokens, receiver, blocks, commit
// in a PostgreSQL that syncs. Four services log in a process of their own as fast as their records are acknowledged; the
// store is in this one. What each stage takes of the CPU is told for each record.
func BenchmarkLine(b *testing.B) {
	for _, kind := range []string{"template", "random"} {
		b.Run(kind, func(b *testing.B) {
			for b.Loop() {
				l := newLine(b)
				server, own := pgtest.CPU(b, l.server), ownCPU()
				got := calls{Dir: l.dir, Store: l.addr, Services: l.services, Random: kind == "random", Alone: 100_000, Records: 900_000}.run(b)
				n := float64(got.Records)
				each := func(d time.Duration) float64 { return float64(d.Microseconds()) / n }
				l.mu.Lock()
				total, writing, build := each(ownCPU()-own), each(l.writing), l.build(b)
				if l.stored != got.Records {
					b.Errorf("%d records are stored of %d", l.stored, got.Records)
				}
				l.mu.Unlock()
				its := each(pgtest.CPU(b, l.server) - server)
				rate := float64(got.Records) / got.Seconds
				b.ReportMetric(rate, "records/s")
				b.Logf("METRIC line_%s_records_per_second=%.0f limit=50000 (at least), %.1f s", kind, rate, got.Seconds)
				b.Logf("METRIC line_%s_cpu_us_per_record=%.2f: call, encode, spool %.2f; ship %.2f; receive and decode %.2f; build blocks %.2f; send them %.2f; PostgreSQL %.2f",
					kind, got.AloneCPU*float64(100_000)/n+got.CPU+total+its, got.AloneCPU, got.CPU-got.AloneCPU*0.9, total-writing, build, writing-build, its)
			}
		})
	}
}

// wire is the receiving end: the private port, the receiver, the store and its PostgreSQL.
type wire struct {
	dir, addr string
	services  []string
	server    *postgres.Server
	m         *Maintenance

	mu      sync.Mutex
	stored  int
	writing time.Duration // CPU of storing, without the server's and without collecting garbage
	sample  []record.Record
	delays  map[string][]time.Duration // by service, from call to commit
}

func newLine(b testing.TB) *wire {
	b.Helper()
	l := &wire{dir: b.TempDir(), services: []string{"catalogs", "gateway", "identity", "scheduler"}, server: durable(b), delays: map[string][]time.Duration{}}
	l.m = on(b, pgtest.On(b, l.server, Schema), DefaultConfig())
	if err := l.m.prepare(b.Context()); err != nil {
		b.Fatal(err)
	}
	receiver := ingest.New(ingest.Settings{Store: l, Caller: access.Caller, Senders: senders(), Known: func() []string { return l.services },
		Unavailable: pg.IsUnavailable, Retention: l.m.settings.Config.longest(), MaxBatch: maxBatch, Queue: l.m.settings.Config.Queue,
		Stored: func() {}, Registerer: prometheus.NewRegistry()})
	port := rpc.NewServer(rpc.Settings{Service: "view-service", Bundle: l.keys(b)})
	err := port.RegisterWith(ingest.ServiceDesc(), receiver, rpc.Registration{MaxMessage: maxMessage, Callers: map[string]rpc.Callers{"Export": rpc.AnyService()}})
	if err != nil {
		b.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	l.addr = listener.Addr().String()
	served := make(chan error, 1)
	go func() { served <- port.Serve(listener) }()
	b.Cleanup(func() {
		_ = port.Stop(context.Background())
		if err := <-served; err != nil {
			b.Error(err)
		}
	})
	return l
}

// durable is a server that syncs, as one of a mesh does.
func durable(b testing.TB) *postgres.Server {
	b.Helper()
	dir, err := testdir.New("postgres")
	if err != nil {
		b.Fatal(err)
	}
	s, err := postgres.New(b.Context(), postgres.Settings{Dir: dir})
	if err != nil {
		b.Fatal(err)
	}
	if err := s.Start(b.Context()); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			b.Error(err)
		}
	})
	return s
}

func (l *wire) keys(b testing.TB) *servicetoken.Bundle {
	b.Helper()
	keys := servicetoken.Keys{}
	for _, service := range l.services {
		key, err := servicetoken.LoadOrGenerateKey(filepath.Join(l.dir, service+".pem"))
		if err != nil {
			b.Fatal(err)
		}
		keys[service] = append(keys[service], key.Public().(ed25519.PublicKey))
	}
	return servicetoken.NewBundle(keys)
}

// Write implements ingest.Store: the store, with what it takes of this thread's CPU, and how late each record is.
func (l *wire) Write(ctx context.Context, all []record.Record) (ingest.Result, error) {
	runtime.LockOSThread()
	before := threadCPU()
	res, err := bounded{l.m}.Write(ctx, all)
	took := threadCPU() - before
	runtime.UnlockOSThread()
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stored += res.Stored
	l.writing += took
	if len(l.sample) == 0 && len(all) >= 4096 {
		l.sample = slices.Clone(all)
	}
	for i := range all {
		r := &all[i]
		at := r.Service + "/" + r.Epoch
		l.delays[at] = append(l.delays[at], now.Sub(r.TS))
	}
	return res, err
}

// build is the CPU of making blocks of one transaction's records, for each: measured again, by itself.
func (l *wire) build(b testing.TB) (each float64) {
	b.Helper()
	if len(l.sample) == 0 {
		b.Fatal("no transaction was large")
	}
	groups := map[string][]*record.Record{}
	for i := range l.sample {
		r := &l.sample[i]
		at := fmt.Sprint(r.Service, block.TierOf(r.Level))
		groups[at] = append(groups[at], r)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	const times = 20
	before := threadCPU()
	for range times {
		for _, group := range groups {
			for part := range slices.Chunk(group, block.Most) {
				block.Build(part)
			}
		}
	}
	return float64((threadCPU() - before).Microseconds()) / float64(times*len(l.sample))
}

// threadCPU is that of the thread, which must be locked.
func threadCPU() time.Duration {
	const thread = 1 // RUSAGE_THREAD
	var u syscall.Rusage
	if err := syscall.Getrusage(thread, &u); err != nil {
		panic(fmt.Sprintf("CPU of a thread: %v", err)) // Linux knows it
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
