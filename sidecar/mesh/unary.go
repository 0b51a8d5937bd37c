package mesh

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
)

// sentKey is where the picker finds what notes whether something of a call was sent.
type sentKey struct{}

// unaryCall is one call, from its first try to its end.
type unaryCall struct {
	*callee
	terms   *terms
	method  string
	span    trace.Span
	given   time.Duration
	sent    atomic.Bool // by the last try; it may still be on its way when the call has been given up
	trailer metadata.MD
	option  grpc.TrailerCallOption // of the trailer
}

// unary is the interceptor of calls with one answer.
func (d *callee) unary(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts ...grpc.CallOption) error {
	terms := d.terms.Load()
	if hop.Quiet(method) {
		return d.quiet(ctx, method, req, reply, cc, next, opts)
	}
	permit, ok := d.breaker.take()
	if !ok {
		d.refused.Inc()
		return d.isOpen()
	}
	began := time.Now()
	c := &unaryCall{callee: d, terms: terms, method: method}
	ctx, given, cancel := terms.bounded(ctx, began)
	if cancel != nil {
		defer cancel()
	}
	c.given = given
	ctx, c.span = d.start(ctx, method[1:])
	d.earn(ctx, terms)
	err := c.tries(ctx, req, reply, cc, next, opts)
	c.ended(ctx, time.Since(began), err, permit)
	return err
}

// quiet calls carry telemetry: they have a deadline, a token and a metric, and nothing else befalls them.
func (d *callee) quiet(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts []grpc.CallOption) error {
	began := time.Now()
	if _, ok := ctx.Deadline(); !ok {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, callTimeout)
		defer cancel()
	}
	out, err := d.outgoing(ctx, method, false)
	if err == nil {
		err = next(out, method, req, reply, cc, opts...)
	}
	d.measure(ctx, method, status.Code(err), time.Since(began))
	return err
}

func (c *unaryCall) tries(ctx context.Context, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts []grpc.CallOption) error {
	c.option.TrailerAddr = &c.trailer
	opts = append(opts[:len(opts):len(opts)], &c.option)
	for try := 1; ; try++ {
		err := c.once(ctx, try, req, reply, cc, next, opts)
		if !c.worth(ctx, err, try) {
			return err
		}
	}
}

func (c *unaryCall) once(ctx context.Context, try int, req, reply any, cc *grpc.ClientConn, next grpc.UnaryInvoker, opts []grpc.CallOption) error {
	c.sent.Store(false)
	f, err := c.strike(ctx, c.terms.fault, c.span)
	if err != nil {
		return status.FromContextError(err).Err()
	}
	if f != nil {
		c.sent.Store(true)
		return f.err()
	}
	out, err := c.outgoing(ctx, c.method, try > 1 || hop.Again(ctx))
	if err != nil {
		return err
	}
	return next(context.WithValue(out, sentKey{}, &c.sent), c.method, req, reply, cc, opts...)
}

// worth says whether the call is tried again, after the wait for it: where nothing was sent, or the method is declared to do
// no more when it is called twice.
func (c *unaryCall) worth(ctx context.Context, err error, try int) bool {
	if status.Code(err) != codes.Unavailable || ctx.Err() != nil || c.terms.retries == 0 {
		return false
	}
	sent := c.sent.Load()
	if sent && !c.methods.idempotent(c.method) {
		return false
	}
	if no := c.trailer[hop.RetryMetadata]; len(no) > 0 && no[0] == hop.No {
		hop.Spend(ctx)
		return false
	}
	return c.again(ctx, c.terms, try, !sent)
}

// ended tells everybody how it went.
func (c *unaryCall) ended(ctx context.Context, took time.Duration, err error, p permit) {
	code := status.Code(err)
	gone := errors.Is(ctx.Err(), context.Canceled)
	failed := atFault(code) && !gone
	c.measure(ctx, c.method, code, took)
	c.edge.Observe(ctx, took, failed)
	c.breaker.end(p, verdictOf(code, gone, c.sent.Load(), c.given))
	c.finished(c.span, c.method, err, code)
}

func verdictOf(code codes.Code, gone, sent bool, given time.Duration) verdict {
	switch {
	case gone, code == codes.Unavailable && !sent, code == codes.DeadlineExceeded && given < tooShort:
		return nothing
	case unable(code):
		return failure
	default:
		return success
	}
}

func (d *callee) finished(span trace.Span, method string, err error, code codes.Code) {
	failed := ""
	if err != nil {
		failed = status.Convert(err).Message()
	}
	finish(span, failed, func() []attribute.KeyValue {
		return []attribute.KeyValue{attribute.String("rpc.system.name", "grpc"), attribute.String("rpc.method", method[1:]),
			attribute.String("rpc.response.status_code", hop.StatusName(code))}
	})
}

// isOpen is the answer in place of a destination that is left alone.
func (d *callee) isOpen() error {
	return status.Error(codes.Unavailable, d.service+" is not answering just now; try again: "+ErrOpen.Error())
}

// err is what a fault answers in place of the service.
func (f *held) err() error {
	if f.Abort {
		return status.Error(codes.Unavailable, "an injected fault: the connection was reset")
	}
	code, _ := hop.StatusCode(f.Code)
	return status.Error(code, "an injected fault")
}
