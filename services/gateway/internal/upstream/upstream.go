// Package upstream reaches the services' public ports: it finds the address at each request, goes
// round the replicas, leaves one that refused alone for a second, and tries another one once.
package upstream

import (
	"context"
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
	turn     atomic.Uint64
	duration *prometheus.HistogramVec
	retries  *prometheus.CounterVec

	mu      sync.Mutex
	refused map[string]time.Time // address → when
}

// Settings of a Transport.
type Settings struct {
	Peers      peers.Resolver
	Base       func(*http.Request) http.RoundTripper // chooses by the request, such as for its timeout
	Registerer prometheus.Registerer
}

// New makes a Transport.
func New(s Settings) *Transport {
	return &Transport{
		peers: s.Peers, base: s.Base, refused: map[string]time.Time{},
		duration: telemetry.NewHistogram(s.Registerer, "signalbox_gateway_upstream_duration_seconds", "Time until the head of a service's answer, by service and status; status 0 is no answer",
			telemetry.DurationBuckets(), "upstream", "http_response_status_code"),
		retries: telemetry.Register(s.Registerer, prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "signalbox_gateway_upstream_retries_total", Help: "Requests sent to another replica because the first one refused the connection",
		}, []string{"upstream"})),
	}
}

// RoundTrip sends the request to a replica of the service. When the connection is refused nothing was
// sent, and an idempotent request goes to another replica, once. The body stays the caller's to close,
// after it has read the answer, as httputil.ReverseProxy does.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	began, service := time.Now(), r.URL.Host
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

// Reach is nil when some replica of the service takes a connection.
func (t *Transport) Reach(ctx context.Context, service string) error {
	var dialer net.Dialer
	errs := []error{}
	for _, address := range t.peers.Resolve(service).HTTP {
		conn, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return conn.Close()
		}
		errs = append(errs, err)
	}
	if len(errs) == 0 {
		return errors.New("the service has no address")
	}
	return errors.Join(errs...)
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

// pick is the next address in turn that did not refuse just now; when all did, the next in turn.
// "" where there is none, or no other than not.
func (t *Transport) pick(service, not string) string {
	all := t.peers.Resolve(service).HTTP
	turn := t.turn.Add(1)
	choice := ""
	for i := range all {
		address := all[(turn+uint64(i))%uint64(len(all))]
		if address == not {
			continue
		}
		if !t.shunned(address) {
			return address
		}
		if choice == "" {
			choice = address
		}
	}
	return choice
}

func (t *Transport) shun(address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.refused[address] = time.Now()
}

func (t *Transport) shunned(address string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
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
