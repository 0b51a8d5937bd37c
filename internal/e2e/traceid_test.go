package e2e

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"
)

// asked is one way to ask a service.
type asked struct {
	method, path string
	body         any
	token        bool
	status       int
}

// ways of which the answers are one that is fine and problem documents of several hands: the router's, the one that looks at tokens,
// the one that reads bodies, and the handlers'.
func ways(service string) map[string]asked {
	path := known[service]
	all := map[string]asked{
		"fine":            {"GET", path, nil, true, http.StatusOK},
		"unknown path":    {"GET", unknown(service), nil, true, http.StatusNotFound},
		"wrong method":    {"PATCH", path, `{}`, true, http.StatusMethodNotAllowed},
		"without a token": {"GET", path, nil, false, http.StatusUnauthorized},
	}
	switch service {
	case "gateway":
		all["without a token"] = asked{"GET", typesPath, nil, false, http.StatusUnauthorized}
		all["malformed"] = asked{"GET", "/api/catalogs/v1/%2e%2e/%2e%2e/metrics", nil, true, http.StatusBadRequest}
		all["of a service"] = asked{"GET", typesPath + "/nothing-of-that-name", nil, true, http.StatusNotFound}
	case "web-studio": // files, which anybody may load
		const file = "/studio/config.json"
		all["fine"], all["wrong method"] = asked{"GET", file, nil, false, http.StatusOK}, asked{"PATCH", file, `{}`, true, http.StatusMethodNotAllowed}
		all["unknown path"] = asked{"GET", "/api/web-studio/v1/none", nil, true, http.StatusNotFound}
		delete(all, "without a token")
	case "catalogs":
		all["malformed"] = asked{"POST", typesPath, `{"name":`, true, http.StatusBadRequest}
		all["not there"] = asked{"GET", typesPath + "/nothing-of-that-name", nil, true, http.StatusNotFound}
	case "identity":
		all["malformed"] = asked{"POST", path, `{"name":`, true, http.StatusBadRequest}
		all["wrong sign-in"] = asked{"POST", "/api/identity/v1/sessions", `{"name":"nobody","password":"no such password"}`, false, http.StatusUnauthorized}
	case "scheduler":
		all["malformed"] = asked{"GET", "/api/scheduler/v1/fires?cursor=AAAA", nil, true, http.StatusBadRequest}
		all["not there"] = asked{"POST", path + "/none/run", `{}`, true, http.StatusNotFound}
	case "view-service":
		all["malformed"] = asked{"GET", "/api/maintenance/v1/logs?q=level%3E%3Enone", nil, true, http.StatusBadRequest}
		all["not there"] = asked{"DELETE", "/api/maintenance/v1/leases/0197d3c0-0000-7000-8000-000000000000", nil, true, http.StatusNotFound}
	}
	return all
}

// TestEveryAnswerNamesItsTrace: of every service, asked itself, and of the gateway, each answer has the trace in its header, once, and a
// problem document the same; a caller's trace goes on, sampled or not, and without one each request has its own.
func TestEveryAnswerNamesItsTrace(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	seen := map[string]bool{}
	for _, r := range m.ps(t) {
		base := "http://" + r.Address
		if r.Service == "gateway" {
			base = m.API
		}
		for name, way := range ways(r.Service) {
			for _, flags := range []string{"", "00", "01"} {
				caller, header := randomHex(t, 16), []string{}
				if flags != "" {
					header = []string{"Traceparent", "00-" + caller + "-" + randomHex(t, 8) + "-" + flags}
				}
				token := m.token
				if !way.token {
					token = ""
				}
				a := request(t.Context(), way.method, base+way.path, token, way.body, header...)
				ids := a.header.Values("X-Trace-Id")
				if a.status != way.status || len(ids) != 1 || len(ids[0]) != 32 {
					t.Errorf("%s, %s: %d, trace %q: %.200s", r.Service, name, a.status, ids, a.body)
					continue
				}
				if flags != "" && ids[0] != caller || flags == "" && seen[ids[0]] {
					t.Errorf("%s, %s: it is trace %s, its caller's is %s", r.Service, name, ids[0], caller)
				}
				seen[ids[0]] = true
				var p problem
				if err := json.Unmarshal(a.body, &p); a.status >= 400 && (err != nil || p.TraceID != ids[0]) {
					t.Errorf("%s, %s: the header says %s, the document %.200s", r.Service, name, ids[0], a.body)
				}
			}
		}
	}
}

func randomHex(t testing.TB, n int) string {
	t.Helper()
	b := make([]byte, n)
	if _, err := rand.Read(b); err != nil {
		t.Fatal(err)
	}
	return hex.EncodeToString(b)
}
