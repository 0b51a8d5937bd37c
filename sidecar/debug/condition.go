package debug

import (
	"encoding/hex"
	"errors"
	"fmt"
	"log/slog"
	"net/textproto"
	"strings"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
)

// maxField bounds one condition, in bytes.
const maxField = 512

// Condition says which requests a lease is for, and at which level they log. All that is given must hold; an empty
// field is no condition, and Parse refuses a Condition without any.
type Condition struct {
	Level  slog.Level
	User   string // the verified caller's id
	Tenant string // the verified caller's tenant
	// Route is a pattern: "GET /api/catalogs/v1/types/{type}"; without a method for all of them, and without
	// /api/<service> for the service's own.
	Route  string
	Header HeaderIs
	Trace  [16]byte // zero: none
}

// HeaderIs holds when the request has the header with exactly this value.
type HeaderIs struct{ Name, Value string }

// Request is what is known of one request. Only its receiver can say it: User and Tenant are those of a verified
// principal, never a header's.
type Request struct {
	User   string
	Tenant string
	Method string
	Route  string                   // the pattern that matched, without its method
	Header func(name string) string // "": not there; nil: there are none
	Trace  [16]byte
}

// document is a Condition as a lease's value.
type document struct {
	Level  string `json:"level"`
	User   string `json:"user"`
	Tenant string `json:"tenant"`
	Route  string `json:"route"`
	Header struct {
		Name  string `json:"name"`
		Value string `json:"value"`
	} `json:"header"`
	Trace string `json:"trace"`
}

// Parse reads the value of a lease of kind "debug":
//
//	{"level":"DEBUG","user":"42","tenant":"","route":"","header":{"name":"X-Canary","value":"1"},"trace":""}
//
// The error is fit for whoever wrote it.
func Parse(value string) (Condition, error) {
	var d document
	if err := lease.Decode(value, &d); err != nil {
		return Condition{}, fmt.Errorf("the conditions cannot be read: %w", err)
	}
	return d.condition()
}

func (d document) condition() (c Condition, err error) {
	if d.Level == "" {
		d.Level = slog.LevelDebug.String()
	}
	if c.Level, err = level.Parse(d.Level); err != nil {
		return c, err
	}
	if c.Level < minLevel || c.Level > maxLevel {
		return c, fmt.Errorf("level %q is out of all bounds", d.Level)
	}
	if d.Trace != "" {
		if n, err := hex.Decode(c.Trace[:], []byte(cut(d.Trace, 2*len(c.Trace)))); err != nil || n != len(c.Trace) || len(d.Trace) != 2*len(c.Trace) || c.Trace == [16]byte{} {
			return c, fmt.Errorf("trace %.40q is not 32 hex digits", d.Trace)
		}
	}
	c.User, c.Tenant, c.Route = d.User, d.Tenant, strings.TrimSpace(d.Route)
	c.Header = HeaderIs{Name: textproto.CanonicalMIMEHeaderKey(d.Header.Name), Value: d.Header.Value}
	return c, c.check()
}

func cut(s string, n int) string { return s[:min(len(s), n)] }

func (c Condition) check() error {
	for _, text := range []string{c.User, c.Tenant, c.Route, c.Header.Name, c.Header.Value} {
		if len(text) > maxField {
			return fmt.Errorf("%.40q… is longer than %d bytes", text, maxField)
		}
	}
	switch {
	case c.Header.Name == "" && c.Header.Value != "":
		return errors.New("a header's value is given, and not its name")
	case c.Header.Name != "" && c.Header.Value == "":
		return errors.New("a header's name is given, and not its value: every request without that header would have it")
	case strings.ContainsAny(c.Header.Name, " \t\r\n:"):
		return fmt.Errorf("%q is no name of a header", c.Header.Name)
	case c.Route != "" && !strings.Contains(c.Route, "/"):
		return fmt.Errorf(`route %q is no pattern such as "GET /api/catalogs/v1/types"`, c.Route)
	case c == Condition{Level: c.Level}:
		return errors.New("there is no condition: give a user, a tenant, a route, a header or a trace; a level for all requests is a lease of kind level")
	}
	return nil
}

// Holds says whether all that is given holds for the request.
func (c *Condition) Holds(r *Request) bool {
	return (c.User == "" || c.User == r.User) &&
		(c.Tenant == "" || c.Tenant == r.Tenant) &&
		(c.Trace == [16]byte{} || c.Trace == r.Trace) &&
		(c.Route == "" || c.takes(r.Method, r.Route)) &&
		(c.Header.Name == "" || (r.Header != nil && r.Header(c.Header.Name) == c.Header.Value))
}

func (c *Condition) takes(method, route string) bool {
	want := c.Route
	if only, path, ok := strings.Cut(want, " "); ok {
		if only != method {
			return false
		}
		want = strings.TrimLeft(path, " ")
	}
	return route != "" && (want == route || want == own(route))
}

// own is the route as its service calls it: /v1/types of /api/catalogs/v1/types.
func own(route string) string {
	rest, ok := strings.CutPrefix(route, "/api/")
	if !ok {
		return route
	}
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		return rest[i:]
	}
	return route
}
