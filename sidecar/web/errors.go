package web

import (
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// failure carries a handler's error through huma to document, which writes it.
type failure struct {
	err error
	doc problem.Document
}

func answer(err error) *failure {
	var model *huma.ErrorModel
	if errors.As(err, &model) {
		err = fromModel(model)
	}
	var known *problem.Error
	if !errors.As(err, &known) && pg.IsUnavailable(err) { // whoever forgets to say so
		err = problem.Wrap(problem.Unavailable, "the service's database cannot be reached now; try again", err)
	}
	return &failure{err: err, doc: problem.Of(err, "")}
}

func (f *failure) Error() string             { return f.err.Error() }
func (f *failure) GetStatus() int            { return f.doc.Status }
func (f *failure) ContentType(string) string { return problem.ContentType }
func (f *failure) Unwrap() error             { return f.err }

// document is what huma marshals in the place of an error: ours, with the trace id, and the cause kept
// for the access log. What is no error passes.
func document(ctx huma.Context, _ string, v any) (any, error) {
	_, w := humago.Unwrap(ctx)
	f := failed(own(w), v)
	if f == nil {
		return v, nil
	}
	own(w).Cause(f.err)
	d := f.doc
	d.Headers(w.Header())
	if sc := trace.SpanContextFromContext(ctx.Context()); sc.HasTraceID() {
		d.TraceID = sc.TraceID().String()
	}
	return d, nil
}

// failed is v as a failure; nil if it is none.
func failed(w *writer, v any) *failure {
	switch e := v.(type) {
	case *failure:
		return e
	case *huma.ErrorModel:
		if w.tooLarge > 0 { // a form that huma could not read to its end
			return answer(problem.TooLarge(w.tooLarge))
		}
		return answer(e)
	default:
		return nil
	}
}

// fromModel turns huma's own errors, which are about the request, into ours. The offending value is
// not repeated: it may be a secret.
func fromModel(m *huma.ErrorModel) *problem.Error {
	status := statusOf(m.Status)
	e := &problem.Error{Code: problem.FromHTTPStatus(status), Detail: m.Detail}
	if status != problem.HTTPStatus(e.Code) {
		e.Status = status
	}
	if e.Code == problem.Internal {
		e.Detail = ""
		e.Err = errors.Join(asErrors(m.Errors)...)
		return e
	}
	for _, d := range m.Errors {
		e.Fields = append(e.Fields, problem.Field{Name: pointer(d.Location), Detail: plain(d.Message)})
	}
	return e
}

func asErrors(details []*huma.ErrorDetail) []error {
	all := make([]error, len(details))
	for i, d := range details {
		all[i] = errors.New(d.Message)
	}
	return all
}

// pointer makes huma's "body.items[3].name" a JSON pointer, and leaves "query.limit" as "limit".
func pointer(location string) string {
	if rest, ok := strings.CutPrefix(location, "body"); ok && (rest == "" || rest[0] == '.' || rest[0] == '[') {
		return strings.NewReplacer(".", "/", "[", "/", "]", "").Replace(rest)
	}
	for _, in := range []string{"query.", "path.", "header.", "cookie."} {
		if rest, ok := strings.CutPrefix(location, in); ok {
			return rest
		}
	}
	return location
}

// plain keeps names of Go types out of what encoding/json says.
func plain(message string) string {
	if strings.Contains(message, "Go value") || strings.Contains(message, "Go struct") {
		return "is not of the right type"
	}
	return message
}

// statuses makes huma's 422 a 400: the code is invalid in both, and one status is enough.
func statuses(ctx huma.Context, next func(huma.Context)) { next(statusContext{ctx}) }

// inner has another name than its method Context.
type inner = huma.Context

type statusContext struct{ inner }

func (c statusContext) SetStatus(status int) {
	_, w := humago.Unwrap(c.inner)
	if status == http.StatusUnprocessableEntity && own(w).tooLarge > 0 {
		status = http.StatusRequestEntityTooLarge
	}
	c.inner.SetStatus(statusOf(status))
}

// Unwrap is for humago.Unwrap.
func (c statusContext) Unwrap() huma.Context { return c.inner }

func statusOf(status int) int {
	if status == http.StatusUnprocessableEntity {
		return http.StatusBadRequest
	}
	return status
}
