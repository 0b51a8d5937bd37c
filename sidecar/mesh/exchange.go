package mesh

import (
	"context"
	"errors"
	"net"
	"net/http"
	"net/url"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
)

// exchange is one call by HTTP, from its first try to the end of its answer. It is used by one goroutine at a time.
type exchange struct {
	*outbound
	terms  *terms
	permit permit
	proxy  *TransportSettings // nil: the call is this service's own
	in     *http.Request      // as the caller has it
	began  time.Time
	given  time.Duration // by the deadline; 0: there is none

	ctx    context.Context //nolint:containedctx // of the answer, too, which is read after RoundTrip
	cancel context.CancelFunc
	span   trace.Span

	replica *replica // that answers
	tried   int
	status  int
	upload  kept // the body of the request

	// What goes out at the first try, which is the only one of most.
	out    http.Request
	target url.URL
	header http.Header
	values [3]string // of the header
}

// run makes the call.
func (x *exchange) run() (*http.Response, error) {
	x.ctx = x.in.Context()
	if x.proxy == nil {
		x.ctx, x.given, x.cancel = x.terms.bounded(x.ctx, x.began)
		x.ctx, x.span = x.start(x.ctx, methodLabel(x.in.Method))
		x.earn(x.ctx, x.terms)
	}
	x.upload.keep(x.in)
	resp, err := x.tries()
	x.upload.release()
	if err != nil {
		x.observed(err)
		x.end()
		return nil, err
	}
	x.status, resp.Request = resp.StatusCode, x.in
	none := resp.StatusCode == http.StatusSwitchingProtocols || resp.Body == http.NoBody // what follows is no answer
	if none || x.proxy != nil {
		x.observed(nil)
	}
	if none {
		x.end()
		return resp, nil
	}
	a := &answer{ReadCloser: resp.Body}
	a.call.Store(x)
	resp.Body = a
	return resp, nil
}

func (x *exchange) tries() (*http.Response, error) {
	var not *replica
	for try := 1; ; try++ {
		x.tried = try
		resp, err := x.once(try, not)
		if err != nil && x.replica != nil && x.ctx.Err() == nil && !x.upload.broken() {
			x.replica.shun()
			not = x.replica
		}
		if !x.worth(resp, err, try) {
			return resp, err
		}
		if resp != nil {
			_ = resp.Body.Close()
		}
		x.let()
	}
}

// worth says whether the call is tried again, after the wait for it. One that nobody took is sent elsewhere at once.
func (x *exchange) worth(resp *http.Response, err error, try int) bool {
	refused := err != nil && refusal(err)
	if !refused && !retriable(resp, err) || x.ctx.Err() != nil || x.upload.broken() || x.terms.retries == 0 {
		return false
	}
	if refused {
		if x.proxy != nil && (try > 1 || !idempotent(x.in.Method)) || !x.another() || !x.upload.rewind(x.in) || try > maxRetries {
			return false
		}
		if x.proxy != nil && x.proxy.Retried != nil {
			x.proxy.Retried(x.service)
		}
		x.retried.Inc()
		return true
	}
	if x.proxy != nil || !harmless(x.in) || !x.upload.replays(x.in) {
		return false
	}
	if resp != nil && resp.Header.Get(hop.Retry) == hop.No {
		hop.Spend(x.ctx)
		return false
	}
	return x.again(x.ctx, x.terms, try, false) && x.upload.rewind(x.in)
}

// another says whether there is a replica that has not refused just now.
func (x *exchange) another() bool {
	now := x.replicas.now.Load()
	if now == nil {
		return false
	}
	for _, r := range now.all {
		if !r.shunned() {
			return true
		}
	}
	return false
}

// once sends the request to a replica.
func (x *exchange) once(try int, not *replica) (*http.Response, error) {
	x.replica = nil
	f, err := x.strike(x.ctx, x.terms.fault, x.span)
	if err != nil {
		return nil, err
	}
	x.replica = x.pick(x.proxy, not)
	if x.replica == nil {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("the service has no address")}
	}
	x.replica.inFlight.Add(1)
	var resp *http.Response
	switch {
	case f == nil:
		resp, err = x.via(x.proxy, x.in).RoundTrip(x.request(try))
	case f.Abort:
		err = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	default:
		resp = f.response(x.in)
	}
	return resp, err
}

// let takes the call out of what its replica has in flight.
func (x *exchange) let() {
	if x.replica != nil {
		x.replica.inFlight.Add(-1)
		x.replica = nil
	}
}

// end is the end of the call.
func (x *exchange) end() {
	x.let()
	if x.cancel != nil && x.status != http.StatusSwitchingProtocols {
		x.cancel()
	}
}

// observed tells everybody how it went.
func (x *exchange) observed(err error) {
	took, status, method := time.Since(x.began), x.status, methodLabel(x.in.Method)
	gone := err != nil && (errors.Is(x.ctx.Err(), context.Canceled) || x.upload.broken()) // the caller gave it up
	failed := err != nil && !gone || status >= 500
	x.observe(x.ctx, method, status, took, failed)
	switch {
	case gone, err != nil && status == 0 && nobodyThere(err), failed && x.ctx.Err() != nil && x.given < tooShort:
		x.breaker.end(x.permit, nothing)
	case err != nil, x.proxy == nil && gatewayStatus(status):
		x.breaker.end(x.permit, failure)
	default:
		x.breaker.end(x.permit, success)
	}
	why := ""
	if err != nil {
		why = err.Error()
	} else if failed {
		why = http.StatusText(status)
	}
	finish(x.span, why, func() []attribute.KeyValue {
		all := []attribute.KeyValue{attribute.String("http.request.method", method)}
		if status != 0 {
			all = append(all, attribute.Int("http.response.status_code", status))
		}
		return all
	})
}
