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
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// enter begins the flow of a call: by the token that it came with, or because a lease is for its trace, its method or its
// metadata. Calls that carry telemetry are in none.
func (g guard) enter(ctx context.Context) (context.Context, func()) {
	flows := g.server.settings.Flows
	if flows == nil || g.quiet {
		return ctx, func() {}
	}
	leave := func() {}
	if tokens := metadata.ValueFromIncomingContext(ctx, debug.Metadata); len(tokens) > 0 {
		md, _ := metadata.FromIncomingContext(ctx) // a copy
		delete(md, debug.Metadata)                 // a handler has no use for it, and could let it out
		ctx, leave = flows.Enter(metadata.NewIncomingContext(ctx, md), strings.Join(tokens, ","))
	}
	if !flows.Matching() {
		return ctx, leave
	}
	ctx, more := flows.Match(ctx, debug.Request{Route: "/" + g.method, Trace: trace.SpanContextFromContext(ctx).TraceID(),
		Header: func(name string) string { return strings.Join(metadata.ValueFromIncomingContext(ctx, name), ",") }})
	return ctx, func() { more(); leave() }
}

// hopped takes over that the call is tried again.
func (g guard) hopped(ctx context.Context) context.Context {
	if g.quiet {
		return ctx
	}
	ctx, _ = hop.Enter(ctx, "", strings.Join(metadata.ValueFromIncomingContext(ctx, hop.AttemptMetadata), ","))
	return ctx
}

// spent says in a failed answer that what it failed of has been tried again already.
func spent(ctx context.Context, err error) {
	if err != nil && hop.Spent(ctx) {
		_ = grpc.SetTrailer(ctx, metadata.Pairs(hop.RetryMetadata, hop.No)) // it fails only where there is no call
	}
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
	failed := ours(err) && ctx.Err() == nil
	if failed {
		tracing.Promote(ctx, tracing.Failed)
	}
	g.server.settings.Failures.Ended(ctx, failed, took, func() string {
		return g.method + ": " + hop.StatusName(status.Code(err))
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
