package rpc

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/mtls"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// guard is what stands before one method.
type guard struct {
	server  *Server
	method  string // package.Service/Method
	callers Callers
	foreign func(ctx context.Context, token string) (context.Context, error)
	limit   int
	ungated bool
	quiet   bool // it carries telemetry
	streams bool
}

type unaryHandler = func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (any, error)

func (g guard) unary(next unaryHandler) grpc.MethodHandler {
	return func(srv any, ctx context.Context, dec func(any) error, interceptor grpc.UnaryServerInterceptor) (out any, err error) {
		err = g.call(ctx, func(ctx context.Context) error {
			out, err = next(srv, ctx, func(m any) error { return g.limited(m, dec) }, interceptor)
			return err
		})
		return out, err
	}
}

func (g guard) stream(next grpc.StreamHandler) grpc.StreamHandler {
	return func(srv any, ss grpc.ServerStream) error {
		return g.call(ss.Context(), func(ctx context.Context) error {
			return next(srv, &guardedStream{ServerStream: ss, ctx: ctx, guard: g})
		})
	}
}

// guardedStream carries the caller in its context and bounds each message.
type guardedStream struct {
	grpc.ServerStream
	ctx   context.Context
	guard guard
}

func (s *guardedStream) Context() context.Context { return s.ctx }

func (s *guardedStream) RecvMsg(m any) error { return s.guard.limited(m, s.ServerStream.RecvMsg) }

func (g guard) limited(m any, read func(any) error) error {
	if err := read(m); err != nil {
		return unreadable(err)
	}
	if pm, ok := m.(proto.Message); ok && proto.Size(pm) > g.limit {
		return problem.New(problem.Invalid, fmt.Sprintf("the message is larger than %d bytes", g.limit))
	}
	return nil
}

// unreadable is the sender's fault where grpc reports a message that is malformed or beyond the hard
// limit; an end of the stream and a broken connection stay what they are.
func unreadable(err error) error {
	switch status.Code(err) {
	case codes.Internal, codes.ResourceExhausted:
		return problem.Wrap(problem.Invalid, "the message is malformed or too large", err)
	}
	return err
}

// call admits, runs and recovers; whatever comes out is a status of the closed set.
func (g guard) call(ctx context.Context, run func(ctx context.Context) error) (err error) {
	began, ran := time.Now(), false
	ctx, leave := g.enter(g.hopped(ctx))
	defer leave()
	defer func() {
		if r := recover(); r != nil {
			g.server.settings.Logger.ErrorContext(ctx, "a call panicked", slog.String("rpc_method", g.method),
				slog.Any("err", r), slog.String("stack", string(debug.Stack())))
			err = problem.New(problem.Internal, "something went wrong here")
		}
		err = g.answer(ctx, err)
		spent(ctx, err)
		if ran {
			g.ended(ctx, time.Since(began), err)
		}
	}()
	ctx, err = g.admit(ctx)
	if err != nil {
		return err
	}
	if err := g.open(); err != nil {
		return err
	}
	ran = true
	return run(ctx)
}

// answer maps an error, and logs the cause of one that is our own fault: it does not leave the service.
func (g guard) answer(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	st := statusOf(err)
	if problem.FromGRPC(st.Code()) == problem.Internal && ctx.Err() == nil {
		g.server.settings.Logger.ErrorContext(ctx, "a call failed", slog.String("rpc_method", g.method), slog.Any("err", err))
	}
	return identified(ctx, st).Err()
}

// identified adds the trace id, by which whoever gets the error can quote it.
func identified(ctx context.Context, st *status.Status) *status.Status {
	sc := trace.SpanContextFromContext(ctx)
	if !sc.HasTraceID() {
		return st
	}
	with, err := st.WithDetails(&errdetails.RequestInfo{RequestId: sc.TraceID().String()})
	if err != nil {
		return st // it is no error
	}
	return with
}

// statusOf keeps a status that the handler chose itself (health's "unknown service"), and what ctx's end means.
func statusOf(err error) *status.Status {
	var ours *problem.Error
	if errors.As(err, &ours) {
		return problem.Status(err)
	}
	if st, ok := status.FromError(err); ok && st.Code() != codes.Unknown && st.Code() != codes.Internal {
		return st
	}
	if errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled) {
		return status.FromContextError(err)
	}
	return problem.Status(err)
}

func (g guard) open() error {
	if g.ungated {
		return nil
	}
	if err := g.server.settings.Gate(); err != nil {
		return problem.Wrap(problem.Unavailable, "the service is not ready yet", err)
	}
	return nil
}

// admit verifies the token and looks the caller up.
func (g guard) admit(ctx context.Context) (context.Context, error) {
	token, sent := bearer(ctx)
	caller, err := g.verify(token)
	if err != nil {
		if g.foreign != nil && g.server.settings.Bundle != nil {
			return g.admitForeign(ctx, token)
		}
		g.server.metrics.refuse("token")
		detail := "a service token is needed"
		if sent {
			detail = "the service token was refused"
		}
		return ctx, problem.Wrap(problem.Unauthorized, detail, err)
	}
	if !shown(ctx, caller) {
		g.server.metrics.refuse("certificate")
		return ctx, problem.New(problem.Unauthorized, fmt.Sprintf("the service token is %s's, the connection's certificate is not", caller))
	}
	if !g.callers.admit(caller) {
		g.server.metrics.refuse("caller")
		return ctx, problem.New(problem.Forbidden, fmt.Sprintf("%s may not be called by %s", g.method, caller))
	}
	return access.WithCaller(ctx, caller), nil
}

func (g guard) admitForeign(ctx context.Context, token string) (context.Context, error) {
	next, err := g.foreign(ctx, token)
	if err != nil {
		g.server.metrics.refuse("foreign")
		return ctx, err
	}
	return next, nil
}

// shown reports whether the connection's certificate, if it has one, speaks for the caller.
func shown(ctx context.Context, caller string) bool {
	from, ok := peer.FromContext(ctx)
	if !ok {
		return true
	}
	info, overTLS := from.AuthInfo.(credentials.TLSInfo)
	return !overTLS || mtls.Speaks(info.State, caller)
}

func (g guard) verify(token string) (string, error) {
	b := g.server.settings.Bundle
	if b == nil {
		return "", fmt.Errorf("there is no trust bundle here")
	}
	return b.Verify(token, g.server.settings.Service)
}

func bearer(ctx context.Context) (token string, sent bool) {
	md, _ := metadata.FromIncomingContext(ctx)
	values := md.Get("authorization")
	if len(values) != 1 {
		return "", len(values) > 0
	}
	kind, token, ok := strings.Cut(values[0], " ")
	if !ok || !strings.EqualFold(kind, "bearer") {
		return "", true
	}
	return strings.TrimSpace(token), true
}
