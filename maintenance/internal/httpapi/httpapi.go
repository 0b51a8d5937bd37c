// Package httpapi is maintenance on the public port: /api/maintenance/v1. Every answer is bounded by the
// caller's scope.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/traces"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// Prefix of all paths.
const Prefix = "/api/maintenance/v1"

// Logs is the log as it is read.
type Logs interface{ logs.Store }

// Fleet is what is known of the instances and of who changed them.
type Fleet interface {
	Instances(ctx context.Context, scope logs.Scope) ([]fleet.Instance, error)
	Instance(ctx context.Context, scope logs.Scope, name string) (fleet.Detail, error)
	Audit(ctx context.Context, scope logs.Scope, f lease.AuditFilter) ([]lease.Change, error)
	Annotations(ctx context.Context, scope logs.Scope, since, until time.Time, tags []string, limit int) ([]lease.Lease, []lease.Change, error)
}

// Leases is what is changed for a time, and what became of it.
type Leases interface {
	Lease(ctx context.Context, id string) (lease.Lease, error)
	Leases(ctx context.Context, scope logs.Scope, f lease.Filter) ([]lease.Lease, error)
	Results(ctx context.Context, scope logs.Scope, leaseID string) (lease.Results, error)
	Events(ctx context.Context, scope logs.Scope, leaseID string) ([]lease.Event, error)
	LocalChanges(ctx context.Context, ids []string) ([]lease.Event, error)
}

// Changer sets and drops leases.
type Changer interface {
	Set(ctx context.Context, by access.Principal, r lease.Request) (lease.Receipt, error)
	Preview(ctx context.Context, by access.Principal, r lease.Request) (lease.Preview, []string, error)
	Drop(ctx context.Context, by access.Principal, l lease.Lease) (lease.Receipt, error)
}

// Settings of the handlers.
type Settings struct {
	Logs       Logs
	Fleet      Fleet
	Leases     Leases
	Profiles   Profiles
	Changer    Changer
	Overdue    Overdue
	Topology   Topology
	Traces     Traces
	TracePage  traces.Page
	Ready      func() error // why the schema cannot be used yet; nil when it can
	MaxTails   int
	Registerer prometheus.Registerer
}

// Handlers of the REST API.
type Handlers struct {
	settings Settings
	wake     *wake
	tails    chan struct{}
	exports  chan struct{}
}

// New makes the handlers and registers the metric of open tails.
func New(s Settings) *Handlers {
	h := &Handlers{settings: s, wake: newWake(), tails: make(chan struct{}, s.MaxTails), exports: make(chan struct{}, maxExports)}
	s.Registerer.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: "signalbox_log_tails",
		Help: "Log tails that are open now"}, func() float64 { return float64(len(h.tails)) }))
	return h
}

// Register adds the routes.
func (h *Handlers) Register(api *web.API) {
	viewer, operator := access.Has(access.Viewer), access.Has(access.Operator)
	web.Register(api, op(http.MethodGet, "/logs", "query-logs", "Query the log"), viewer, h.queryLogs)
	api.HandleOperation(tailOperation(), viewer, http.HandlerFunc(h.tail))
	api.HandleOperation(exportOperation(), viewer, http.HandlerFunc(h.export))
	web.Register(api, op(http.MethodGet, "/logs/histogram", "count-logs", "Count records by time and level"), viewer, h.histogram)
	web.Register(api, op(http.MethodGet, "/logs/patterns", "group-logs", "Group records by their message template"), viewer, h.patterns)
	web.Register(api, op(http.MethodGet, "/logs/top-values", "list-log-values", "Count the values of a field"), viewer, h.topValues)
	web.Register(api, op(http.MethodGet, "/logs/context", "show-log-context", "Show what stands around a record"), viewer, h.context)
	web.Register(api, op(http.MethodGet, "/logs/cost", "list-log-costs", "Name the services and templates that cost most"), viewer, h.cost)
	web.Register(api, op(http.MethodGet, "/logs/gaps", "list-gaps", "List what is missing from the log"), viewer, h.listGaps)
	web.Register(api, op(http.MethodGet, "/traces/{id}", "get-trace", "Show a trace with its log records"), viewer, h.trace)
	web.Register(api, op(http.MethodGet, "/instances", "list-instances", "List the instances of the mesh"), viewer, h.listInstances)
	web.Register(api, op(http.MethodGet, "/instances/{instance}", "get-instance", "Show an instance with what it took lately and what became of its checks"), viewer, h.showInstance)
	web.Register(api, op(http.MethodGet, "/targets", "list-targets", "Targets for Prometheus' HTTP service discovery"), viewer, h.listTargets)
	web.RegisterUngated(api, op(http.MethodGet, "/topology", "show-topology", "Show the nodes of the mesh and what passes between them"), viewer, h.showTopology)
	web.RegisterUngated(api, op(http.MethodGet, "/causes", "list-causes", "Name what explains all that fails"), viewer, h.listCauses)
	web.Register(api, op(http.MethodGet, "/audit", "list-audit", "List who changed what"), viewer, h.listAudit)
	web.Register(api, op(http.MethodGet, "/annotations", "list-annotations", "Changes as Grafana's annotations"), viewer, h.listAnnotations)
	web.Register(api, op(http.MethodGet, "/overdue", "list-overdue", "Schedules with due times that should have ended"), viewer, h.listOverdue)
	web.Register(api, op(http.MethodGet, "/levels", "list-levels", "Show configured, leased and effective levels"), viewer, h.listLevels)
	web.Register(api, op(http.MethodGet, "/leases", "list-leases", "List leases"), viewer, h.listLeases)
	web.Register(api, op(http.MethodGet, "/leases/{id}", "get-lease", "Show a lease"), viewer, h.showLease)
	web.Register(api, setOperation(), operator, h.setLease)
	web.Register(api, op(http.MethodDelete, "/leases/{id}", "drop-lease", "End a lease now"), operator, h.dropLease)
	h.registerProfiles(api)
}

// Stored wakes the tails; it never blocks.
func (h *Handlers) Stored() { h.wake.all() }

// Close ends the open tails, so that the listener can drain.
func (h *Handlers) Close() { h.wake.close() }

func op(method, path, id, summary string) huma.Operation {
	return huma.Operation{Method: method, Path: Prefix + path, OperationID: id, Summary: summary, Tags: []string{"maintenance"}}
}

// scope is what the caller may see.
func scope(ctx context.Context) logs.Scope {
	p, _ := access.From(ctx)
	services, all := p.Scope(access.Viewer)
	return logs.Scope{All: all, Services: services}
}

// failed turns a store's error into one that may leave the service.
func (h *Handlers) failed(err error) error {
	var p *problem.Error
	switch {
	case err == nil || errors.As(err, &p):
		return err
	case errors.Is(err, logs.ErrTooSlow):
		return problem.New(problem.Invalid, "the query took longer than 5 s; narrow its time range, or name a service")
	case errors.Is(err, logs.ErrBusy):
		return problem.New(problem.TooMany, "too many slow queries are being answered; try again")
	case errors.Is(err, logs.ErrWidth):
		return invalid("every", fmt.Sprintf("from 1ms on, and so long that there are %d buckets at most", logs.MaxBuckets))
	case errors.Is(err, logs.ErrUnknown):
		return problem.New(problem.NotFound, "there is no such log record, or none that you may see")
	case errors.Is(err, fleet.ErrUnknown):
		return problem.New(problem.NotFound, "no such instance; one that is not heard from for a day is forgotten")
	case errors.Is(err, fleet.ErrSeveral):
		return invalid("service", "must be given: instances of several services have this name")
	case errors.Is(err, lease.ErrUnknown):
		return problem.New(problem.NotFound, "no such lease")
	case h.settings.Ready() != nil || pg.IsUnavailable(err):
		return problem.Wrap(problem.Unavailable, "the log store cannot be reached now", err)
	default:
		return err
	}
}
