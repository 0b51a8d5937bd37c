package mesh

import (
	"cmp"
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
)

// streamCall is one stream. It has no deadline but its caller's and is never tried again. On the edge it is one call, which
// takes until the first answer.
type streamCall struct {
	*callee
	ctx    context.Context //nolint:containedctx // of the stream, which ends after the call that began it
	method string
	span   trace.Span
	permit permit
	began  time.Time
	sent   atomic.Bool  // to a replica
	first  atomic.Int64 // nanoseconds until the first answer; 0: there was none yet
	over   atomic.Bool
}

// stream is the interceptor of streams.
func (d *callee) stream(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string, next grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
	s := &streamCall{callee: d, ctx: ctx, method: method, began: time.Now()}
	quiet := hop.Quiet(method)
	if !quiet {
		var ok bool
		if s.permit, ok = d.breaker.take(); !ok {
			d.refused.Inc()
			return nil, d.isOpen()
		}
		s.ctx, s.span = d.start(ctx, method[1:])
	}
	stream, err := s.open(desc, cc, next, quiet, opts)
	if err != nil {
		s.end(err, quiet)
		return nil, err
	}
	return &answered{stream, s}, nil
}

func (s *streamCall) open(desc *grpc.StreamDesc, cc *grpc.ClientConn, next grpc.Streamer, quiet bool, opts []grpc.CallOption) (grpc.ClientStream, error) {
	if !quiet {
		f, err := s.strike(s.ctx, s.terms.Load().fault, s.span)
		if err != nil {
			return nil, status.FromContextError(err).Err()
		}
		if f != nil {
			s.sent.Store(true)
			return nil, f.err()
		}
	}
	out, err := s.outgoing(s.ctx, s.method, !quiet && hop.Again(s.ctx))
	if err != nil {
		return nil, err
	}
	opts = append(opts[:len(opts):len(opts)], grpc.OnFinish(func(err error) { s.end(err, quiet) }))
	return next(context.WithValue(out, sentKey{}, &s.sent), desc, cc, s.method, opts...)
}

// answered notes the first answer.
type answered struct {
	grpc.ClientStream
	call *streamCall
}

// RecvMsg implements grpc.ClientStream.
func (a *answered) RecvMsg(m any) error {
	err := a.ClientStream.RecvMsg(m)
	if err == nil && a.call.first.Load() == 0 {
		a.call.first.Store(int64(time.Since(a.call.began)))
		a.call.breaker.end(a.call.permit, success)
	}
	return err
}

// end is the end of the stream, once.
func (s *streamCall) end(err error, quiet bool) {
	if s.over.Swap(true) {
		return
	}
	code, took := status.Code(err), time.Since(s.began)
	s.measure(s.ctx, s.method, code, took)
	if quiet {
		return
	}
	first := time.Duration(s.first.Load())
	gone := code == codes.Canceled || errors.Is(s.ctx.Err(), context.Canceled)
	failed := atFault(code) && !gone
	s.edge.Observe(s.ctx, cmp.Or(first, took), failed)
	if first == 0 {
		s.breaker.end(s.permit, verdictOf(code, gone, s.sent.Load(), tooShort))
	}
	s.finished(s.span, s.method, err, code)
}
