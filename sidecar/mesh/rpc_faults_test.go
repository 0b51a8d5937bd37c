package mesh_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protodesc"
	"google.golang.org/protobuf/reflect/protoregistry"
	"google.golang.org/protobuf/types/descriptorpb"
	"google.golang.org/protobuf/types/known/emptypb"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// read is a method whose contract says that it may be called twice; write is one whose contract does not.
const (
	read  = "/mesh.test.v1.Things/Read"
	write = "/mesh.test.v1.Things/Write"
)

// contract is known to the process, as generated code is.
var contract = sync.OnceValue(func() error {
	level := descriptorpb.MethodOptions_NO_SIDE_EFFECTS
	method := func(name string, o *descriptorpb.MethodOptions) *descriptorpb.MethodDescriptorProto {
		return &descriptorpb.MethodDescriptorProto{Name: proto.String(name), InputType: proto.String(".google.protobuf.Empty"), OutputType: proto.String(".google.protobuf.Empty"), Options: o}
	}
	file, err := protodesc.NewFile(&descriptorpb.FileDescriptorProto{
		Name: proto.String("mesh/test/v1/things.proto"), Package: proto.String("mesh.test.v1"), Syntax: proto.String("proto3"), Dependency: []string{"google/protobuf/empty.proto"},
		Service: []*descriptorpb.ServiceDescriptorProto{{Name: proto.String("Things"), Method: []*descriptorpb.MethodDescriptorProto{
			method("Read", &descriptorpb.MethodOptions{IdempotencyLevel: &level}), method("Write", nil)}}},
	}, protoregistry.GlobalFiles)
	if err != nil {
		return err
	}
	return protoregistry.GlobalFiles.RegisterFile(file)
})

// things serves both methods for service; handle is asked by either.
func (w world) things(t *testing.T, service string, handle func(ctx context.Context) error) (addr string) {
	t.Helper()
	check(t, contract())
	srv := rpc.NewServer(rpc.Settings{Service: service, Bundle: w.bundle})
	one := func(_ any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
		in := &emptypb.Empty{}
		if err := dec(in); err != nil {
			return nil, err
		}
		return in, handle(ctx)
	}
	desc := &grpc.ServiceDesc{ServiceName: "mesh.test.v1.Things", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{{MethodName: "Read", Handler: one}, {MethodName: "Write", Handler: one}}}
	check(t, srv.Register(desc, struct{}{}, map[string]rpc.Callers{"Read": rpc.AnyService(), "Write": rpc.AnyService()}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		_ = srv.Stop(ctx)
		check(t, <-done)
	})
	return l.Addr().String()
}

func invoke(ctx context.Context, t *testing.T, m *mesh.Mesh, service, method string, opts ...grpc.CallOption) error {
	t.Helper()
	conn, err := m.RPC(service)
	check(t, err)
	return conn.Invoke(ctx, method, &emptypb.Empty{}, &emptypb.Empty{}, opts...)
}

// TestWhatIsTriedAgainByGRPC is what its contract allows, and what was not sent.
func TestWhatIsTriedAgainByGRPC(t *testing.T) {
	w := newWorld(t, "gateway", "identity")
	var hits atomic.Int64
	addr := w.things(t, "identity", func(context.Context) error {
		if hits.Add(1) == 1 {
			return problem.New(problem.Unavailable, "away")
		}
		return nil
	})
	on := w.calls(t, "gateway", peers.Static{"identity": {RPC: []string{addr}}})
	off := w.calls(t, "gateway", peers.Static{"identity": {RPC: []string{addr}}}, func(s *mesh.Settings) { s.Retries = false })
	for name, c := range map[string]struct {
		m      *mesh.Mesh
		method string
		hits   int64
		code   codes.Code
	}{"declared": {on, read, 2, codes.OK}, "not declared": {on, write, 1, codes.Unavailable}, "off": {off, read, 1, codes.Unavailable}} {
		hits.Store(0)
		if err := invoke(t.Context(), t, c.m, "identity", c.method, grpc.WaitForReady(true)); status.Code(err) != c.code || hits.Load() != c.hits {
			t.Errorf("%s: %d tries, %v; want %d and %s", name, hits.Load(), err, c.hits, c.code)
		}
	}
}

// TestThreeHopsByGRPCDoNotMultiplyTheirRetries: as by HTTP, a leaf that fails is called 1.2 times for each call at most.
func TestThreeHopsByGRPCDoNotMultiplyTheirRetries(t *testing.T) {
	const calls = 500
	w := newWorld(t, "gateway", "scheduler", "identity", "catalogs")
	for name, c := range map[string]struct {
		rule        string
		least, most float64
	}{
		"by default":                 {`{"breaker":{"calls":10000}}`, 1.01, 1.2},
		"with a budget that is none": {`{"breaker":{"calls":10000},"retry_budget":1,"retries":1}`, 1.5, 2}, // one hop tries again, and not each
	} {
		var hits atomic.Int64
		book := &peers.Book{}
		book.Set("catalogs", peers.Peer{RPC: []string{w.things(t, "catalogs", func(context.Context) error {
			hits.Add(1)
			return problem.New(problem.Unavailable, "away")
		})}})
		for _, hop := range [][2]string{{"identity", "catalogs"}, {"scheduler", "identity"}} {
			m := w.calls(t, hop[0], book)
			put(t, m.Policies(), c.rule)
			book.Set(hop[0], peers.Peer{RPC: []string{w.things(t, hop[0], func(ctx context.Context) error {
				if err := invoke(ctx, t, m, hop[1], read, grpc.WaitForReady(true)); err != nil {
					return problem.Wrap(problem.Unavailable, "what is needed is away", err)
				}
				return nil
			})}})
		}
		first := w.calls(t, "gateway", book)
		put(t, first.Policies(), c.rule)
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				for range calls / 10 {
					if err := invoke(t.Context(), t, first, "scheduler", read, grpc.WaitForReady(true)); status.Code(err) != codes.Unavailable {
						t.Error(err)
					}
				}
			})
		}
		all.Wait()
		amplified := float64(hits.Load()) / calls
		t.Logf("METRIC retry_amplification_three_hops_grpc{%s}=%.3f limit=1.2", name, amplified)
		if amplified < c.least || amplified > c.most {
			t.Errorf("%s: the leaf was called %.2f times for each call", name, amplified)
		}
	}
}

// TestAStallingDestinationIsLeftAloneByGRPC, and found again, as by HTTP; the edge counts every call that was made.
func TestAStallingDestinationIsLeftAloneByGRPC(t *testing.T) {
	w := newWorld(t, "gateway", "identity")
	var well atomic.Bool
	addr := w.things(t, "identity", func(ctx context.Context) error {
		if well.Load() {
			return nil
		}
		<-ctx.Done()
		return status.FromContextError(ctx.Err()).Err() // its own time may be up first
	})
	r := prometheus.NewRegistry()
	var edges *telemetry.Edges
	m := w.calls(t, "gateway", peers.Static{"identity": {RPC: []string{addr}}}, watched(r), func(s *mesh.Settings) { edges = s.Edges })
	put(t, m.Policies(), `{"timeout_ms":110,"retries":0,"breaker":{"calls":10,"open_ms":300}}`)
	made, refused := 0, 0
	one := func() error {
		err := invoke(context.Background(), t, m, "identity", read, grpc.WaitForReady(true))
		if err != nil && strings.Contains(err.Error(), "breaker") {
			refused++
		} else {
			made++
		}
		return err
	}
	wait.For(t, 30*time.Second, "the breaker to open", func() bool { _ = one(); return refused > 0 })
	well.Store(true)
	wait.For(t, 30*time.Second, "the breaker to close", func() bool {
		return one() == nil && value(t, r, "signalbox_mesh_breaker_state", "identity") == 0
	})
	e := edges.All()[0]
	if e.Open || int(total(e)) != made || e.Errors < 10 || int(e.Errors) > made-2 || int(value(t, r, "signalbox_mesh_breaker_refused_total")) != refused {
		t.Errorf("made %d, refused %d; the edge has %+v", made, refused, e)
	}
}

// TestTheLessBusyReplicaIsTakenByGRPC: while one stalls with a call, the other has all that follow.
func TestTheLessBusyReplicaIsTakenByGRPC(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	free, stalled := make(chan struct{}), make(chan struct{}, 200)
	var slow atomic.Bool
	var fast atomic.Int64
	one := w.things(t, "catalogs", func(context.Context) error {
		if slow.Load() {
			stalled <- struct{}{}
			<-free
		}
		return nil
	})
	other := w.things(t, "catalogs", func(context.Context) error { fast.Add(1); return nil })
	m := w.calls(t, "gateway", peers.Static{"catalogs": {RPC: []string{one, other}}})
	wait.For(t, 20*time.Second, "both to be connected", func() bool {
		before := fast.Load()
		for range 4 {
			check(t, invoke(t.Context(), t, m, "catalogs", read, grpc.WaitForReady(true)))
		}
		return fast.Load() == before+2 // in turn
	})
	slow.Store(true)
	done := make(chan error, 2)
	for range 2 {
		go func() { done <- invoke(t.Context(), t, m, "catalogs", read) }()
	}
	<-stalled
	check(t, <-done)
	before := fast.Load()
	for range 100 {
		check(t, invoke(t.Context(), t, m, "catalogs", read))
	}
	if got := fast.Load() - before; got != 100 || len(stalled) > 0 {
		t.Errorf("%d of 100 calls went to the one that is free", got)
	}
	close(free)
	check(t, <-done)
}

// forwarder passes connections on to an address until it is cut.
type forwarder struct {
	net.Listener
	mu    sync.Mutex
	conns []net.Conn
	gone  bool
	all   sync.WaitGroup
}

func forward(t *testing.T, to string) *forwarder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	f := &forwarder{Listener: l}
	f.all.Go(func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", to)
			if err != nil || !f.hold(in, out) {
				in.Close()
				continue
			}
			for _, way := range [][2]net.Conn{{in, out}, {out, in}} {
				f.all.Go(func() {
					defer way[1].Close()
					b := make([]byte, 4096)
					for {
						n, err := way[0].Read(b)
						if n > 0 {
							_, _ = way[1].Write(b[:n])
						}
						if err != nil {
							return
						}
					}
				})
			}
		}
	})
	t.Cleanup(func() { f.cut(); f.all.Wait() })
	return f
}

func (f *forwarder) hold(all ...net.Conn) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.conns = append(f.conns, all...)
	return !f.gone
}

// cut is the end of a replica, as a process that is killed ends: what is open is reset, and nobody listens.
func (f *forwarder) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.gone = true
	f.Close()
	for _, c := range f.conns {
		_ = c.(*net.TCPConn).SetLinger(0)
		c.Close()
	}
}

// TestHalfOfTheReplicasAreLostWhileTheyAreCalled, by both protocols: what was on its way there is tried again within the budget, each
// call is counted once on the edge, with its outcome, and what comes later fails nowhere.
func TestHalfOfTheReplicasAreLostWhileTheyAreCalled(t *testing.T) {
	w := newWorld(t, "gateway", "catalogs")
	const callers, each = 8, 100
	slowly := func() { <-time.After(time.Millisecond) }
	for name, c := range map[string]struct {
		replica func() string
		peer    func(all ...string) peers.Peer
		call    func(m *mesh.Mesh) error
	}{
		"http": {func() string { return web(t, func(http.ResponseWriter, *http.Request) { slowly() }) },
			func(all ...string) peers.Peer { return peers.Peer{HTTP: all} },
			func(m *mesh.Mesh) error {
				code, _, err := get(t.Context(), m, "/")
				if err == nil && code != http.StatusOK {
					err = fmt.Errorf("status %d", code)
				}
				return err
			}},
		"grpc": {func() string { return w.things(t, "catalogs", func(context.Context) error { slowly(); return nil }) },
			func(all ...string) peers.Peer { return peers.Peer{RPC: all} },
			func(m *mesh.Mesh) error { return invoke(t.Context(), t, m, "catalogs", read) }},
	} {
		lost := []*forwarder{forward(t, c.replica()), forward(t, c.replica())}
		r := prometheus.NewRegistry()
		var edges *telemetry.Edges
		m := w.calls(t, "gateway", peers.Static{"catalogs": c.peer(c.replica(), lost[0].Addr().String(), c.replica(), lost[1].Addr().String())}, watched(r), func(s *mesh.Settings) { edges = s.Edges })
		wait.For(t, 20*time.Second, "the first answer", func() bool { return c.call(m) == nil })
		before := edges.All()[0]
		var done, failures, late atomic.Int64
		var all sync.WaitGroup
		for range callers {
			all.Go(func() {
				for range each {
					began := done.Load()
					if c.call(m) != nil {
						if failures.Add(1); began > callers*each*3/4 {
							late.Add(1)
						}
					}
					if done.Add(1) == callers*each/2 {
						lost[0].cut()
						lost[1].cut()
					}
				}
			})
		}
		all.Wait()
		e, retries := edges.All()[0], value(t, r, "signalbox_mesh_retries_total", "tried")
		t.Logf("METRIC lost_while_called{%s}: failed=%d of %d, tried again=%v", name, failures.Load(), callers*each, retries)
		if total(e)-total(before) != callers*each || int64(e.Errors-before.Errors) != failures.Load() || e.Open {
			t.Errorf("%s: %d failures; the edge had %+v, has %+v", name, failures.Load(), before, e)
		}
		if late.Load() > 0 || failures.Load() > callers || retries > 10+0.06*callers*each+1+callers {
			t.Errorf("%s: %d calls failed, %d of them long after; %v were tried again", name, failures.Load(), late.Load(), retries)
		}
	}
}
