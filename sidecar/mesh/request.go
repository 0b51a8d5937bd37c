package mesh

import (
	"maps"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh/hop"
)

// request is a copy with what a call between services has; headers and URL of the caller's are not written to.
func (x *exchange) request(try int) *http.Request {
	r, out, target, header := x.in, &x.out, &x.target, x.header
	if try > 1 { // the transport may still have the one before
		out, target, header = new(http.Request), new(url.URL), http.Header{}
	}
	*out = *r.WithContext(x.ctx)
	*target = url.URL{Scheme: "http", Host: x.replica.address, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery}
	out.URL = target
	if out.Host == "" {
		out.Host = x.service
	}
	if x.upload.body != nil {
		out.Body = x.upload.send()
	}
	out.Header = header
	maps.Copy(header, r.Header)
	if x.proxy != nil {
		return out
	}
	left := x.given
	if deadline, ok := x.ctx.Deadline(); ok && (try > 1 || x.terms.fault != nil) {
		left = time.Until(deadline)
	}
	x.stamp(header, 0, hop.Timeout, strconv.FormatInt(max(left.Milliseconds(), 1), 10))
	if try > 1 || hop.Again(x.ctx) {
		header[hop.Attempt] = []string{strconv.Itoa(max(try, 2))}
	}
	if s := x.mesh.settings.Signer; s != nil {
		if token, err := s.Token(x.service); err == nil { // else the other end says that there is none
			x.stamp(header, 1, hop.Token, token)
		}
	}
	if token := debug.Token(x.ctx); token != "" {
		x.stamp(header, 2, debug.Header, token)
	}
	x.mesh.settings.Propagator.Inject(x.ctx, propagation.HeaderCarrier(header))
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

// maxHeader bounds the header that is used again.
const maxHeader = 32

// exchange is one for a call, with what may be left of another.
func (d *outbound) exchange() *exchange {
	x, ok := d.spent.Get().(*exchange)
	if !ok {
		x = &exchange{header: make(http.Header, 8)}
	}
	return x
}

// recycle leaves it to another call. A request is free again when the body of its answer has been closed (http.RoundTripper);
// of one with a body of its own, or that was sent twice, that would be harder to tell.
func (x *exchange) recycle() {
	header, to := x.header, x.outbound
	if x.tried > 1 || x.upload.body != nil || len(header) > maxHeader {
		return
	}
	clear(header)
	*x = exchange{header: header}
	to.spent.Put(x)
}
