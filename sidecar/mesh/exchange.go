package mesh

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// exchange is one call by HTTP, from its first try to the end of its answer, of which it is the body. It is used by one
// goroutine, but that a body may be closed while it is read.
type exchange struct {
	*outbound
	terms  *terms
	permit permit
	proxy  *TransportSettings // nil: the call is this service's own
	method string
	began  time.Time
	given  time.Duration // by the deadline; 0: there is none

	ctx    context.Context //nolint:containedctx // of the answer, too, which is read after RoundTrip
	cancel context.CancelFunc
	span   trace.Span

	replica *replica // that answers
	status  int
	body    io.ReadCloser
	over    atomic.Bool
	values  [3]string
	upload  kept // the body of the request

	// What goes out at the first try, which is the only one of most.
	out    http.Request
	target url.URL
}

// run makes the call.
func (x *exchange) run(r *http.Request) (*http.Response, error) {
	x.ctx = r.Context()
	if x.proxy == nil {
		x.ctx, x.given, x.cancel = x.terms.bounded(x.ctx)
		x.ctx, x.span = x.start(x.ctx, x.method)
		x.earn(x.ctx, x.terms)
	}
	body := &x.upload
	body.keep(r)
	resp, err := x.tries(r, body)
	body.release()
	if err != nil {
		x.end(err)
		return nil, err
	}
	x.status = resp.StatusCode
	switch {
	case resp.StatusCode == http.StatusSwitchingProtocols, resp.Body == http.NoBody:
		x.end(nil) // what follows is no answer
	case x.proxy != nil:
		x.observed(nil)
		x.body, resp.Body = resp.Body, x
	default:
		x.body, resp.Body = resp.Body, x
	}
	return resp, nil
}

func (x *exchange) tries(r *http.Request, body *kept) (*http.Response, error) {
	var not *replica
	for try := 1; ; try++ {
		resp, err := x.once(r, body, try, not)
		refused := err != nil && refusal(err)
		if err != nil && x.replica != nil && x.ctx.Err() == nil && !body.broken() {
			x.replica.shun()
			not = x.replica
		}
		if !x.worth(r, body, resp, err, refused, try) {
			return resp, err
		}
		if resp != nil {
			_ = resp.Body.Close()
		}
		x.let()
	}
}

// worth says whether the call is tried again, after the wait for it. One that nobody took is sent elsewhere at once.
func (x *exchange) worth(r *http.Request, body *kept, resp *http.Response, err error, refused bool, try int) bool {
	if x.ctx.Err() != nil || body.broken() || x.terms.retries == 0 || !refused && !retriable(resp, err) {
		return false
	}
	if refused {
		if x.proxy != nil && (try > 1 || !idempotent(r.Method)) || !x.another() || !body.rewind(r) || try > maxRetries {
			return false
		}
		if x.proxy != nil && x.proxy.Retried != nil {
			x.proxy.Retried(x.service)
		}
		x.retried.Inc()
		return true
	}
	if x.proxy != nil || !harmless(r) || !body.replays(r) {
		return false
	}
	if resp != nil && resp.Header.Get(hop.Retry) == hop.No {
		hop.Spend(x.ctx)
		return false
	}
	return x.again(x.ctx, x.terms, try, false) && body.rewind(r)
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
func (x *exchange) once(r *http.Request, body *kept, try int, not *replica) (*http.Response, error) {
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
		resp, err = x.via(x.proxy, r).RoundTrip(x.request(r, body, try))
	case f.Abort:
		err = &net.OpError{Op: "read", Net: "tcp", Err: syscall.ECONNRESET}
	default:
		resp = f.response(r)
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

// request is a copy with what a call between services has; headers and URL of the caller's are not written to.
func (x *exchange) request(r *http.Request, body *kept, try int) *http.Request {
	out, target := &x.out, &x.target
	if try > 1 { // the transport may still have the one before
		out, target = new(http.Request), new(url.URL)
	}
	if *out = *r; x.cancel != nil || x.span != nil {
		out = r.WithContext(x.ctx)
	}
	*target = url.URL{Scheme: "http", Host: x.replica.address, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery}
	out.URL = target
	if out.Host == "" {
		out.Host = x.service
	}
	if body.body != nil {
		out.Body = body.send()
	}
	out.Header = make(http.Header, len(r.Header)+6)
	maps.Copy(out.Header, r.Header)
	if x.proxy != nil {
		return out
	}
	left := x.given
	if deadline, ok := x.ctx.Deadline(); ok && (try > 1 || x.terms.fault != nil) {
		left = time.Until(deadline)
	}
	x.stamp(out.Header, 0, hop.Timeout, strconv.FormatInt(max(left.Milliseconds(), 1), 10))
	if try > 1 || hop.Again(x.ctx) {
		out.Header[hop.Attempt] = []string{strconv.Itoa(max(try, 2))}
	}
	if s := x.mesh.settings.Signer; s != nil {
		if token, err := s.Token(x.service); err == nil { // else the other end says that there is none
			x.stamp(out.Header, 1, hop.Token, token)
		}
	}
	if token := debug.Token(x.ctx); token != "" {
		x.stamp(out.Header, 2, debug.Header, token)
	}
	x.mesh.settings.Propagator.Inject(x.ctx, propagation.HeaderCarrier(out.Header))
	return out
}

// stamp sets a header whose name is in its canonical form. The values are the first try's: its transport may still read them
// in the next.
func (x *exchange) stamp(h http.Header, slot int, name, value string) {
	if x.values[slot] != "" {
		h[name] = []string{value}
		return
	}
	x.values[slot] = value
	h[name] = x.values[slot : slot+1 : slot+1]
}

// Read implements io.Reader for the answer's body.
func (x *exchange) Read(p []byte) (int, error) {
	n, err := x.body.Read(p)
	if errors.Is(err, io.EOF) {
		x.end(nil)
	} else if err != nil {
		x.end(err)
	}
	return n, err
}

// Close implements io.Closer; an answer that is not read to its end is one.
func (x *exchange) Close() error {
	err := x.body.Close()
	x.end(nil)
	return err
}

// end is the end of the call, once.
func (x *exchange) end(err error) {
	if x.over.Swap(true) {
		return
	}
	if x.proxy == nil || x.body == nil {
		x.observed(err)
	}
	x.let()
	if x.cancel != nil && x.status != http.StatusSwitchingProtocols {
		x.cancel()
	}
}

// observed tells everybody how it went.
func (x *exchange) observed(err error) {
	took, status := time.Since(x.began), x.status
	gone := err != nil && (errors.Is(x.ctx.Err(), context.Canceled) || x.upload.broken()) // the caller gave it up
	failed := err != nil && !gone || status >= 500
	x.observe(x.ctx, x.method, status, took, failed)
	switch {
	case gone, err != nil && status == 0 && nobodyThere(err), failed && x.ctx.Err() != nil && x.given < tooShort:
		x.permit.end(nothing)
	case err != nil, x.proxy == nil && gatewayStatus(status):
		x.permit.end(failure)
	default:
		x.permit.end(success)
	}
	why := ""
	if err != nil {
		why = err.Error()
	} else if failed {
		why = http.StatusText(status)
	}
	finish(x.span, why, func() []attribute.KeyValue {
		all := []attribute.KeyValue{attribute.String("http.request.method", x.method)}
		if status != 0 {
			all = append(all, attribute.Int("http.response.status_code", status))
		}
		return all
	})
}

// response is what a fault answers in place of the service.
func (f *held) response(r *http.Request) *http.Response {
	trace := trace.SpanContextFromContext(r.Context())
	id := ""
	if trace.HasTraceID() {
		id = trace.TraceID().String()
	}
	document, _ := json.Marshal(problem.Of(&problem.Error{Code: problem.FromHTTPStatus(f.Status), Status: f.Status, Detail: "an injected fault"}, id))
	return &http.Response{
		Status: strconv.Itoa(f.Status) + " " + http.StatusText(f.Status), StatusCode: f.Status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: http.Header{"Content-Type": {problem.ContentType}}, ContentLength: int64(len(document)), Body: io.NopCloser(bytes.NewReader(document)), Request: r,
	}
}

// refusal: no connection came about, so nothing was sent.
func refusal(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// nobodyThere: the refusal came at once, and not for want of an answer.
func nobodyThere(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial" && !op.Timeout()
}

// retriable says whether another replica, or another moment, may have a better answer.
func retriable(resp *http.Response, err error) bool {
	if err != nil {
		return !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded)
	}
	return gatewayStatus(resp.StatusCode)
}

// gatewayStatus are the answers of a destination that cannot do its work. 500 is no such: of one request that hits a mistake,
// all others would pay.
func gatewayStatus(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// harmless requests do no more when they are sent twice.
func harmless(r *http.Request) bool {
	switch r.Method {
	case "", http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodTrace:
		return true
	default:
		return r.Header.Get("Idempotency-Key") != ""
	}
}

// idempotent methods are those of which a proxied request is sent elsewhere.
func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	default:
		return false
	}
}

func methodLabel(method string) string {
	if method == "" {
		return http.MethodGet
	}
	return telemetry.Method(strings.ToUpper(method))
}
