// Package gateway is the mesh's one door to the outside: it checks tokens and limits, and hands each
// request to the service that its routing table names.
//
// It has two listeners. The edge (HTTP_ADDR) is the outside's; the sidecar's own, with the ops paths,
// is at OPS_ADDR, so that no ops path can be reached from outside by whatever mistake.
package gateway

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/services/gateway/internal/docs"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/edge"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/openapi"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/ratelimit"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/route"
	"github.com/signalbox-mesh/signalbox/services/gateway/internal/upstream"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

const service = "gateway"

// lookEvery is how soon at the latest a maintenance window, of which a service tells on /hc, is known here.
const lookEvery = time.Second

// Service is the gateway with its sidecar.
type Service struct {
	*sidecar.Sidecar
	config   Config
	edge     *edge.Edge
	server   *http.Server
	listener net.Listener
	redis    *ratelimit.Redis
}

// New wires the gateway and binds its listeners. s brings what the program shares (peers, bus, stderr,
// a verifier in tests); the name is the gateway's own, and a schema it has none.
func New(ctx context.Context, c Config, s sidecar.Settings) (_ *Service, err error) {
	ok, err := c.check()
	if err != nil {
		return nil, err
	}
	g := &Service{config: c, redis: ok.redis}
	defer func() {
		if err != nil {
			err = errors.Join(err, g.undo(context.WithoutCancel(ctx)))
		}
	}()
	if g.listener, err = listen(ctx, c.HTTPAddr); err != nil {
		return nil, err
	}
	s.Service, s.Schema, s.Migrations = service, "", nil
	s.Whole = c
	if g.Sidecar, err = sidecar.New(ctx, c.inner(), s); err != nil {
		return nil, err
	}
	return g, g.wire(ok)
}

// inner is the sidecar's configuration: its public listener is our ops one, and the delay before the
// edge closes is ours to keep.
func (c Config) inner() sidecar.Config {
	inner := c.Config
	inner.HTTPAddr, inner.OpsAddr, inner.DrainDelay = c.OpsAddr, "", 0
	inner.StopTimeout = c.StopTimeout - edgeTime(c.StopTimeout)
	if inner.HTTPAddr == "" {
		inner.HTTPAddr = defaultOps
	}
	return inner
}

func listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	ln, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, &settings.Error{Variable: settings.Prefix + "HTTP_ADDR", Problem: fmt.Sprintf("cannot listen on %q: %v; choose a free address, or :0 for any", addr, err)}
	}
	return ln, nil
}

func (g *Service) wire(ok checked) error {
	services := upstream.New(upstream.Settings{Peers: g.Peers(), Mesh: g.Mesh(), Head: head, Registerer: g.Registry(),
		Open: func(r *http.Request) bool { return edge.Open(r.Context()) }})
	table, err := g.table(services)
	if err != nil {
		return err
	}
	for _, name := range table.Services() {
		g.Health().Add(health.Check{Name: "upstream-" + name, Node: name, Weight: health.Degrades, Interval: lookEvery,
			Run: func(ctx context.Context) error { return services.Look(ctx, name) }})
	}
	g.edge = edge.New(edge.Settings{
		Routes: table, Upstream: services, Verifier: g.Verifier(), Limiter: g.limiter(), PerUser: ok.perUser, PerAddress: ok.perAddress,
		SocketsPerUser: g.config.SocketsPerUser, Proxies: ok.proxies, Origins: g.config.CORSOrigins, Limits: edge.DefaultLimits(), Logger: g.Logger("access"), Registerer: g.Registry(),
		TracerProvider: g.TracerProvider(), Propagator: g.Propagator(), Edges: g.Edges(), Flows: g.Flows(), Failures: g.Failures(),
	})
	g.server = newServer(g.edge)
	return nil
}

// head is how long a service may take for the head of an answer: what the row says, or as long as for a page.
func head(r *http.Request) time.Duration {
	return cmp.Or(edge.Timeout(r.Context()), pageWait)
}

// table needs itself for the merged document: which paths of a service lead to it is the table's to say.
func (g *Service) table(services http.RoundTripper) (*route.Table, error) {
	var table *route.Table
	document := openapi.New(openapi.Settings{
		Upstream: services, Version: "v1", Logger: g.Logger("openapi"),
		Leads: func(service, path string) bool { return table.Leads(service, path) },
	})
	notFound := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, r, problem.New(problem.NotFound, "there is nothing at this path"))
	})
	table, err := route.NewTable(routes(document, docs.Handler(notFound)))
	if err != nil {
		return nil, fmt.Errorf("read routing table: %w", err)
	}
	document.Services = table.Services()
	return table, nil
}

func (g *Service) limiter() edge.Limiter {
	if g.redis == nil {
		return ratelimit.NewFallback(nil, g.Logger("ratelimit"), g.Registry())
	}
	g.redis.Edge = g.Edges().To(telemetry.NodeRedis, "redis")
	g.Health().Add(health.Check{Name: "redis", Node: telemetry.NodeRedis, Weight: health.Degrades, Run: g.redis.Ping})
	return ratelimit.NewFallback(g.redis, g.Logger("ratelimit"), g.Registry())
}

// newServer bounds what happens before a handler runs: a head that comes slowly, and one that is too
// large to be refused in words.
func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler:           h,
		ReadHeaderTimeout: 5 * time.Second,
		IdleTimeout:       75 * time.Second,
		MaxHeaderBytes:    128 << 10,
		ErrorLog:          log.New(io.Discard, "", 0), // what clients do wrong before a request is no line of ours
	}
}
