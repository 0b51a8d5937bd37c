// Package route is the gateway's routing table: which path goes to which service, who may pass, and
// within what limits. A row is data; nothing else decides where a request goes.
package route

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

// Route is one row. Pattern is an exact path, or a prefix when it ends in a slash; "/" alone is exact.
type Route struct {
	Method  string        // "": any that the edge lets in; GET takes HEAD with it
	Pattern string        //
	Service string        // where it goes; "" for what the gateway answers itself
	Handler http.Handler  // the gateway's own answer; nil otherwise
	Rule    access.Rule   // whether a token is needed; the service checks the rest
	Body    int64         // bytes a request's body may have
	Timeout time.Duration // until the head of the answer is there
	Stream  bool          // the answer may go on for ever
	Socket  bool          // a GET may become a WebSocket
	Open    bool          // in a maintenance window of its service too
}

func (r Route) prefix() bool { return r.Pattern != "/" && strings.HasSuffix(r.Pattern, "/") }

func (r Route) takes(method string) bool {
	return r.Method == "" || r.Method == method || (r.Method == http.MethodGet && method == http.MethodHead)
}

// Table is immutable and safe for concurrent use.
type Table struct {
	exact    map[string][]Route
	prefixes []Route // the longest first
}

// NewTable checks the rows and sorts them.
func NewTable(rows []Route) (*Table, error) {
	t := &Table{exact: map[string][]Route{}}
	for _, r := range rows {
		if err := r.check(); err != nil {
			return nil, fmt.Errorf("route %s %s: %w", r.Method, r.Pattern, err)
		}
		if r.prefix() {
			t.prefixes = append(t.prefixes, r)
		} else {
			t.exact[r.Pattern] = append(t.exact[r.Pattern], r)
		}
	}
	slices.SortStableFunc(t.prefixes, func(a, b Route) int { return len(b.Pattern) - len(a.Pattern) })
	return t, nil
}

// opsPaths never lead anywhere from outside.
func opsPaths() []string { return []string{"/metrics", "/hc", "/liveness", "/loggers", "/debug"} }

func (r Route) check() error {
	for _, ops := range opsPaths() {
		if strings.HasPrefix(r.Pattern, ops) {
			return fmt.Errorf("%s is an ops path", ops)
		}
	}
	switch {
	case !strings.HasPrefix(r.Pattern, "/") || r.Pattern == "/" && (r.Service != "" || r.Method == ""):
		return errors.New("it is no path below the root; at the root there is one page of the gateway's own")
	case (r.Service == "") == (r.Handler == nil):
		return errors.New("it needs a service or a handler, and not both")
	case r.Rule == (access.Rule{}):
		return errors.New("it has no access rule")
	case r.Socket && (r.Service == "" || r.Method != http.MethodGet):
		return errors.New("a WebSocket is a GET of a service")
	case r.Body < 0 || r.Timeout <= 0:
		return errors.New("it needs a body limit and a timeout")
	}
	return nil
}

// Match finds the row of a clean, decoded path. An exact row wins over a prefix, a longer prefix over
// a shorter one. Where only the method does not fit, allowed says which would.
func (t *Table) Match(method, path string) (r Route, allowed []string, ok bool) {
	for _, r := range t.exact[path] {
		if r.takes(method) {
			return r, nil, true
		}
		allowed = append(allowed, r.Method)
	}
	for _, r := range t.prefixes {
		if strings.HasPrefix(path, r.Pattern) && r.takes(method) {
			return r, nil, true
		}
	}
	return Route{}, allowed, false
}

// Services that the table leads to, sorted.
func (t *Table) Services() []string {
	var all []string
	for _, r := range t.prefixes {
		if r.Service != "" {
			all = append(all, r.Service)
		}
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Leads reports whether a path written in a service's own documents leads to that service from outside.
func (t *Table) Leads(service, path string) bool {
	if slices.ContainsFunc(t.exact[path], func(r Route) bool { return r.Service == service }) {
		return true
	}
	for _, r := range t.prefixes {
		if strings.HasPrefix(path, r.Pattern) {
			return r.Service == service
		}
	}
	return false
}
