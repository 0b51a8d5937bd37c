package route

import (
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

func row(method, pattern, service string) Route {
	return Route{Method: method, Pattern: pattern, Service: service, Rule: access.SignedIn(), Timeout: time.Second}
}

func TestMatch(t *testing.T) {
	t.Parallel()
	table, err := NewTable([]Route{row("", "/api/a/", "a"), row("", "/api/a/b/", "b"), row("POST", "/api/a/one", "one"), row("GET", "/page", "page"),
		{Method: "GET", Pattern: "/", Handler: http.NotFoundHandler(), Rule: access.Public(), Timeout: time.Second}})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ method, path, service string }{
		{"GET", "/api/a/", "a"}, {"GET", "/api/a/x", "a"}, {"GET", "/api/a/b", "a"}, {"GET", "/api/a/b/", "b"}, {"GET", "/api/a/b/c", "b"},
		{"POST", "/api/a/one", "one"}, {"GET", "/api/a/one", "a"}, {"POST", "/api/a/one/", "a"}, {"HEAD", "/page", "page"}, {"POST", "/page", ""},
		{"GET", "/api/a", ""}, {"GET", "/api/ab", ""}, {"GET", "", ""}, {"GET", "/none", ""}, {"POST", "/", ""},
	} {
		r, allowed, ok := table.Match(c.method, c.path)
		if ok != (c.service != "") || r.Service != c.service || (c.path == "/page" && !ok && !slices.Equal(allowed, []string{"GET"})) {
			t.Errorf("%s %s: %q %v %v", c.method, c.path, r.Service, allowed, ok)
		}
	}
	if r, _, ok := table.Match("GET", "/"); !ok || r.Handler == nil {
		t.Error("the root's page is not found")
	}
	if got := table.Services(); !slices.Equal(got, []string{"a", "b"}) {
		t.Errorf("services %v", got)
	}
	if !table.Leads("a", "/api/a/x") || !table.Leads("a", "/api/a/one") || !table.Leads("page", "/page") || table.Leads("a", "/page") || table.Leads("a", "/api/a/b/x") || table.Leads("a", "/metrics") {
		t.Error("Leads is wrong")
	}
}

func TestBadRows(t *testing.T) {
	t.Parallel()
	for name, r := range map[string]Route{
		"ops path": row("", "/metrics", "a"), "ops prefix": row("", "/loggers/", "a"), "root": row("", "/", "a"), "no slash": row("", "api", "a"),
		"no service": row("", "/x/", ""), "no rule": {Pattern: "/x/", Service: "a", Timeout: time.Second}, "no timeout": {Pattern: "/x/", Service: "a", Rule: access.Public()},
		"both": {Pattern: "/x/", Service: "a", Handler: http.NotFoundHandler(), Rule: access.Public(), Timeout: time.Second},
	} {
		if _, err := NewTable([]Route{r}); err == nil {
			t.Errorf("%s was taken", name)
		}
	}
}
