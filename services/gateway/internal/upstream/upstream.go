// Package upstream reaches the services' public ports: it finds the address at each request, goes
// round the replicas that are in no maintenance window, leaves one that refused alone for a second, and
// tries another one once.
package upstream

import (
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// shun is how long an address that refused is left alone while there is another.
const shun = time.Second

// Transport is an http.RoundTripper for URLs whose host is a service's name. Safe for concurrent use.
type Transport struct {
	peers    peers.Resolver
	base     func(*http.Request) http.RoundTripper
	open     func(*http.Request) bool
	looker   *http.Client
	turn     atomic.Uint64
	duration *prometheus.HistogramVec
	retries  *prometheus.CounterVec

	mu      sync.Mutex
	refused map[string]time.Time // address → when
	windows map[string]window    // address → what it said last
}

// Settings of a Transport.
type Settings struct {
	Peers      peers.Resolver
	Base       func(*http.Request) http.RoundTripper // chooses by the request, such as for its timeout
	Open       func(*http.Request) bool              // whether it is sent to replicas in a maintenance window too; nil: none is
	Registerer prometheus.Registerer
}

// New makes a Transport.
func New(s Settings) *Transport {
	if s.Open == nil {
		s.Open = func(*http.Request) bool { return false }
	}
	return &Transport{
		peers: s.Peers, base: s.Base, open: s.Open, looker: newLooker(), refused: map[string]time.Time{}, windows: map[string]window{},
		duration: telemetry.NewHistogram(s.Registerer, "signalbox_gateway_upstream_duration_seconds", "Time until the head of a service's answer, by service and status; status 0 is no answer",
			telemetry.DurationBuckets(), "upstream", "http_response_status_code"),
		retries: telemetry.Register(s.Registerer, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_gateway_upstream_retries_total", Help: "Requests sent to another replica because the first one refused the connection",
		}, []string{"upstream"})),
	}
}

// RoundTrip sends the request to a replica of the service. When the connection is refused nothing was
// sent, and an idempotent request goes to another replica, once. The body stays the caller's to close,
// after it has read the answer, as httputil.ReverseProxy does. Errors: *WindowError, with nothing sent.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	began, service := time.Now(), r.URL.Host
	if shut := t.closed(service); shut != nil && !t.open(r) {
		return nil, shut
	}
	first := t.pick(service, "")
	resp, err := t.send(r, first)
	if err != nil && refusal(err) {
		t.shun(first)
		if next := t.pick(service, first); next != "" && next != first && idempotent(r.Method) {
			t.retries.WithLabelValues(service).Inc()
			resp, err = t.send(r, next)
			if err != nil && refusal(err) {
				t.shun(next)
			}
		}
	}
	status := 0
	if err == nil {
		status = resp.StatusCode
	}
	telemetry.Observe(r.Context(), t.duration.WithLabelValues(service, strconv.Itoa(status)), time.Since(began).Seconds())
	return resp, err
}

func (t *Transport) send(r *http.Request, address string) (*http.Response, error) {
	if address == "" {
		return nil, &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("the service has no address")}
	}
	out := r.Clone(r.Context())
	out.URL = &url.URL{Scheme: "http", Host: address, Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery}
	if r.Body != nil && r.Body != http.NoBody {
		out.Body = io.NopCloser(r.Body) // a transport closes the body of a request that it could not send
	}
	return t.base(r).RoundTrip(out)
}

// pick is the next address in turn that is in no window and did not refuse just now; where there is none, the next in
// turn that is in no window, and else the next in turn. "" where there is none at all, or no other than not.
func (t *Transport) pick(service, not string) string {
	all := t.peers.Resolve(service).HTTP
	turn := t.turn.Add(1)
	choice, least := "", worst
	for i := range all {
		address := all[(turn+uint64(i))%uint64(len(all))]
		if address == not {
			continue
		}
		if bad := t.badness(address); bad < least {
			choice, least = address, bad
		}
	}
	return choice
}

// worst is above every badness.
const worst = 4

func (t *Transport) badness(address string) (bad int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, in := t.inWindow(address, time.Now()); in {
		bad += 2
	}
	if t.shunned(address) {
		bad++
	}
	return bad
}

func (t *Transport) shun(address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused[address] = time.Now()
}

// shunned forgets a refusal that is long ago. t.mu is held.
func (t *Transport) shunned(address string) bool {
	when, ok := t.refused[address]
	if ok && time.Since(when) > shun {
		delete(t.refused, address)
		ok = false
	}
	return ok
}

// refusal: no connection came about, so nothing was sent.
func refusal(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

func idempotent(method string) bool {
	switch method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return true
	default:
		return false
	}
}
