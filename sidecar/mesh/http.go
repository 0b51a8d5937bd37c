package mesh

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/http"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// ErrOpen is why a call was not made: the circuit breaker of its destination is open. It is a problem of code unavailable.
var ErrOpen = errors.New("the circuit breaker is open")

// errStranger is why a request was not sent: it is for a host that is no service.
var errStranger = errors.New("the mesh's clients call services, by their names")

// outbound is all calls to one service by HTTP.
type outbound struct {
	*destination
	replicas replicas
	dial     dialFunc

	transports telemetry.Table[time.Duration, *http.Transport] // by how long the head of an answer may take, which in net/http is a transport's property
	durations  telemetry.Table[httpKey, prometheus.Observer]
	spent      sync.Pool // of exchanges
}

type httpKey struct {
	method string // as methodLabel has it, of which there are few: a proxied request's is the outside's to choose
	status int
}

// HTTP is a client of a service's public port: its URLs are http://<service>/…, and its connections are those of all clients
// of the service. A call has the token of this service,
// and 10 s where its context has no deadline; the body of the answer is to be read within that. Redirects to other hosts
// are not followed: they are the answer.
func (m *Mesh) HTTP(service string) *http.Client {
	return &http.Client{
		Transport: &Transport{mesh: m, only: service},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if r.URL.Scheme != "http" || r.URL.Host != service || len(via) >= 10 {
				return http.ErrUseLastResponse
			}
			return nil
		},
	}
}

// TransportSettings are of what passes requests of others on.
type TransportSettings struct {
	Head    func(*http.Request) time.Duration // how long the head of an answer may take once the request was sent; 0: no bound. There are few values
	Avoid   func(address string) bool         // replicas that are taken only where there are no others
	Retried func(service string)              // told of a request that goes to another replica
}

// Transport is the http.RoundTripper of requests whose host is a service. Safe for concurrent use.
type Transport struct {
	mesh  *Mesh
	only  string                   // the one service; "": all
	own   atomic.Pointer[outbound] // only's, from its first call on
	proxy *TransportSettings       // nil: the requests are this service's own
}

// Proxy is a transport for requests that are passed on: they are sent as they are, with neither token nor trace context of
// this service's, have no deadline but their context's and that of the head, and are tried again, once, only where a
// replica took no connection. What they take counts to the head of the answer. The body stays the caller's to close.
func (m *Mesh) Proxy(s TransportSettings) *Transport { return &Transport{mesh: m, proxy: &s} }

// RoundTrip implements http.RoundTripper.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	if t.only != "" && r.URL.Host != t.only || r.URL.Scheme != "http" || r.URL.Host == "" || !named(r.URL.Host) {
		closeBody(r)
		return nil, fmt.Errorf("call %s: %w", r.URL.Host, errStranger)
	}
	d, err := t.to(r.URL.Host)
	if err != nil {
		closeBody(r)
		return nil, fmt.Errorf("call %s: %w", r.URL.Host, err)
	}
	terms := d.terms.Load()
	permit, ok := d.breaker.take()
	if !ok {
		if t.proxy == nil {
			closeBody(r)
		}
		d.refused.Inc()
		return nil, problem.Wrap(problem.Unavailable, d.service+" is not answering just now; try again", fmt.Errorf("call %s: %w", d.service, ErrOpen))
	}
	x := d.exchange()
	x.outbound, x.terms, x.permit, x.proxy, x.in, x.began = d, terms, permit, t.proxy, r, time.Now()
	return x.run()
}

func closeBody(r *http.Request) {
	if r.Body != nil {
		_ = r.Body.Close()
	}
}

// to is where a request goes.
func (t *Transport) to(service string) (*outbound, error) {
	if d := t.own.Load(); d != nil {
		return d, nil
	}
	d, err := known(t.mesh, t.mesh.outbound, service, t.mesh.newOutbound)
	if err == nil && t.only != "" {
		t.own.Store(d)
	}
	return d, err
}

func (m *Mesh) newOutbound(service string) (*outbound, error) {
	dial, err := m.dialer(service)
	if err != nil {
		return nil, err
	}
	return &outbound{destination: m.newDestination(service, HTTP), dial: dial}, nil
}

// via is the transport of a request.
func (d *outbound) via(proxy *TransportSettings, r *http.Request) *http.Transport {
	head := time.Duration(0)
	if proxy != nil && proxy.Head != nil {
		head = proxy.Head(r)
	}
	return d.transports.Of(head, func() *http.Transport { return newTransport(head, d.dial) })
}

func (d *outbound) close() {
	for _, t := range d.transports.All() {
		t.CloseIdleConnections()
	}
	d.breaker.close()
}

// dialFunc is http.Transport's.
type dialFunc = func(ctx context.Context, network, addr string) (net.Conn, error)

// dialer connects to public ports: over TLS where there are certificates, which a public port takes beside plain HTTP.
func (m *Mesh) dialer(service string) (dialFunc, error) {
	plain := &net.Dialer{Timeout: 2 * time.Second, KeepAlive: 15 * time.Second}
	if m.settings.Certificates == nil {
		return plain.DialContext, nil
	}
	config, err := m.settings.Certificates.Client(service)
	if err != nil {
		return nil, err
	}
	return (&tls.Dialer{NetDialer: plain, Config: config}).DialContext, nil
}

// newTransport holds the connections to one service.
func newTransport(head time.Duration, dial dialFunc) *http.Transport {
	return &http.Transport{
		DialContext:            dial,
		ResponseHeaderTimeout:  head,
		MaxIdleConns:           512,
		MaxIdleConnsPerHost:    64,
		IdleConnTimeout:        60 * time.Second, // shorter than a service keeps them
		ExpectContinueTimeout:  time.Second,
		DisableCompression:     true, // what the two ends agreed on passes through
		MaxResponseHeaderBytes: 64 << 10,
	}
}

// pick is the replica for a try, not the one that has just refused; nil: there is none.
func (d *outbound) pick(proxy *TransportSettings, not *replica) *replica {
	all := d.replicas.behind(d.mesh.names, d.mesh.settings.Peers.Resolve(d.service).HTTP)
	return choose(all, d.replicas.turn.Add(1), func(r *replica) (bad int) {
		if proxy != nil && proxy.Avoid != nil && proxy.Avoid(r.address) {
			bad += 2
		}
		if r == not || r.shunned() {
			bad++
		}
		return bad
	})
}

func (d *outbound) observe(ctx context.Context, method string, status int, took time.Duration, failed bool) {
	o := d.durations.Of(httpKey{method, status}, func() prometheus.Observer {
		return d.mesh.metrics.http.WithLabelValues(method, strconv.Itoa(status), d.service)
	})
	telemetry.Observe(ctx, o, took.Seconds())
	d.edge.Observe(ctx, took, failed)
}
