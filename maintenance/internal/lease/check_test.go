package lease

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

func config() Config { return Config{TTL: 15 * time.Minute, MaxTTL: 24 * time.Hour, Wait: time.Second} }

func request(edit ...func(*Request)) Request {
	r := Request{Lease: Lease{Kind: "level", Service: "catalogs", Value: "debug", Reason: "to see"}}
	for _, e := range edit {
		e(&r)
	}
	return r
}

func TestEveryWrongFieldIsNamed(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 257)
	for _, c := range []struct {
		want string
		edit func(*Request)
	}{
		{"", func(*Request) {}},
		{"", func(r *Request) { r.TTL = "1d" }}, {"", func(r *Request) { r.TTL = "1s" }}, {"", func(r *Request) { r.Keep = true }},
		{"", func(r *Request) { r.Budget = Budget{Lines: 1, Bytes: 1} }},
		{"", func(r *Request) { r.Kind, r.Value, r.Budget.Lines = "debug", `{"user":"42"}`, 1 }},
		{"/ttl", func(r *Request) { r.TTL = "0s" }}, {"/ttl", func(r *Request) { r.TTL = "-1m" }}, {"/ttl", func(r *Request) { r.TTL = "24h1s" }},
		{"/ttl", func(r *Request) { r.TTL = "30500w4d" }}, {"/ttl", func(r *Request) { r.TTL = "4000w4000d2562047h" }}, // which would be 25 minutes, and less than none, in 64 bits
		{"/ttl", func(r *Request) { r.TTL = "999ms" }}, {"/ttl", func(r *Request) { r.TTL = "soon" }}, {"/ttl", func(r *Request) { r.TTL, r.Keep = "1m", true }},
		{"/kind", func(r *Request) { r.Kind = "weather" }}, {"/value", func(r *Request) { r.Value = "loud" }},
		{"/value", func(r *Request) { r.Kind, r.Value = "window", strings.Repeat("x", 4097) }},
		{"/value/user", func(r *Request) { r.Kind, r.Value = "debug", `{"user":42}` }},
		{"/reason", func(r *Request) { r.Reason = " \n" }}, {"/reason", func(r *Request) { r.Reason = strings.Repeat("x", 501) }}, {"/reason", func(r *Request) { r.Reason = "a\x00b" }},
		{"/service", func(r *Request) { r.Service = "a b" }}, {"/service", func(r *Request) { r.Service = "*" }}, {"/logger", func(r *Request) { r.Logger = long }},
		{"/instance", func(r *Request) { r.Service, r.Instance = "", "x" }},
		{"/service", func(r *Request) { r.Kind, r.Value, r.Service = "fault", `{"share":1,"abort":true}`, "" }},
		{"/service", func(r *Request) { r.Kind, r.Value, r.Service = "window", "disk", "" }}, {"/service", func(r *Request) { r.Kind, r.Value, r.Service = "profile", "cpu", "" }},
		{"/logger", func(r *Request) { r.Kind, r.Value, r.Logger = "sampling", "0.5", "a" }},
		{"/budget", func(r *Request) { r.Kind, r.Value, r.Budget.Lines = "sampling", "0.5", 1 }}, {"/budget/lines", func(r *Request) { r.Budget.Lines = -1 }},
		{"/budget/bytes", func(r *Request) { r.Budget = Budget{Lines: 1, Bytes: 1 << 51} }},
		{"/keep", func(r *Request) { r.Kind, r.Value, r.Keep = "profile", "cpu", true }}, {"/ttl", func(r *Request) { r.Kind, r.Value, r.TTL = "profile", "cpu", "10s" }},
		{"/ttl /value /reason /service /instance", func(r *Request) { r.TTL, r.Value, r.Reason, r.Service, r.Instance = "0", "loud", "", long, "a b" }},
	} {
		r := request(c.edit)
		_, err := r.check(config())
		var names []string
		var p *problem.Error
		if errors.As(err, &p) {
			for _, f := range p.Fields {
				names = append(names, f.Name)
			}
		}
		if got := strings.Join(names, " "); got != c.want || (err != nil && p.Code != problem.Invalid) {
			t.Errorf("%+v: %q, want %q", r, got, c.want)
		}
	}
	r := request(func(r *Request) { r.TTL = "2d" })
	if _, err := r.check(config()); err == nil || !strings.Contains(err.(*problem.Error).Fields[0].Detail, "from 1s to 24h") {
		t.Errorf("%v", err)
	}
}

func TestWhoMay(t *testing.T) {
	t.Parallel()
	who := func(role access.Role, services ...string) access.Principal {
		return access.Principal{Grants: []access.Grant{{Role: role, Services: services}}}
	}
	s := &Service{Settings: Settings{Config: config()}}
	for name, c := range map[string]struct {
		by   access.Principal
		r    Request
		want problem.Code
	}{
		"operator":                  {who(access.Operator), request(), ""},
		"operator of it":            {who(access.Operator, "catalogs"), request(), ""},
		"of another":                {who(access.Operator, "gateway"), request(), problem.Forbidden},
		"viewer":                    {who(access.Viewer), request(), problem.Forbidden},
		"all by one's operator":     {who(access.Operator, "catalogs"), request(func(r *Request) { r.Service = "" }), problem.Forbidden},
		"all by all's":              {who(access.Operator), request(func(r *Request) { r.Service = "" }), ""},
		"kept by an operator":       {who(access.Operator), request(func(r *Request) { r.Keep = true }), problem.Forbidden},
		"kept by an admin of it":    {who(access.Admin, "catalogs"), request(func(r *Request) { r.Keep = true }), ""},
		"all kept by one's admin":   {who(access.Admin, "catalogs"), request(func(r *Request) { r.Keep, r.Service = true, "" }), problem.Forbidden},
		"all kept by all's admin":   {who(access.Admin), request(func(r *Request) { r.Keep, r.Service = true, "" }), ""},
		"admin here, operator all":  {access.Principal{Grants: []access.Grant{{Role: access.Admin, Services: []string{"catalogs"}}, {Role: access.Operator}}}, request(func(r *Request) { r.Keep, r.Service = true, "" }), problem.Forbidden},
		"wrong comes before who it": {who(access.Viewer), request(func(r *Request) { r.Value = "loud" }), problem.Invalid},
	} {
		_, err := s.admit(c.by, &c.r)
		var p *problem.Error
		got := problem.Code("")
		if errors.As(err, &p) {
			got = p.Code
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q (%v)", name, got, c.want, err)
		}
	}
}
