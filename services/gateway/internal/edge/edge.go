// Package edge is what stands between the outside and the services. A request passes, in this order:
//
//	recover → trace → RED metrics → access log → target and headers → row of the table → CORS →
//	upgrade → token → rate limit → rule → body limits → debug flow → the row's service or handler
//
// A token that does not hold is refused on every row, on public ones too. A request that gets no further than the row takes
// its place in the address's bucket all the same.
package edge

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/services/gateway/internal/ratelimit"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/route"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/clientaddr"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// Limits of a request's head, in bytes, and the speed below which a body is given up.
type Limits struct {
	URL         int
	Header      int // one, name and value
	Headers     int // all of them
	HeaderCount int
	Total       time.Duration // of an exchange that is no stream
	Grace       time.Duration // in which a body may be as slow as it likes
	MinRate     int64         // bytes a second after it
	Reader      time.Duration // that a client may take for what one write gives him
}

// DefaultLimits are the ones documented in the README.
func DefaultLimits() Limits {
	return Limits{
		URL: 8 << 10, Header: 8 << 10, Headers: 32 << 10, HeaderCount: 100,
		Total: 2 * time.Minute, Grace: 5 * time.Second, MinRate: 1 << 10, Reader: 30 * time.Second,
	}
}

// Limiter decides whether the buckets named have a place for one more request.
type Limiter interface {
	Take(ctx context.Context, keys ...ratelimit.Key) ratelimit.Decision
}

// Settings of an Edge; all are needed but Origins, Edges, Flows and Failures.
type Settings struct {
	Routes         *route.Table
	Upstream       http.RoundTripper // reaches the service that the URL's host names
	Verifier       access.Verifier
	Limiter        Limiter
	PerUser        ratelimit.Limit
	PerAddress     ratelimit.Limit
	Proxies        clientaddr.Policy
	Origins        []string // allowed by CORS
	SocketsPerUser int      // WebSockets that a user may have open here; 0: no limit
	Limits         Limits
	Logger         *slog.Logger
	Registerer     prometheus.Registerer
	TracerProvider trace.TracerProvider
	Propagator     propagation.TextMapPropagator
	Edges          *telemetry.Edges // nil: nobody looks at them
	Flows          *debug.Flows     // nil: no targeted debugging
	Failures       *debug.Failures  // nil: nobody is told of a failure
}

// Edge is an http.Handler, safe for concurrent use.
type Edge struct {
	Settings
	requests *telemetry.HTTPServer
	metrics  *metrics
	incoming *tracing.Incoming
	proxy    http.Handler
	draining chan struct{}
	drain    sync.Once
	sockets  sockets
}

// New makes an Edge.
func New(s Settings) *Edge {
	if s.Edges == nil {
		s.Edges = telemetry.NewEdges(nil, "gateway")
	}
	e := &Edge{
		Settings: s,
		requests: telemetry.NewHTTPServer(s.Registerer),
		metrics:  newMetrics(s.Registerer),
		incoming: tracing.NewIncoming("github.com/signalbox-mesh/signalbox/services/gateway", s.TracerProvider, s.Propagator),
		draining: make(chan struct{}),
		sockets:  sockets{all: map[string]int{}},
	}
	e.proxy = e.newProxy()
	return e
}

// Drain ends the streams, which would go on for ever; other exchanges come to their end.
func (e *Edge) Drain() { e.drain.Do(func() { close(e.draining) }) }

// exchange is what is known of one request, for the steps after and for the log.
type exchange struct {
	client  netip.Addr
	method  string // as telemetry.Method has it
	arrival tracing.Arrival
	route   route.Route
	caller  access.Principal
	known   bool   // caller is verified
	socket  bool   // it is to become a WebSocket
	leave   func() // ends the exchange's debug flow; nil: it is in none
}

// endless exchanges take as long as somebody listens.
func (x *exchange) endless() bool { return x.route.Stream || x.socket }

// ServeHTTP answers one request from outside.
func (e *Edge) ServeHTTP(base http.ResponseWriter, r *http.Request) {
	w := &writer{ResponseWriter: base, limits: e.Limits, began: time.Now()}
	x := &exchange{client: e.Proxies.Of(r.RemoteAddr, r.Header.Values("X-Forwarded-For")), method: telemetry.Method(r.Method)}
	r = r.WithContext(e.incoming.Start(r.Context(), &x.arrival, propagation.HeaderCarrier(r.Header),
		tracing.What{Name: x.method, Kind: trace.SpanKindServer, Method: x.method, Path: r.URL.Path, Began: w.began}))
	e.dropDebug(r.Header)
	active := e.requests.Active(x.method)
	active.Inc()
	defer func() {
		fault := recover()
		e.settle(w, r, x, fault)
		active.Dec()
		e.finish(w, r, x)
		if w.abort {
			panic(http.ErrAbortHandler)
		}
	}()
	if sc := x.arrival.Span().SpanContext(); sc.HasTraceID() {
		w.Header().Set(web.TraceHeader, sc.TraceID().String())
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	if err := e.handle(w, r, x); err != nil {
		refuse(w, r, err)
	}
}

// handle is the request's way through; an error is the answer, and nothing was written before it.
func (e *Edge) handle(w *writer, r *http.Request, x *exchange) error {
	if err := e.checkHead(r); err != nil {
		return e.charge(w, r, x, err)
	}
	found, err := e.find(w, r)
	if err != nil {
		return e.charge(w, r, x, err)
	}
	x.route = found
	if e.cors(w, r) {
		return nil
	}
	if err := e.upgrade(r, x); err != nil {
		return e.charge(w, r, x, err)
	}
	if err := e.admit(w, r, x); err != nil {
		return err
	}
	leave, err := e.open(x)
	if err != nil {
		return err
	}
	defer leave()
	if err := e.bound(w, r, found.Body); err != nil {
		return err
	}
	dropForeign(r.Header)
	ctx, cancel := e.deadline(r.Context(), w, x)
	defer cancel()
	ctx = context.WithValue(e.match(ctx, r, x), exchangeKey{}, x)
	if found.Handler != nil {
		found.Handler.ServeHTTP(w, r.WithContext(ctx))
		return nil
	}
	e.forward(w, r.WithContext(ctx), x)
	return nil
}

type exchangeKey struct{}

// deadline bounds an exchange; a stream ends when the gateway does, and so does a WebSocket, whose client is told.
func (e *Edge) deadline(ctx context.Context, w *writer, x *exchange) (context.Context, context.CancelFunc) {
	if !x.endless() {
		return context.WithTimeout(ctx, e.Limits.Total)
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-e.draining:
			if f := w.socket.Load(); f != nil {
				f.restart()
			}
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}
