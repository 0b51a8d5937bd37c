package web_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"mime/multipart"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/getkin/kin-openapi/openapi3"
	"github.com/prometheus/client_golang/prometheus"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

const secretCause = "SELECT * FROM secret_table at db-host-7"

// tokens is a Verifier that knows two people.
type tokens struct{}

func (tokens) Verify(_ context.Context, token string) (access.Principal, error) {
	switch token {
	case "ann":
		return access.Principal{Subject: "u-ann", Grants: []access.Grant{{Role: access.Admin}}}, nil
	case "bob":
		return access.Principal{Subject: "u-bob"}, nil
	case "later":
		return access.Principal{}, problem.New(problem.Unavailable, "tokens cannot be checked just now; try again")
	default:
		return access.Principal{}, problem.New(problem.Unauthorized, "the token has expired")
	}
}

type thing struct {
	Name  string   `json:"name" maxLength:"20"`
	Count int      `json:"count,omitempty"`
	Tags  []string `json:"tags,omitempty"`
}

type thingIn struct{ Body thing }
type thingOut struct{ Body thing }
type byID struct {
	ID    string `path:"id"`
	Limit int    `query:"limit" default:"10" minimum:"1" maximum:"100"`
}

// rig is an API with one of everything, and what it logged and measured.
type rig struct {
	*web.API
	log      *lines
	registry *prometheus.Registry
}

func newRig(t *testing.T, change func(*web.Settings)) *rig {
	t.Helper()
	log := &lines{}
	r := &rig{log: log, registry: prometheus.NewRegistry()}
	s := web.Settings{
		Service: "things", Title: "Things", Version: "1.2.3",
		Verifier:       tokens{},
		Logger:         slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		Registerer:     r.registry,
		TracerProvider: sdktrace.NewTracerProvider(),
		MaxBody:        1000,
	}
	if change != nil {
		change(&s)
	}
	r.API = web.New(s)
	register(r.API)
	return r
}

func register(a *web.API) {
	op := func(method, path, id string) huma.Operation {
		return huma.Operation{Method: method, Path: path, OperationID: id}
	}
	web.Register(a, op("POST", "/api/things/v1/things", "create"), access.Public(),
		func(_ context.Context, in *thingIn) (*thingOut, error) { return &thingOut{Body: in.Body}, nil })
	web.Register(a, op("GET", "/api/things/v1/things/{id}", "read"), access.Public(), read)
	web.Register(a, op("GET", "/api/things/v1/mine", "mine"), access.SignedIn(),
		func(ctx context.Context, _ *struct{}) (*thingOut, error) {
			p, _ := access.From(ctx)
			return &thingOut{Body: thing{Name: p.Subject}}, nil
		})
	web.Register(a, op("DELETE", "/api/things/v1/things/{id}", "delete"), access.Has(access.Operator),
		func(context.Context, *byID) (*struct{}, error) { return nil, nil })
	web.Register(a, op("POST", "/api/things/v1/form", "form"), access.Public(),
		func(_ context.Context, in *struct{ RawBody multipart.Form }) (*thingOut, error) {
			return &thingOut{Body: thing{Name: in.RawBody.Value["x"][0]}}, nil
		})
	a.Handle("GET /plain/panic", access.Public(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(secretCause) }))
	a.Handle("GET /plain/abort", access.Public(), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	a.Handle("GET /plain/own404", access.Public(), http.HandlerFunc(http.NotFound))
	a.Handle("POST /plain/echo", access.Public(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, err := io.ReadAll(r.Body)
		if err != nil {
			problem.Write(w, r, err)
			return
		}
		_, _ = w.Write(b)
	}))
}

func read(_ context.Context, in *byID) (*thingOut, error) {
	switch in.ID {
	case "none":
		return nil, problem.New(problem.NotFound, "no thing none")
	case "broken":
		return nil, errors.New(secretCause)
	case "away":
		return nil, fmt.Errorf("read the thing: %w", &net.OpError{Op: "dial", Net: "tcp", Err: errors.New(secretCause)})
	case "wrapped":
		return nil, problem.Wrap(problem.Unavailable, "the store is away", errors.New(secretCause))
	case "huma":
		return nil, huma.Error409Conflict("taken", errors.New("x"))
	case "panic":
		panic(errors.New(secretCause))
	default:
		return &thingOut{Body: thing{Name: in.ID, Count: in.Limit}}, nil
	}
}

// lines is a log that a test can read.
type lines struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

func do(h http.Handler, method, target, body string, headers ...string) *httptest.ResponseRecorder {
	var rd io.Reader
	if body != "" {
		rd = strings.NewReader(body)
	}
	r := httptest.NewRequest(method, target, rd)
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Add(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestEveryErrorIsAProblemDocument(t *testing.T) {
	t.Parallel()
	h := newRig(t, nil).Handler()
	create, bearer := "/api/things/v1/things", "Authorization"
	for name, c := range map[string]struct {
		method, path, body string
		headers            []string
		status             int
		code               problem.Code
		field              string
	}{
		"unknown path":      {"GET", "/nothing", "", nil, 404, problem.NotFound, ""},
		"wrong method":      {"PUT", create, "{}", nil, 405, problem.Invalid, ""},
		"odd method":        {"FROB", create, "", nil, 405, problem.Invalid, ""},
		"malformed JSON":    {"POST", create, `{"name":`, nil, 400, problem.Invalid, ""},
		"empty body":        {"POST", create, "", nil, 400, problem.Invalid, ""},
		"trailing garbage":  {"POST", create, `{"name":"a"} x`, nil, 400, problem.Invalid, ""},
		"wrong type":        {"POST", create, `{"name":7}`, nil, 400, problem.Invalid, "/name"},
		"null body":         {"POST", create, `null`, nil, 400, problem.Invalid, ""},
		"overflow":          {"POST", create, `{"name":"a","count":1e300}`, nil, 400, problem.Invalid, ""},
		"unknown field":     {"POST", create, `{"name":"a","nmae":"b"}`, nil, 400, problem.Invalid, "/nmae"},
		"nested wrong type": {"POST", create, `{"name":"a","tags":["x",3]}`, nil, 400, problem.Invalid, "/tags/1"},
		"rule of schema":    {"POST", create, `{"name":"` + strings.Repeat("x", 21) + `"}`, nil, 400, problem.Invalid, "/name"},
		"too large":         {"POST", create, `{"name":"` + strings.Repeat("x", 1000) + `"}`, nil, 413, problem.Invalid, ""},
		"too deep":          {"POST", create, strings.Repeat("[", 65) + strings.Repeat("]", 65), nil, 400, problem.Invalid, ""},
		"NUL in JSON":       {"POST", create, `{"name":"a\u0000"}`, nil, 400, problem.Invalid, ""},
		"NUL in path":       {"GET", create + "/a%00b", "", nil, 400, problem.Invalid, ""},
		"NUL in query":      {"GET", create + "/a?limit=%00", "", nil, 400, problem.Invalid, ""},
		"no UTF-8 in path":  {"GET", create + "/%ff", "", nil, 400, problem.Invalid, ""},
		"form too large":    {"POST", "/api/things/v1/form", form(2000), []string{"Content-Type", "multipart/form-data; boundary=b"}, 413, problem.Invalid, ""},
		"media type":        {"POST", create, `<a/>`, []string{"Content-Type", "text/xml"}, 415, problem.Invalid, ""},
		"unknown parameter": {"GET", create + "/a?limt=3", "", nil, 400, problem.Invalid, "limt"},
		"bad parameter":     {"GET", create + "/a?limit=many", "", nil, 400, problem.Invalid, "limit"},
		"out of range":      {"GET", create + "/a?limit=101", "", nil, 400, problem.Invalid, "limit"},
		"malformed query":   {"GET", create + "/a?limit=%zz", "", nil, 400, problem.Invalid, ""},
		"handler not found": {"GET", create + "/none", "", nil, 404, problem.NotFound, ""},
		"handler conflict":  {"GET", create + "/huma", "", nil, 409, problem.Conflict, ""},
		"handler error":     {"GET", create + "/broken", "", nil, 500, problem.Internal, ""},
		"server away":       {"GET", create + "/away", "", nil, 503, problem.Unavailable, ""},
		"handler cause":     {"GET", create + "/wrapped", "", nil, 503, problem.Unavailable, ""},
		"handler panic":     {"GET", create + "/panic", "", nil, 500, problem.Internal, ""},
		"plain panic":       {"GET", "/plain/panic", "", nil, 500, problem.Internal, ""},
		"plain too large":   {"POST", "/plain/echo", strings.Repeat("x", 1001), nil, 413, problem.Invalid, ""},
		"no token":          {"GET", "/api/things/v1/mine", "", nil, 401, problem.Unauthorized, ""},
		"bad token":         {"GET", "/api/things/v1/mine", "", []string{bearer, "Bearer zed"}, 401, problem.Unauthorized, ""},
		"bad token, public": {"GET", create + "/a", "", []string{bearer, "Bearer zed"}, 401, problem.Unauthorized, ""},
		"not a bearer":      {"GET", create + "/a", "", []string{bearer, "Basic YTpi"}, 401, problem.Unauthorized, ""},
		"two tokens":        {"GET", create + "/a", "", []string{bearer, "Bearer ann", bearer, "Bearer bob"}, 401, problem.Unauthorized, ""},
		"no keys yet":       {"GET", "/api/things/v1/mine", "", []string{bearer, "Bearer later"}, 503, problem.Unavailable, ""},
		"no role":           {"DELETE", create + "/a", "", []string{bearer, "Bearer bob"}, 403, problem.Forbidden, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := do(h, c.method, c.path, c.body, c.headers...)
			d := mustProblem(t, w)
			if w.Code != c.status || d.Status != c.status || d.Code != c.code {
				t.Fatalf("answer is %d %+v, want %d %s\n%s", w.Code, d, c.status, c.code, w.Body)
			}
			if c.field != "" && (len(d.Errors) == 0 || d.Errors[0].Name != c.field) {
				t.Errorf("errors are %+v, want one about %q", d.Errors, c.field)
			}
		})
	}
}

func form(size int) string {
	return "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\n" + strings.Repeat("x", size) + "\r\n--b--\r\n"
}

func mustProblem(t *testing.T, w *httptest.ResponseRecorder) problem.Document {
	t.Helper()
	var d problem.Document
	if ct := w.Header().Get("Content-Type"); ct != problem.ContentType {
		t.Errorf("content type is %q: %s", ct, w.Body)
	}
	if err := json.Unmarshal(w.Body.Bytes(), &d); err != nil {
		t.Fatalf("body is no document: %v: %s", err, w.Body)
	}
	if d.TraceID == "" || d.TraceID != w.Header().Get(web.TraceHeader) {
		t.Errorf("trace id is %q in the body, %q in the header", d.TraceID, w.Header().Get(web.TraceHeader))
	}
	for _, leak := range []string{"secret_table", "goroutine", ".go:", "Go struct", "Go value", "huma"} {
		if strings.Contains(w.Body.String(), leak) {
			t.Errorf("the answer leaks %q: %s", leak, w.Body)
		}
	}
	return d
}

func TestWhatPasses(t *testing.T) {
	t.Parallel()
	h := newRig(t, nil).Handler()
	for name, c := range map[string]struct {
		method, path, body, token string
		status                    int
		want                      string
	}{
		"create":       {"POST", "/api/things/v1/things", `{"name":"a","tags":["b"]}`, "", 200, `{"name":"a","tags":["b"]}`},
		"exact limit":  {"POST", "/plain/echo", strings.Repeat("x", 1000), "", 200, strings.Repeat("x", 1000)},
		"typed limit":  {"POST", "/api/things/v1/things", `{"name":"a"}` + strings.Repeat(" ", 1000-12), "", 200, `{"name":"a"}`},
		"read":         {"GET", "/api/things/v1/things/x?limit=3", "", "", 200, `{"name":"x","count":3}`},
		"mine":         {"GET", "/api/things/v1/mine", "", "bob", 200, `{"name":"u-bob"}`},
		"admin passes": {"DELETE", "/api/things/v1/things/x", "", "ann", 204, ""},
		"escaped":      {"POST", "/api/things/v1/things", `{"name":"\\u0000"}`, "", 200, `{"name":"\\u0000"}`},
		"own 404":      {"GET", "/plain/own404", "", "", 404, "404 page not found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var headers []string
			if c.token != "" {
				headers = []string{"Authorization", "bearer " + c.token}
			}
			w := do(h, c.method, c.path, c.body, headers...)
			if w.Code != c.status || strings.TrimSpace(w.Body.String()) != c.want {
				t.Errorf("answer is %d %s, want %d %s", w.Code, w.Body, c.status, c.want)
			}
		})
	}
}

func TestHeadersOfRefusals(t *testing.T) {
	t.Parallel()
	h := newRig(t, nil).Handler()
	if got := do(h, "GET", "/api/things/v1/mine", "").Header().Get("WWW-Authenticate"); !strings.HasPrefix(got, "Bearer") {
		t.Errorf("WWW-Authenticate is %q", got)
	}
	if got := do(h, "PUT", "/api/things/v1/things", "").Header().Get("Allow"); got != "POST" {
		t.Errorf("Allow is %q", got)
	}
	if got := do(h, "GET", "/api/things/v1/things/wrapped", "").Header().Get("Retry-After"); got == "" {
		t.Error("a 503 does not say when to come again")
	}
}

func TestNoRouteWithoutRule(t *testing.T) {
	t.Parallel()
	mustPanic(t, "has no access rule", func() {
		web.New(web.Settings{}).Handle("GET /x", access.Rule{}, http.NotFoundHandler())
	})
	mustPanic(t, "has no access rule", func() {
		web.Register(web.New(web.Settings{}), huma.Operation{OperationID: "x", Method: "GET", Path: "/x"}, access.Rule{}, read)
	})
	mustPanic(t, "no Verifier", func() {
		web.New(web.Settings{}).Handle("GET /x", access.SignedIn(), http.NotFoundHandler())
	})
	mustPanic(t, "registered twice", func() {
		a := web.New(web.Settings{})
		a.Handle("GET /x", access.Public(), http.NotFoundHandler())
		a.Handle("GET /x", access.Public(), http.NotFoundHandler())
	})
	mustPanic(t, "operation id", func() {
		web.Register(web.New(web.Settings{}), huma.Operation{Method: "GET", Path: "/x"}, access.Public(), read)
	})
}

func mustPanic(t *testing.T, want string, f func()) {
	t.Helper()
	defer func() {
		if got, _ := recover().(string); !strings.Contains(got, want) {
			t.Errorf("panic is %q, want one with %q", got, want)
		}
	}()
	f()
}

func TestGate(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	err := errors.New("dial tcp db-host-7: refused")
	r := newRig(t, func(s *web.Settings) {
		s.Gate = func() error { mu.Lock(); defer mu.Unlock(); return err }
	})
	w := do(r.Handler(), "GET", "/api/things/v1/things/x", "")
	if d := mustProblem(t, w); d.Code != problem.Unavailable || strings.Contains(w.Body.String(), "db-host") {
		t.Errorf("gate shut: %s", w.Body)
	}
	if do(r.Handler(), "GET", "/openapi.json", "").Code != 200 {
		t.Error("the document waits for the gate")
	}
	if strings.Contains(r.log.String(), `"ERROR"`) {
		t.Errorf("a shut gate fills the log: %s", r.log)
	}
	mu.Lock()
	err = nil
	mu.Unlock()
	if w := do(r.Handler(), "GET", "/api/things/v1/things/x", ""); w.Code != 200 {
		t.Errorf("gate open: %d %s", w.Code, w.Body)
	}
}

func TestOpenAPI(t *testing.T) {
	t.Parallel()
	w := do(newRig(t, nil).Handler(), "GET", "/openapi.json", "")
	var doc struct {
		OpenAPI    string `json:"openapi"`
		Paths      map[string]map[string]map[string]any
		Components struct{ Schemas map[string]any }
	}
	if err := json.Unmarshal(w.Body.Bytes(), &doc); err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(doc.OpenAPI, "3.1") {
		t.Errorf("openapi is %q", doc.OpenAPI)
	}
	del := doc.Paths["/api/things/v1/things/{id}"]["delete"]
	if del["x-signalbox-access"] != "role:operator" || len(del["security"].([]any)) != 1 {
		t.Errorf("delete says access %v, security %v", del["x-signalbox-access"], del["security"])
	}
	get := doc.Paths["/api/things/v1/things/{id}"]["get"]
	if get["x-signalbox-access"] != "public" || len(get["security"].([]any)) != 0 {
		t.Errorf("get says access %v, security %v", get["x-signalbox-access"], get["security"])
	}
	if _, ok := doc.Components.Schemas["Problem"]; !ok || strings.Contains(w.Body.String(), "Huma") {
		t.Errorf("schemas are %v", doc.Components.Schemas)
	}
	validate(t, w.Body.Bytes())
}

func validate(t *testing.T, document []byte) {
	t.Helper()
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatalf("load document: %v", err)
	}
	if err := doc.Validate(t.Context()); err != nil {
		t.Errorf("document is not valid: %v\n%s", err, document)
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	do(r.Handler(), "GET", "/api/things/v1/mine?x=secret", "", "Authorization", "Bearer bob")
	do(r.Handler(), "GET", "/api/things/v1/things/broken", "")
	do(r.Handler(), "GET", "/plain/panic", "")
	all := strings.Split(strings.TrimSpace(r.log.String()), "\n")
	if len(all) != 3 {
		t.Fatalf("%d lines for 3 requests: %s", len(all), r.log)
	}
	for i, want := range [][]string{
		{`"DEBUG"`, `"route":"/api/things/v1/mine"`, `"status":400`, `"user_id":"u-bob"`},
		{`"ERROR"`, `"route":"/api/things/v1/things/{id}"`, `"status":500`, secretCause},
		{`"ERROR"`, `"status":500`, secretCause, `"stack":"goroutine`},
	} {
		for _, w := range want {
			if !strings.Contains(all[i], w) {
				t.Errorf("line %d lacks %s: %s", i, w, all[i])
			}
		}
	}
	if strings.Contains(r.log.String(), "x=secret") || strings.Contains(r.log.String(), "Bearer") {
		t.Errorf("the log holds a query or a token: %s", r.log)
	}
}

func TestMetrics(t *testing.T) {
	t.Parallel()
	r := newRig(t, nil)
	do(r.Handler(), "GET", "/api/things/v1/things/a", "")
	do(r.Handler(), "GET", "/api/things/v1/things/b", "", "traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
	do(r.Handler(), "XYZZY", "/no/such/path", "")
	do(r.Handler(), "GET", "/plain/panic", "")
	req := httptest.NewRequest("GET", "/metrics", nil)
	req.Header.Set("Accept", "application/openmetrics-text;version=1.0.0")
	w := httptest.NewRecorder()
	telemetry.Handler(r.registry).ServeHTTP(w, req)
	for _, want := range []string{
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/api/things/v1/things/{id}"} 2`,
		`http_server_request_duration_seconds_count{http_request_method="_OTHER",http_response_status_code="404",http_route="other"} 1`,
		`http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="500",http_route="/plain/panic"} 1`,
		`http_server_active_requests{http_request_method="GET"} 0`,
		`trace_id="4bf92f3577b34da6a3ce929d0e0e4736"`,
	} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("metrics lack %s\n%s", want, w.Body)
		}
	}
}
