// Package upstream reaches the services' public ports through the mesh's clients, which find the replicas, share the requests
// among them, and leave one that refused alone for a second; what is its own is that it knows of maintenance windows.
package upstream

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// Transport is an http.RoundTripper for URLs whose host is a service's name. Safe for concurrent use.
type Transport struct {
	peers    peers.Resolver
	proxy    *mesh.Transport
	open     func(*http.Request) bool
	looker   *http.Client
	duration *prometheus.HistogramVec

	mu      sync.Mutex
	windows map[string]window // address → what it said last
}

// Settings of a Transport.
type Settings struct {
	Peers      peers.Resolver
	Mesh       *mesh.Mesh
	Head       func(*http.Request) time.Duration // how long the head of an answer may take; 0: no bound
	Open       func(*http.Request) bool          // whether it is sent to replicas in a maintenance window too; nil: none is
	Registerer prometheus.Registerer
}

// New makes a Transport.
func New(s Settings) *Transport {
	if s.Open == nil {
		s.Open = func(*http.Request) bool { return false }
	}
	t := &Transport{
		peers: s.Peers, open: s.Open, looker: newLooker(), windows: map[string]window{},
		duration: telemetry.NewHistogram(s.Registerer, "signalbox_gateway_upstream_duration_seconds", "Time until the head of a service's answer, by service and status; status 0 is no answer",
			telemetry.DurationBuckets(), "upstream", "http_response_status_code"),
	}
	retries := telemetry.Register(s.Registerer, prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "signalbox_gateway_upstream_retries_total", Help: "Requests sent to another replica because the first one refused the connection",
	}, []string{"upstream"}))
	t.proxy = s.Mesh.Proxy(mesh.TransportSettings{
		Head: s.Head, Avoid: t.shut, Retried: func(service string) { retries.WithLabelValues(service).Inc() },
	})
	return t
}

// RoundTrip sends the request to a replica of the service. When the connection is refused nothing was
// sent, and an idempotent request goes to another replica, once. The body stays the caller's to close,
// after it has read the answer, as httputil.ReverseProxy does. Errors: *WindowError, with nothing sent.
func (t *Transport) RoundTrip(r *http.Request) (*http.Response, error) {
	began, service := time.Now(), r.URL.Host
	if shut := t.closed(service); shut != nil && !t.open(r) {
		return nil, shut
	}
	resp, err := t.proxy.RoundTrip(r)
	status := 0
	if err == nil {
		status = resp.StatusCode
	}
	telemetry.Observe(r.Context(), t.duration.WithLabelValues(service, strconv.Itoa(status)), time.Since(began).Seconds())
	return resp, err
}

// shut says whether the replica at an address is in a maintenance window.
func (t *Transport) shut(address string) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.windows) == 0 {
		return false
	}
	_, in := t.inWindow(address, time.Now())
	return in
}
