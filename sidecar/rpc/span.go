package rpc

import (
	"context"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	grpccodes "google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// call is what is kept of one that came in, from its headers to its end.
type call struct {
	tracing.Arrival
	method string          // package.Service/Method; "_OTHER": not one of ours
	md     context.Context //nolint:containedctx // whose metadata tells of the caller's trace; gone when it was read
}

type callKey struct{}

// begin continues the caller's trace. A call that carries telemetry has no span.
func (m *watch) begin(ctx context.Context, c *call, full string) context.Context {
	if hop.Quiet(full) {
		return ctx
	}
	c.md = ctx
	ctx = m.incoming.Start(ctx, &c.Arrival, c, tracing.What{Name: c.method, Kind: trace.SpanKindServer, Began: time.Now()})
	c.md = nil
	return ctx
}

// finish ends the span. What is an error of a server is so by the conventions; whether it promotes the trace was
// decided where it is known whose fault it is.
func (c *call) finish(ctx context.Context, err error) {
	span := c.Span()
	if span == nil {
		return
	}
	if span.IsRecording() {
		st := status.Convert(err)
		span.SetAttributes(attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", c.method),
			attribute.String("rpc.response.status_code", hop.StatusName(st.Code())))
		if p, ok := peer.FromContext(ctx); ok {
			span.SetAttributes(attribute.String("network.peer.address", p.Addr.String()))
		}
		if serverError(st.Code()) {
			span.SetStatus(codes.Error, st.Message())
		}
	}
	span.End()
}

func serverError(c grpccodes.Code) bool {
	switch c {
	case grpccodes.Unknown, grpccodes.DeadlineExceeded, grpccodes.Unimplemented, grpccodes.Internal, grpccodes.Unavailable, grpccodes.DataLoss:
		return true
	default:
		return false
	}
}

// Values implements propagation.ValuesGetter: a call is the carrier of its own metadata, which is not copied for it.
func (c *call) Values(key string) []string { return metadata.ValueFromIncomingContext(c.md, key) }

// Get implements propagation.TextMapCarrier.
func (c *call) Get(key string) string {
	if all := c.Values(key); len(all) > 0 {
		return all[0]
	}
	return ""
}

// Set implements propagation.TextMapCarrier: what came in is not written to.
func (c *call) Set(string, string) {}

// Keys implements propagation.TextMapCarrier.
func (c *call) Keys() (all []string) {
	md, _ := metadata.FromIncomingContext(c.md)
	for key := range md {
		all = append(all, key)
	}
	return all
}
