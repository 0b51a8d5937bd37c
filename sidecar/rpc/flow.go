package rpc

import (
	"context"
	"strings"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
)

// enter begins the flow of a call: by the token that it came with, or because a lease is for its trace, its method or its
// metadata. Calls that carry telemetry are in none.
func (g guard) enter(ctx context.Context) (context.Context, func()) {
	flows := g.server.settings.Flows
	if flows == nil || g.quiet {
		return ctx, func() {}
	}
	md, _ := metadata.FromIncomingContext(ctx)
	leave := func() {}
	if tokens := md[debug.Metadata]; len(tokens) > 0 {
		md = md.Copy()
		delete(md, debug.Metadata) // a handler has no use for it, and could let it out
		ctx, leave = flows.Enter(metadata.NewIncomingContext(ctx, md), strings.Join(tokens, ","))
	}
	if !flows.Matching() {
		return ctx, leave
	}
	ctx, more := flows.Match(ctx, debug.Request{Route: "/" + g.method, Trace: trace.SpanContextFromContext(ctx).TraceID(),
		Header: func(name string) string { return strings.Join(md.Get(name), ",") }})
	return ctx, func() { more(); leave() }
}

// ended reports how a call ended whose handler ran. One that its caller gave up is no failure, and a stream's time says
// nothing.
func (g guard) ended(ctx context.Context, took time.Duration, err error) {
	if g.quiet {
		return
	}
	if g.streams {
		took = 0
	}
	g.server.settings.Failures.Ended(ctx, ours(err) && ctx.Err() == nil, took, func() string {
		return g.method + ": " + statusName(err)
	})
}

// ours says whether an answer is the service's own fault.
func ours(err error) bool {
	switch status.Code(err) {
	case codes.Internal, codes.Unknown, codes.DataLoss, codes.Unavailable:
		return true
	default:
		return false
	}
}

// carryUnary sends the debug token of the caller's flow with the call.
func carryUnary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	return next(carrying(ctx, method), method, req, reply, cc, opts...)
}

// carryStream is carryUnary for streams; it does not hold for what a flow sends over a stream that was there before.
func carryStream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	return next(carrying(ctx, method), desc, cc, method, opts...)
}

func carrying(ctx context.Context, method string) context.Context {
	token := debug.Token(ctx)
	if token == "" || quiet(method) {
		return ctx
	}
	return metadata.AppendToOutgoingContext(ctx, debug.Metadata, token)
}
