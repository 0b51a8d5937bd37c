package gateway_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

func TestPathsGoUnchangedToTheirService(t *testing.T) {
	t.Parallel()
	r := start(t, config(), echoes())
	token := r.token("anna")
	for path, service := range map[string]string{
		"/api/catalogs/v1/types?page=a%2Fb&q=x+y": "catalogs", "/api/catalogs/v1/records/%C3%BC%20x": "catalogs", "/api/catalogs/": "catalogs",
		"/api/scheduler/v1/schedules": "scheduler", "/api/identity/v1/users": "identity", "/api/identity/v1/jwks": "identity",
		"/api/maintenance/v1/logs": "view-service", "/api/maintenance/v1/logs/tail": "view-service", "/api/view-service/v1/views": "view-service", "/api/view-service/v1/views/x": "view-service", "/api/catalogs/v1/a;b=c": "catalogs",
	} {
		a := r.call("GET", path, token, nil)
		if a.status != http.StatusOK || a.body["service"] != service || a.body["uri"] != path {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
		for _, name := range []string{"X-Trace-Id", "X-Content-Type-Options"} {
			if n := len(a.header.Values(name)); n != 1 {
				t.Errorf("%s: %d times %s", path, n, name)
			}
		}
		if a.header.Get("Server") != "" || a.header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%s: the service's own headers came out: %v", path, a.header)
		}
	}
	a := r.call("POST", "/api/identity/v1/sessions", "", strings.NewReader(`{}`))
	if a.status != http.StatusOK || a.body["method"] != "POST" || a.body["size"] != 2.0 {
		t.Errorf("sign-in: %d %s", a.status, a.text)
	}
}

func TestNothingElseIsThere(t *testing.T) {
	t.Parallel()
	r := start(t, config(), echoes())
	token := r.token("admin", access.Grant{Role: access.Admin})
	for _, path := range []string{
		"/api", "/api/", "/api/catalogs", "/api/catalogsx/v1", "/API/catalogs/v1", "/api/Catalogs/v1", "/api/view-service/v1/logs", "/api/view-service/v1/viewsx", "/api/gateway/v1", "/api/catalogs./v1",
		"/metrics", "/hc", "/liveness", "/loggers", "/loggers/catalogs", "/debug/pprof/", "/metrics/", "/hc/x", "/docs/none", "/openapi.json/", "/api/none/v1",
	} {
		for _, method := range []string{"GET", "POST"} {
			want(t, r.call(method, path, token, nil), http.StatusNotFound, "not_found")
		}
	}
	for _, path := range []string{"/metrics", "/hc", "/liveness"} {
		resp, err := http.Get("http://" + r.ops + path)
		check(t, err)
		resp.Body.Close()
		if resp.StatusCode == http.StatusNotFound {
			t.Errorf("%s is not at the ops address", path)
		}
	}
}

// TestTheRootLeadsToTheStudio: which anybody may load, and nobody may post to.
func TestTheRootLeadsToTheStudio(t *testing.T) {
	t.Parallel()
	r := start(t, config(), echoes())
	for _, path := range []string{"/", "/studio"} {
		if a := r.call("GET", path, "", nil); a.status != http.StatusFound || a.header.Get("Location") != "/studio/" {
			t.Errorf("%s: %d %v", path, a.status, a.header)
		}
		want(t, r.call("POST", path, "", nil), http.StatusMethodNotAllowed, "invalid")
	}
	for _, path := range []string{"/studio/", "/studio/logs?q=level%3Aerror", "/studio/assets/main.js"} {
		if a := r.call("GET", path, "", nil); a.status != http.StatusOK || a.body["service"] != "web-studio" || a.body["uri"] != path {
			t.Errorf("%s: %d %s", path, a.status, a.text)
		}
	}
	want(t, r.call("POST", "/studio/", "", nil), http.StatusNotFound, "not_found")
}

func TestMethods(t *testing.T) {
	t.Parallel()
	r := start(t, config(), echoes())
	a := r.call("POST", "/openapi.json", "", nil)
	want(t, a, http.StatusMethodNotAllowed, "invalid")
	if a.header.Get("Allow") != "GET" {
		t.Errorf("Allow: %q", a.header.Get("Allow"))
	}
	for _, method := range []string{"TRACE", "PROPFIND", "get"} {
		want(t, r.call(method, "/api/catalogs/v1/types", r.token("anna"), nil), http.StatusMethodNotAllowed, "invalid")
	}
	if a := r.call("HEAD", "/docs", "", nil); a.status != http.StatusOK || a.text != "" {
		t.Errorf("HEAD /docs: %d", a.status)
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	r := start(t, config(), echoes())
	good, elsewhere := r.token("anna"), start(t, config(), nil).token("anna")
	cases := []struct {
		name, path, authorization string
		status                    int
	}{
		{"none where one is needed", "/api/catalogs/v1/types", "", 401},
		{"none on a public row", "/api/identity/v1/jwks", "", 200},
		{"none on another method of a public path", "/api/identity/v1/sessions", "", 401},
		{"good", "/api/catalogs/v1/types", "Bearer " + good, 200},
		{"good in other case", "/api/catalogs/v1/types", "bearer " + good, 200},
		{"good on a public row", "/api/identity/v1/jwks", "Bearer " + good, 200},
		{"another mesh's", "/api/catalogs/v1/types", "Bearer " + elsewhere, 401},
		{"another mesh's on a public row", "/api/identity/v1/jwks", "Bearer " + elsewhere, 401},
		{"garbage on our own page", "/docs", "Bearer x", 401},
		{"another scheme", "/api/catalogs/v1/types", "Basic YTpi", 401},
		{"empty", "/api/catalogs/v1/types", "Bearer ", 401},
		{"changed", "/api/catalogs/v1/types", "Bearer " + good[:len(good)-6] + "AAAAAA", 401},
		{"almost as large as a header may be", "/api/catalogs/v1/types", "Bearer " + strings.Repeat("a", 8000), 401},
	}
	for _, c := range cases {
		var header []string
		if c.authorization != "" {
			header = []string{"Authorization", c.authorization}
		}
		a := r.call("GET", c.path, "", nil, header...)
		if a.status != c.status || (c.status == 401 && (a.code() != "unauthorized" || a.header.Get("WWW-Authenticate") == "")) {
			t.Errorf("%s: %d %s", c.name, a.status, a.text)
		}
	}
	twice := "GET /api/identity/v1/jwks HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + good + "\r\nAuthorization: Bearer x\r\nConnection: close\r\n\r\n"
	if all := r.raw(5*time.Second, twice); len(all) != 1 || all[0].status != 401 {
		t.Errorf("two tokens: %+v", all)
	}
}

// TestW11_IdentityHeadersComeFromNobody: whatever way they are written.
func TestW11_IdentityHeadersComeFromNobody(t *testing.T) {
	t.Parallel()
	r := start(t, config(), echoes())
	head := "GET /api/catalogs/v1/types HTTP/1.1\r\nHost: outside.example\r\nAuthorization: Bearer " + r.token("anna") + "\r\n"
	for _, lines := range []string{
		"X-User-Id: evil\r\n", "x-user-id: evil\r\n", "X_User_Id: evil\r\n", "X-User_Id: evil\r\n", "X-Tenant-Id: evil\r\n", "X-Signalbox-Subject: evil\r\n",
		"X-Forwarded-For: evil\r\n", "X-Forwarded-For: 6.6.6.6\r\nX-Forwarded-For: evil\r\n", "Forwarded: for=evil\r\n", "X-Real-IP: evil\r\n", "True-Client-IP: evil\r\n",
		"X-Forwarded-Host: evil\r\n", "X-Forwarded-Proto: evil\r\n", "X-Forwarded-User: evil\r\n", "X-Original-URL: /evil\r\n", "X-HTTP-Method-Override: evil\r\n",
		"Connection: X-User-Id\r\nX-User-Id: evil\r\n", "Connection: X-Forwarded-For, X-Forwarded-Host\r\n", "Connection: close, X-Forwarded-For\r\nX-Forwarded-For: evil\r\n",
	} {
		all := r.raw(5*time.Second, head+lines+"Connection: close\r\n\r\n")
		if len(all) != 1 || all[0].status != http.StatusOK {
			t.Fatalf("%q: %+v", lines, all)
		}
		h := all[0].body["header"].(map[string]any)
		if strings.Contains(strings.ToLower(all[0].text), "evil") {
			t.Errorf("%q came through: %s", lines, all[0].text)
		}
		for name, value := range map[string]string{"X-Forwarded-For": "127.0.0.1", "X-Forwarded-Host": "outside.example", "X-Forwarded-Proto": "http"} {
			if got, _ := h[name].([]any); len(got) != 1 || got[0] != value {
				t.Errorf("%q: %s is %v", lines, name, h[name])
			}
		}
	}
}

func TestUpgradesAreRefused(t *testing.T) {
	t.Parallel()
	r := start(t, config(), echoes())
	for _, lines := range []string{
		"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x3JJHMbDL1EzLkh9GBhXDw==\r\n",
		"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA\r\n", "Upgrade: websocket\r\n", "Connection: keep-alive, upgrade\r\n",
	} {
		all := r.raw(3*time.Second, "GET /api/catalogs/v1/x HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer "+r.token("anna")+"\r\n"+lines+"\r\n")
		if len(all) != 1 || all[0].status != http.StatusBadRequest || all[0].code() != "invalid" {
			t.Errorf("%q: %+v", lines, all)
		}
	}
}

func TestCORS(t *testing.T) {
	t.Parallel()
	off := start(t, config(), echoes())
	if a := off.call("GET", "/api/identity/v1/jwks", "", nil, "Origin", "https://studio.example"); a.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("CORS is on by default")
	}
	c := config()
	c.CORSOrigins = []string{"https://studio.example"}
	on := start(t, c, echoes())
	for origin, allowed := range map[string]string{"https://studio.example": "https://studio.example", "https://evil.example": "", "null": ""} {
		a := on.call("OPTIONS", "/api/catalogs/v1/types", "", nil, "Origin", origin, "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "authorization")
		if a.status != http.StatusNoContent || a.header.Get("Access-Control-Allow-Origin") != allowed || a.header.Get("Vary") != "Origin" {
			t.Errorf("preflight from %s: %d %v", origin, a.status, a.header)
		}
		a = on.call("GET", "/api/catalogs/v1/types", on.token("anna"), nil, "Origin", origin)
		if a.status != http.StatusOK || a.header.Get("Access-Control-Allow-Origin") != allowed {
			t.Errorf("request from %s: %d %v", origin, a.status, a.header)
		}
	}
}

func TestAccessLog(t *testing.T) {
	t.Parallel()
	r := start(t, config(), echoes())
	token := r.token("user-17")
	r.call("GET", "/api/catalogs/v1/types?token=topsecret", token, nil)
	wait.For(t, 5*time.Second, "the line", func() bool { return strings.Contains(r.log.String(), `"user_id":"user-17"`) })
	log := r.log.String()
	for _, part := range []string{`"route":"/api/catalogs/"`, `"status":200`, `"duration_ms":`, `"client_address":"127.0.0.1"`, `"logger":"gateway.access"`} {
		if !strings.Contains(log, part) {
			t.Errorf("%s is not in the log: %s", part, log)
		}
	}
	if strings.Contains(log, "topsecret") || strings.Contains(log, token) {
		t.Error("a secret is in the log")
	}
}
