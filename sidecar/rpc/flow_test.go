package rpc_test

import (
	"context"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/debug/debugtest"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
)

// echo has a unary method and a stream, both of which do what handle does.
func echo(handle func(ctx context.Context, text string) error) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{ServiceName: "test.v1.Echo", HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Say", Handler: func(_ any, ctx context.Context, dec func(any) error, _ grpc.UnaryServerInterceptor) (any, error) {
			var in wrapperspb.StringValue
			if err := dec(&in); err != nil {
				return nil, err
			}
			return &in, handle(ctx, in.GetValue())
		}}},
		Streams: []grpc.StreamDesc{{StreamName: "Tell", ServerStreams: true, ClientStreams: true, Handler: func(_ any, s grpc.ServerStream) error {
			var in wrapperspb.StringValue
			if err := s.RecvMsg(&in); err != nil {
				return err
			}
			return handle(s.Context(), in.GetValue())
		}}},
	}
}

func say(ctx context.Context, conn *grpc.ClientConn, text string) error {
	var out wrapperspb.StringValue
	return conn.Invoke(ctx, "/test.v1.Echo/Say", wrapperspb.String(text), &out, grpc.WaitForReady(true))
}

func tell(ctx context.Context, conn *grpc.ClientConn, text string) error {
	s, err := conn.NewStream(ctx, &grpc.StreamDesc{StreamName: "Tell", ServerStreams: true, ClientStreams: true}, "/test.v1.Echo/Tell", grpc.WaitForReady(true))
	if err != nil {
		return err
	}
	if err := s.SendMsg(wrapperspb.String(text)); err != nil {
		return err
	}
	return s.RecvMsg(&wrapperspb.StringValue{})
}

func serveEcho(t *testing.T, s rpc.Settings, handle func(ctx context.Context, text string) error) string {
	t.Helper()
	srv := rpc.NewServer(s)
	if err := srv.Register(echo(handle), struct{}{}, map[string]rpc.Callers{"Say": rpc.AnyService(), "Tell": rpc.AnyService()}); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- srv.Serve(l) }()
	t.Cleanup(func() {
		_ = srv.Stop(context.Background())
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

// A call, and a stream, of a flow are in it on the other side; the handler sees no token, and one that is forged is nothing.
func TestAFlowGoesWithItsCalls(t *testing.T) {
	w := newWorld(t, "catalogs", "identity")
	here := debug.NewFlows(debug.Settings{Sign: w.signers["catalogs"].SignGrant, Verify: w.bundle.VerifyGrant})
	there := debug.NewFlows(debug.Settings{Verify: w.bundle.VerifyGrant})
	type seen struct {
		in    bool
		deep  bool // below DEBUG, too
		token []string
	}
	got := make(chan seen, 1)
	server := w.settings("identity")
	server.Flows = there
	addr := serveEcho(t, server, func(ctx context.Context, _ string) error {
		in, deep := there.Lets(ctx, slog.LevelDebug, false), there.Lets(ctx, slog.LevelDebug-4, false)
		md, _ := metadata.FromIncomingContext(ctx)
		got <- seen{in, deep, md.Get(debug.Metadata)}
		return nil
	})
	conn := dial(t, w.calls("catalogs"), "identity", addr)
	here.Apply([]lease.Lease{{ID: "l-1", Value: `{"level":"DEBUG","user":"42"}`, Until: time.Now().Add(time.Minute)}})
	for _, call := range []func(context.Context, *grpc.ClientConn, string) error{say, tell} {
		for user, want := range map[string]seen{"42": {true, false, nil}, "7": {}} {
			ctx, end := here.Match(t.Context(), debug.Request{User: user})
			_ = call(ctx, conn, "x") // a stream ends with EOF
			end()
			if d := cmp.Diff(want, <-got, cmp.AllowUnexported(seen{})); d != "" {
				t.Errorf("user %s: %s", user, d)
			}
		}
		_ = call(metadata.AppendToOutgoingContext(t.Context(), debug.Metadata, "a.b.c"), conn, "x")
		if one := <-got; one.in || len(one.token) > 0 {
			t.Errorf("with a forged token: %+v", one)
		}
	}
	wait.For(t, 10*time.Second, "the flows to end", func() bool { return !there.Active() && !here.Active() })

	there.Apply([]lease.Lease{{ID: "l-2", Value: `{"level":"DEBUG-4","route":"/test.v1.Echo/Say"}`}})
	if err := say(t.Context(), conn, "x"); err != nil {
		t.Fatal(err)
	}
	if one := <-got; !one.deep {
		t.Errorf("a lease for the method: %+v", one)
	}
}

func TestFailedCallsAreReported(t *testing.T) {
	w := newWorld(t, "catalogs", "identity")
	kept := &debugtest.Box{}
	failures := debug.NewFailures(debug.FailureSettings{Box: kept})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan struct{})
	go func() { defer close(ran); _ = failures.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-ran })
	server := w.settings("identity")
	server.Failures, server.TracerProvider = failures, sdktrace.NewTracerProvider()
	var gate error
	server.Gate = func() error { return gate }
	addr := serveEcho(t, server, func(_ context.Context, text string) error {
		switch text {
		case "panic":
			panic("deep secret")
		case "", "slow":
			return nil
		default:
			return problem.New(problem.Code(text), "secret")
		}
	})
	conn := dial(t, w.calls("catalogs"), "identity", addr)
	for _, good := range []string{"", "not_found", "invalid", "forbidden", "conflict", "too_many"} {
		_ = say(t.Context(), conn, good)
	}
	kept.Bound.Store(1) // whatever takes time is slow
	_ = tell(t.Context(), conn, "slow")
	kept.Bound.Store(0)
	gate = problem.New(problem.Unavailable, "no database")
	_ = say(t.Context(), conn, "")
	gate = nil
	_ = say(t.Context(), dial(t, mesh.Settings{}, "identity", addr), "internal") // refused
	for _, bad := range []string{"internal", "unavailable", "panic"} {
		_ = say(t.Context(), conn, bad)
	}
	kept.Bound.Store(1)
	_ = say(t.Context(), conn, "slow")
	_ = tell(t.Context(), conn, "internal")
	const say = "test.v1.Echo/Say: "
	want := say + "INTERNAL;" + say + "UNAVAILABLE;" + say + "INTERNAL;" + say + "OK: took "
	wait.For(t, 10*time.Second, "five failures", func() bool { return strings.Count(kept.Causes(), ";") >= 4 })
	if got := kept.Causes(); !strings.HasPrefix(got, want) || !strings.HasSuffix(got, ";test.v1.Echo/Tell: INTERNAL") || strings.Count(got, ";") != 4 {
		t.Errorf("reported %q, want %q", got, want)
	}
}
