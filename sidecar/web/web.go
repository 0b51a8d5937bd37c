// Package web is the public port's REST side: huma on the standard ServeMux, problem documents, and
// for every route the rule who may call it.
//
// A request passes, in this order and no other:
//
//	recover → trace → RED metrics → access log → catch → limits → authentication → gate → handler
//
// recover keeps a panic of the chain itself from the server; catch turns one of a handler into a 500
// problem while trace, metrics and log still see it. Every answer of 400 or more that the chain, the
// mux or a typed handler gives is a problem document.
package web

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	"go.opentelemetry.io/otel/trace/noop"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// MaxBody is the default bound of a request body in bytes, MaxDepth that of nesting in a JSON body.
const (
	MaxBody  = 1 << 20
	MaxDepth = 64
)

// Settings of an API.
type Settings struct {
	Service        string
	Title          string // of the OpenAPI document; "": Service
	Version        string
	Bundle         *servicetoken.Bundle          // nil: routes for services refuse everybody
	Verifier       access.Verifier               // nil: only public routes can be registered, and tokens are not looked at
	Logger         *slog.Logger                  // the access log; nil: none
	Registerer     prometheus.Registerer         // nil: no metrics
	TracerProvider trace.TracerProvider          // nil: no spans
	Propagator     propagation.TextMapPropagator // nil: W3C trace context
	Flows          *debug.Flows                  // nil: no targeted debugging
	Failures       *debug.Failures               // nil: nobody is told of a failure
	Gate           func() error                  // while it returns an error, routes answer 503; nil: none
	MaxBody        int64                         // bytes; 0: MaxBody; below 0: no bound
}

// API of one service. Paths are whole, as seen through the gateway: /api/catalogs/v1/types.
// Routes are registered while wiring, before Handler serves; serving is safe for concurrent use.
type API struct {
	settings Settings
	mux      *http.ServeMux
	huma     huma.API
	metrics  *telemetry.HTTPServer
	incoming *tracing.Incoming
	refused  *prometheus.CounterVec
	handler  http.Handler

	mu         sync.Mutex
	rules      map[string]access.Rule
	limits     map[string]int64 // of typed routes, by pattern
	telemetry  map[string]bool  // paths that make no line and no span
	ungated    map[string]bool  // patterns that answer while Settings.Gate fails
	document   []byte           // OpenAPI, of as many rules as documented says
	documented int
}

// Operation describes a typed route; Method, Path and OperationID are required.
type Operation = huma.Operation

// Route is one registered pattern and who may call it.
type Route struct {
	Pattern string
	Rule    access.Rule
}

// New makes an API with one route, /openapi.json (OpenAPI 3.1, public).
func New(s Settings) *API {
	s = s.withDefaults()
	a := &API{
		settings:  s,
		mux:       http.NewServeMux(),
		metrics:   telemetry.NewHTTPServer(s.Registerer),
		incoming:  tracing.NewIncoming("github.com/signalbox-mesh/signalbox/sidecar/web", s.TracerProvider, s.Propagator),
		refused:   newRefused(s.Registerer),
		rules:     map[string]access.Rule{},
		limits:    map[string]int64{},
		telemetry: map[string]bool{},
		ungated:   map[string]bool{},
	}
	a.huma = humago.New(ruled{a}, a.humaConfig())
	a.huma.UseMiddleware(statuses)
	a.handle("GET /openapi.json", access.Public(), s.MaxBody, http.HandlerFunc(a.openAPI))
	a.handler = a.chain()
	return a
}

func (s Settings) withDefaults() Settings {
	if s.Title == "" {
		s.Title = s.Service
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.TracerProvider == nil {
		s.TracerProvider = noop.NewTracerProvider()
	}
	if s.Propagator == nil {
		s.Propagator = propagation.TraceContext{}
	}
	if s.MaxBody == 0 {
		s.MaxBody = MaxBody
	}
	return s
}

// Handler is the whole chain, for the public listener.
func (a *API) Handler() http.Handler { return a.handler }

// Routes lists what is registered, sorted by pattern.
func (a *API) Routes() []Route {
	a.mu.Lock()
	defer a.mu.Unlock()
	all := make([]Route, 0, len(a.rules))
	for p, r := range a.rules {
		all = append(all, Route{Pattern: p, Rule: r})
	}
	slices.SortFunc(all, func(x, y Route) int { return strings.Compare(x.Pattern, y.Pattern) })
	return all
}

// Register adds a typed route. rule says who may call it; op.Method, op.Path and op.OperationID are required.
// Errors: *problem.Error, else internal (500, the cause in the log only). The body may have
// op.MaxBodyBytes bytes, or Settings.MaxBody where that is 0. It panics on wiring errors: the zero
// rule, a missing name, a pattern that is taken.
func Register[I, O any](a *API, op Operation, rule access.Rule, handler func(context.Context, *I) (*O, error)) {
	if op.OperationID == "" || op.Method == "" || op.Path == "" {
		panic(fmt.Sprintf("web: route %q %s %s needs an operation id, a method and a path", op.OperationID, op.Method, op.Path))
	}
	op.Method = strings.ToUpper(op.Method)
	a.admit(op.Method+" "+op.Path, rule)
	a.describe(&op, rule)
	huma.Register(a.huma, op, func(ctx context.Context, in *I) (*O, error) {
		out, err := handler(ctx, in)
		if err != nil {
			return nil, answer(err)
		}
		return out, nil
	})
}

// RegisterUngated is Register for a route that answers while Settings.Gate fails: it says itself what it lacks.
func RegisterUngated[I, O any](a *API, op Operation, rule access.Rule, handler func(context.Context, *I) (*O, error)) {
	a.ungated[strings.ToUpper(op.Method)+" "+op.Path] = true
	Register(a, op, rule, handler)
}

// Handle adds a plain handler for what is no JSON (SSE, pages, proxies). pattern is ServeMux's. It
// panics on wiring errors, as Register does. The body is bounded by Settings.MaxBody.
func (a *API) Handle(pattern string, rule access.Rule, h http.Handler) {
	a.handle(pattern, rule, a.settings.MaxBody, a.gated(h))
}

func (a *API) handle(pattern string, rule access.Rule, limit int64, h http.Handler) {
	a.admit(pattern, rule)
	a.mux.Handle(pattern, bounded(limit, a.authenticated(rule, h)))
}

// admit notes the rule of a pattern. There is no other way to a route.
func (a *API) admit(pattern string, rule access.Rule) {
	switch {
	case rule == (access.Rule{}):
		panic("web: route " + pattern + " has no access rule; say access.Public, SignedIn, Has or Services")
	case rule.NeedsToken() && a.settings.Verifier == nil:
		panic("web: route " + pattern + " needs a token, but there is no Verifier in Settings")
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if _, taken := a.rules[pattern]; taken {
		panic("web: route " + pattern + " is registered twice")
	}
	a.rules[pattern] = rule
}

// ruled is the mux as huma sees it: a route of huma's gets its rule put before it, and one without a
// rule cannot come in.
type ruled struct{ api *API }

func (m ruled) ServeHTTP(w http.ResponseWriter, r *http.Request) { m.api.mux.ServeHTTP(w, r) }

func (m ruled) HandleFunc(pattern string, h func(http.ResponseWriter, *http.Request)) {
	a := m.api
	rule, ok := a.rules[pattern]
	if !ok {
		panic("web: route " + pattern + " did not come through web.Register")
	}
	limit := a.limits[pattern]
	typed := whole(http.HandlerFunc(h))
	if !a.ungated[pattern] {
		typed = a.gated(typed)
	}
	a.mux.Handle(pattern, bounded(limit, a.authenticated(rule, typed)))
}
