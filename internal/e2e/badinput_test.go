package e2e

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// refused checks a problem document: the right status, a code of the closed set, and nothing of our inside.
func refused(t *testing.T, name string, a answer, status int, code string) {
	t.Helper()
	var p problem
	if err := json.Unmarshal(a.body, &p); err != nil || a.header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("%s: no problem document but %d %s %.300s", name, a.status, a.header.Get("Content-Type"), a.body)
		return
	}
	if a.status != status || p.Status != status || p.Code != code || p.Title == "" || len(p.TraceID) != 32 || a.header.Get("X-Trace-Id") != p.TraceID {
		t.Errorf("%s: %d, %d %s expected: %.300s", name, a.status, status, code, a.body)
	}
	for _, inside := range []string{"SQLSTATE", "goroutine", "pgx", ".go:", "panic", "127.0.0.1", "postgres://"} {
		if strings.Contains(string(a.body), inside) {
			t.Errorf("%s shows %q: %.300s", name, inside, a.body)
		}
	}
}

// TestBadInput goes through the gateway: what is wrong from outside is a problem document, and never a 5xx.
func TestBadInput(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	strict := unique("strict")
	m.newType(t, strict)
	types, records := typesPath, recordsPath(strict)
	large := `{"data":{"n":1,"name":"` + strings.Repeat("x", 1<<20) + `"}}`
	for name, c := range map[string]struct {
		method, path string
		body         any
		status       int
		code         string
	}{
		"malformed":           {"POST", records, `{"data":`, 400, "invalid"},
		"two values":          {"POST", records, `{"data":{"n":1}} {}`, 400, "invalid"},
		"no text":             {"POST", types, "{\"name\":\"a\xff\",\"schema\":{}}", 400, "invalid"},
		"empty":               {"POST", records, ``, 400, "invalid"},
		"a list":              {"POST", records, `[]`, 400, "invalid"},
		"wrong type":          {"POST", records, `{"data":{"n":"one"}}`, 400, "invalid"},
		"wrong outer type":    {"POST", types, `{"name":1,"schema":{}}`, 400, "invalid"},
		"unknown field":       {"POST", records, `{"data":{"n":1},"extra":1}`, 400, "invalid"},
		"unknown data field":  {"POST", records, `{"data":{"n":1,"extra":1}}`, 400, "invalid"},
		"missing data field":  {"POST", records, `{"data":{}}`, 400, "invalid"},
		"NUL":                 {"POST", records, `{"data":{"n":1,"name":"a\u0000"}}`, 400, "invalid"},
		"bad schema":          {"POST", types, `{"name":"a","schema":{"type":"thing"}}`, 400, "invalid"},
		"schema that fetches": {"POST", types, `{"name":"a","schema":{"$ref":"http://169.254.169.254/latest"}}`, 400, "invalid"},
		"oversized":           {"POST", records, large, 413, "invalid"},
		"unknown type":        {"POST", types + "/none/records", `{"data":{}}`, 404, "not_found"},
		"unknown type, list":  {"GET", types + "/none/records", nil, 404, "not_found"},
		"unknown record":      {"GET", records + "/0197d3c0-0000-7000-8000-000000000000", nil, 404, "not_found"},
		"bad record id":       {"GET", records + "/none", nil, 404, "not_found"},
		"bad page":            {"GET", records + "?page=AAAA", nil, 400, "invalid"},
		"bad page of types":   {"GET", types + "?page=%21%21", nil, 400, "invalid"},
		"bad limit":           {"GET", records + "?limit=0", nil, 400, "invalid"},
		"bad filter":          {"GET", records + "?filter=%27%3B+DROP+TABLE+records%3B--", nil, 400, "invalid"},
		"bad order":           {"GET", records + "?order=n+sideways", nil, 400, "invalid"},
		"bad log query":       {"GET", "/api/maintenance/v1/logs?q=level%3E%3Enone", nil, 400, "invalid"},
		"bad log time":        {"GET", "/api/maintenance/v1/logs?since=yesterday", nil, 400, "invalid"},
		"bad lease":           {"POST", "/api/maintenance/v1/leases", `{"kind":"level","value":"loud","ttl":"1m","reason":"x"}`, 400, "invalid"},
		"unknown lease":       {"DELETE", "/api/maintenance/v1/leases/0197d3c0-0000-7000-8000-000000000000", nil, 404, "not_found"},
		"unknown schedule":    {"POST", "/api/scheduler/v1/schedules/none/run", `{}`, 404, "not_found"},
		"bad fire cursor":     {"GET", "/api/scheduler/v1/fires?cursor=AAAA", nil, 400, "invalid"},
		"weak password":       {"POST", "/api/identity/v1/users", `{"name":"weak","password":"short"}`, 400, "invalid"},
		"unknown role":        {"POST", "/api/identity/v1/users", `{"name":"weak","grants":[{"role":"god"}]}`, 400, "invalid"},
		"wrong sign-in":       {"POST", "/api/identity/v1/sessions", `{"name":"nobody","password":"no such password"}`, 401, "unauthorized"},
		"unknown service":     {"GET", "/api/nobody/v1/x", nil, 404, "not_found"},
		"unknown path":        {"GET", "/api/catalogs/v1/none", nil, 404, "not_found"},
		"wrong method":        {"PATCH", types, `{}`, 405, "invalid"},
		"dots":                {"GET", "/api/catalogs/v1/%2e%2e/%2e%2e/metrics", nil, 400, "invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			refused(t, name, m.call(t, c.method, c.path, c.body), c.status, c.code)
		})
	}
}

// TestTokens: nobody comes in with a token that identity did not sign, or whose time is over.
func TestTokens(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	parts := strings.Split(m.token, ".")
	header, claims := fields(t, parts[0]), fields(t, parts[1])
	real, err := servicetoken.LoadKey(filepath.Join(m.state, "identity", "signing.pem"))
	if err != nil {
		t.Fatal(err)
	}
	_, stranger, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	with := func(of map[string]any, name string, value any) map[string]any {
		changed := map[string]any{name: value}
		for k, v := range of {
			if k != name {
				changed[k] = v
			}
		}
		return changed
	}
	if a := request(t.Context(), "GET", m.API+typesPath, jwt(t, header, claims, real), nil); a.status != http.StatusOK {
		t.Fatalf("a token signed as identity does: %d %s", a.status, a.body)
	}
	for name, token := range map[string]string{
		"none":             "",
		"rubbish":          "rubbish",
		"expired":          jwt(t, header, with(claims, "exp", time.Now().Add(-time.Minute).Unix()), real),
		"not yet":          jwt(t, header, with(claims, "nbf", time.Now().Add(time.Hour).Unix()), real),
		"elsewhere":        jwt(t, header, with(claims, "aud", "elsewhere"), real),
		"by another":       jwt(t, header, with(claims, "iss", "elsewhere"), real),
		"without an end":   jwt(t, header, with(claims, "exp", nil), real),
		"forged":           jwt(t, header, claims, stranger),
		"forged, no kid":   jwt(t, with(header, "kid", nil), claims, stranger),
		"alg none":         encode(t, with(header, "alg", "none")) + "." + parts[1] + ".",
		"alg nOnE":         encode(t, with(header, "alg", "nOnE")) + "." + parts[1] + "." + parts[2],
		"alg HS256":        encode(t, with(header, "alg", "HS256")) + "." + parts[1] + "." + parts[2],
		"without its sign": parts[0] + "." + parts[1] + ".",
		"changed claims":   parts[0] + "." + encode(t, with(claims, "sub", "somebody")) + "." + parts[2],
	} {
		t.Run(name, func(t *testing.T) {
			for _, path := range []string{typesPath, "/api/identity/v1/users", "/api/maintenance/v1/logs", "/api/scheduler/v1/schedules"} {
				refused(t, name+" at "+path, request(t.Context(), "GET", m.API+path, token, nil), http.StatusUnauthorized, "unauthorized")
			}
		})
	}
	for _, r := range m.ps(t) { // the services look themselves, not the gateway alone
		if path := known[r.Service]; r.Service != "gateway" && r.Service != "web-studio" {
			refused(t, "forged at "+r.Service, request(t.Context(), "GET", "http://"+r.Address+path, jwt(t, header, claims, stranger), nil), http.StatusUnauthorized, "unauthorized")
		}
	}
}

func fields(t *testing.T, part string) (of map[string]any) {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(part)
	if err == nil {
		err = json.Unmarshal(raw, &of)
	}
	if err != nil {
		t.Fatal(err)
	}
	return of
}

func encode(t *testing.T, of map[string]any) string {
	t.Helper()
	for name, value := range of {
		if value == nil {
			delete(of, name)
		}
	}
	raw, err := json.Marshal(of)
	if err != nil {
		t.Fatal(err)
	}
	return base64.RawURLEncoding.EncodeToString(raw)
}

func jwt(t *testing.T, header, claims map[string]any, key ed25519.PrivateKey) string {
	t.Helper()
	text := encode(t, header) + "." + encode(t, claims)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(key, []byte(text)))
}

// TestOpsPathsAreNotOutside: what an instance tells an operator on its own address, the API's address never does.
func TestOpsPathsAreNotOutside(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	for _, path := range []string{"/metrics", "/hc", "/liveness", "/loggers", "/loggers/catalogs", "/debug/pprof/", "/api/catalogs/metrics",
		"/api/catalogs/hc", "/api/maintenance/liveness", "/api/scheduler/loggers", "/metrics/", "//metrics", "/api/catalogs/../../metrics"} {
		for _, method := range []string{"GET", "POST", "HEAD"} {
			a := m.call(t, method, path, nil)
			if a.status < 400 || a.status > 405 || strings.Contains(string(a.body), "go_goroutines") || strings.Contains(string(a.body), `"checks"`) {
				t.Errorf("%s %s: %d %.200s", method, path, a.status, a.body)
			}
			if plain := strings.Count(path, "/") == 1; plain && method == "GET" && a.status != http.StatusNotFound {
				t.Errorf("%s: %d", path, a.status)
			}
		}
	}
}
