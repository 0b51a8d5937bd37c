package web

import (
	"net/http"
	"strings"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

// HandleOperation is Handle for a route that stands in the document too. What it takes and answers is only what op
// says: nothing is checked by it but the body's size, op.MaxBodyBytes, or Settings.MaxBody where that is 0. op.Method,
// op.Path, op.OperationID and op.Summary are required; it panics on wiring errors, as Register does.
func (a *API) HandleOperation(op Operation, rule access.Rule, h http.Handler) {
	if op.OperationID == "" || op.Summary == "" || op.Path == "" {
		panic("web: route " + op.Method + " " + op.Path + " needs an operation id, a summary and a path")
	}
	op.Method = strings.ToUpper(op.Method)
	limit := op.MaxBodyBytes
	if limit == 0 {
		limit = a.settings.MaxBody
	}
	a.handle(op.Method+" "+op.Path, rule, limit, a.gated(h))
	a.describe(&op, rule)
	a.huma.OpenAPI().AddOperation(&op)
}

// HandleTelemetry is HandleOperation for a route that itself carries telemetry: it makes metrics, but no line and no
// span, which would come in as the next request.
func (a *API) HandleTelemetry(op Operation, rule access.Rule, h http.Handler) {
	a.HandleOperation(op, rule, h)
	a.telemetry[op.Path] = true
}
