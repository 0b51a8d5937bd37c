package edge

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// request has the target as a client would send it; false where net/http itself refuses it.
func request(target string) (*http.Request, bool) {
	u, err := url.ParseRequestURI(target)
	if err != nil {
		return nil, false
	}
	return &http.Request{Method: "GET", RequestURI: target, URL: u, Header: http.Header{}}, true
}

func TestW10_AmbiguousTargetsAreRefused(t *testing.T) {
	t.Parallel()
	bad := []string{
		"/api/catalogs/../identity/v1/users", "/api/catalogs/./x", "/api/catalogs/..", "/api/catalogs/.", "/..", "/../etc/passwd",
		"/api//catalogs/v1", "//api/catalogs/v1", "///", "/api/catalogs//", "/api/catalogs/v1//types",
		"/api/catalogs/%2e%2e/identity", "/api/catalogs/%2E%2E/x", "/api/catalogs/.%2e/x", "/api/catalogs/%2e/x", "/api/%2e%2e%2fidentity",
		"/api%2fidentity/v1/users", "/api%2Fcatalogs/v1", "/api/catalogs/v1/types%2f..%2f..", "/api/catalogs/%5c..%5cidentity", "/api\\catalogs", "/api/catalogs\\..\\x",
		"/api/catalogs/%252e%252e/x", "/api/catalogs/%252f", "/api/catalogs/%255c", "/api/catalogs/%25252e", "/api/catalogs/x%2500",
		"/api/catalogs/..;/identity", "/api/catalogs/..;a=b/x", "/api/catalogs/.;/x", "/api/catalogs/%2e%2e;/x", "/api/catalogs/%2e%2e%3bx/y",
		"/api/catalogs/%c0%ae%c0%ae/x", "/api/catalogs/%c0%af", "/api/catalogs/%e0%80%af", "/api/catalogs/%ff", "/api/catalogs/\xc0\xae",
		"/api/catalogs/%00", "/api/catalogs/x%00.json", "/api/catalogs/%0d%0aX:y", "/api/catalogs/%09", "/api/catalogs/%7f", "/api/catalogs/%1b",
		"/api/catalogs/\u00e9", "/api/catalogs/\uff0e\uff0e/x", "/api/catalogs/<x>", "/api/catalogs/{x}", "/api/catalogs/x|y", "/api/catalogs/^", "/api/catalogs/`",
		"/api/catalogs/[x]", "/api/catalogs/\"x\"", "/api/catalogs/%zz", "/api/catalogs/%", "/api/catalogs/%2", "/api/catalogs/x?a=%zz", "/api/catalogs/x?a=1;b=2",
		"http://evil.example/api/catalogs/v1", "https://127.0.0.1/hc", "*", "api/catalogs", "evil.example:80", "/api/catalogs/#x",
	}
	for _, target := range bad {
		r, parsed := request(target)
		if parsed && checkTarget(r, 8192) == nil {
			t.Errorf("%q was let through", target)
		}
	}
}

func TestCleanTargetsPass(t *testing.T) {
	t.Parallel()
	for _, target := range []string{
		"/api/catalogs/v1/types", "/api/catalogs/v1/types/", "/docs", "/", "/api/catalogs/v1/records/a%20b", "/api/catalogs/v1/%C3%BCber", "/api/catalogs/v1/a.b..c",
		"/api/catalogs/v1/...", "/api/catalogs/v1/~x-_.!$&'()*+,;=:@", "/api/catalogs/v1/x?page=%2e%2e%2f&q=a%20b", "/api/catalogs/v1/x?", "/api/catalogs/v1/100%25",
		"/api/catalogs/v1/%E2%82%AC", "/api/catalogs/v1/a;b=c",
	} {
		r, parsed := request(target)
		if !parsed {
			t.Fatalf("%q does not parse", target)
		}
		if err := checkTarget(r, 8192); err != nil {
			t.Errorf("%q: %v", target, err)
		}
	}
}

// FuzzW10_GatewayAndServiceSeeOnePath: a path that the gateway lets through is routed by a service's
// ServeMux exactly as the gateway saw it: never cleaned, never redirected.
func FuzzW10_GatewayAndServiceSeeOnePath(f *testing.F) {
	for _, seed := range []string{"/api/catalogs/v1/x", "/api/catalogs/%2e%2e/x", "/api//x", "/api/catalogs/%2f", "/api/a%20b/", "/%61pi/catalogs/v1/x", "/api/catalogs/.;/"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		r, parsed := request(target)
		if !parsed || checkTarget(r, 8192) != nil {
			return
		}
		seen := ""
		mux := http.NewServeMux()
		mux.HandleFunc("/", func(_ http.ResponseWriter, r *http.Request) { seen = r.URL.Path })
		mux.HandleFunc("/api/catalogs/", func(_ http.ResponseWriter, r *http.Request) { seen = "catalogs:" + r.URL.Path })
		out := httptest.NewRequest("GET", "http://service"+r.URL.EscapedPath(), nil)
		answer := httptest.NewRecorder()
		mux.ServeHTTP(answer, out)
		want := r.URL.Path
		if strings.HasPrefix(want, "/api/catalogs/") {
			want = "catalogs:" + want
		}
		if answer.Code != http.StatusOK || seen != want {
			if want == "/api/catalogs" && answer.Code >= 300 && answer.Code < 400 {
				return // the mux's own redirect to the folder; the gateway has no row for it
			}
			t.Errorf("%q: gateway %q, service %q (%d)", target, want, seen, answer.Code)
		}
	})
}
