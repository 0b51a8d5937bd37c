package edge

import (
	"net/http"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/services/gateway/internal/ratelimit"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/route"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

func methods() []string {
	return []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}
}

// checkHead judges what is there before a row is looked for.
func (e *Edge) checkHead(r *http.Request) error {
	if !slices.Contains(methods(), r.Method) {
		return &problem.Error{Code: problem.Invalid, Status: http.StatusMethodNotAllowed, Detail: "the gateway does not forward this method"}
	}
	if err := checkTarget(r, e.Limits.URL); err != nil {
		return err
	}
	return checkHeaders(r.Header, e.Limits)
}

// find looks up the row.
func (e *Edge) find(w *writer, r *http.Request) (route.Route, error) {
	method := r.Method
	if method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != "" {
		method = r.Header.Get("Access-Control-Request-Method") // a preflight is about the request after it
	}
	found, allowed, ok := e.Routes.Match(method, r.URL.Path)
	switch {
	case ok:
		return found, nil
	case len(allowed) > 0:
		w.Header().Set("Allow", strings.Join(allowed, ", "))
		return found, &problem.Error{Code: problem.Invalid, Status: http.StatusMethodNotAllowed, Detail: "this path does not take the method"}
	default:
		return found, problem.New(problem.NotFound, "there is nothing at this path")
	}
}

// admit verifies the token, takes a place in the buckets and asks the rule. A caller whose token does
// not hold pays with his address's bucket.
func (e *Edge) admit(w *writer, r *http.Request, x *exchange) error {
	var refused error
	x.caller, x.known, refused = access.Identify(r, e.Verifier)
	if err := e.limit(w, r, x); err != nil {
		return err
	}
	if refused != nil {
		return refused
	}
	return x.route.Rule.Permit(x.caller, x.known)
}

// limit takes one place in the address's bucket and, for a known caller, in his own: in both or in none.
func (e *Edge) limit(w *writer, r *http.Request, x *exchange) error {
	var keys []ratelimit.Key
	if e.PerAddress.On() {
		keys = append(keys, ratelimit.Key{Name: "address:" + network(x.client), Limit: e.PerAddress})
	}
	if x.known && e.PerUser.On() {
		keys = append(keys, ratelimit.Key{Name: "user:" + x.caller.Subject, Limit: e.PerUser})
	}
	if len(keys) == 0 {
		return nil
	}
	d := e.Limiter.Take(r.Context(), keys...)
	h := w.Header()
	h.Set("RateLimit-Limit", strconv.Itoa(d.Limit))
	h.Set("RateLimit-Remaining", strconv.Itoa(d.Remaining))
	h.Set("RateLimit-Reset", seconds(d.Reset))
	if d.Allowed {
		return nil
	}
	e.metrics.limited(d.Key)
	h.Set("Retry-After", seconds(d.RetryAfter))
	return problem.New(problem.TooMany, "too many requests; slow down")
}

// charge takes the place that a refusal costs; where there is none, that is the answer.
func (e *Edge) charge(w *writer, r *http.Request, x *exchange, refusal error) error {
	if err := e.limit(w, r, x); err != nil {
		return err
	}
	return refusal
}

// seconds rounds up, so that who comes again then is let in.
func seconds(d time.Duration) string {
	return strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10)
}

// network is what one customer of a provider has: a single IPv4 address, or an IPv6 /64.
func network(a netip.Addr) string {
	if a.Is6() {
		if p, err := a.Prefix(64); err == nil {
			return p.String()
		}
	}
	return a.String()
}

// cors answers a preflight (true) and marks the answers to allowed origins. Tokens travel in a header
// that the page itself sets, so credentials are not part of it.
func (e *Edge) cors(w *writer, r *http.Request) (done bool) {
	origin := r.Header.Get("Origin")
	if len(e.Origins) == 0 || origin == "" {
		return false
	}
	h := w.Header()
	h.Add("Vary", "Origin")
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if slices.Contains(e.Origins, origin) {
		h.Set("Access-Control-Allow-Origin", origin)
		h.Set("Access-Control-Expose-Headers", "X-Trace-Id, Retry-After, RateLimit-Limit, RateLimit-Remaining, RateLimit-Reset, Location, ETag")
		if preflight {
			h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE")
			h.Set("Access-Control-Allow-Headers", "Authorization, Content-Type, If-Match, If-None-Match, Last-Event-ID, Traceparent, Tracestate")
			h.Set("Access-Control-Max-Age", "600")
		}
	}
	if preflight {
		w.WriteHeader(http.StatusNoContent)
	}
	return preflight
}
