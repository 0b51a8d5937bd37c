package trace

import (
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// Rule is the share of new traces that are sampled: of all, or of those that begin with one route. A caller's decision is
// kept in any case.
type Rule struct {
	Route string  // "": all; else a span's name, or a method and a pattern of package net/http, such as "GET /v1/types/{id}"
	Ratio float64 // from 0 to 1
}

// maxRules is how many rules of routes hold at once; a new trace looks through all of them.
const maxRules = 64

// ErrTooManyRules is why a rule does not hold.
var ErrTooManyRules = errors.New("more than " + strconv.Itoa(maxRules) + " sampling rules for routes hold already")

// ParseRule reads the value of a lease: "0.25", or {"ratio":0.25,"route":"GET /v1/types"}.
func ParseRule(value string) (Rule, error) {
	var in struct {
		Ratio *float64 `json:"ratio"`
		Route string   `json:"route"`
	}
	value = strings.TrimSpace(value)
	if !strings.HasPrefix(value, "{") {
		ratio, err := strconv.ParseFloat(value, 64)
		if err != nil {
			return Rule{}, fmt.Errorf("%.40q is no ratio: a number from 0 to 1 is, or an object with ratio and route", value)
		}
		in.Ratio = &ratio
	} else if err := lease.Decode(value, &in); err != nil {
		return Rule{}, fmt.Errorf("the sampling rule cannot be read: %w", err)
	}
	switch {
	case in.Ratio == nil || !(*in.Ratio >= 0 && *in.Ratio <= 1):
		return Rule{}, errors.New("the ratio must be a number from 0 to 1")
	case len(in.Route) > 256 || strings.TrimSpace(in.Route) != in.Route:
		return Rule{}, errors.New(`the route must be up to 256 bytes, such as "GET /v1/types/{id}"`)
	}
	return Rule{Route: in.Route, Ratio: *in.Ratio}, nil
}

// SetSampling makes these the rules that hold, weakest first, in the place of those before; none: what is configured. A
// rule for a route is stronger than one for all; of several that meet a new trace the last holds. It reports, by its
// place in all, which are not taken, and why. Safe for concurrent use; spans that begin meanwhile do not wait.
func (p *Provider) SetSampling(all []Rule) (refused map[int]error) {
	return p.sampler.set(all)
}

// Sampling is the overall ratio that is configured, and the one in effect.
func (p *Provider) Sampling() (configured, effective float64) {
	return p.sampler.configured, p.sampler.now.Load().ratio
}

// sampler decides over new traces by what is set just now. It is read without a lock.
type sampler struct {
	configured float64
	now        atomic.Pointer[sampling]
}

// sampling is immutable.
type sampling struct {
	ratio  float64
	all    share
	routes []routed // strongest first
}

type routed struct {
	name    string // of the span
	method  string // "": any
	pattern []string
	rest    bool // whatever follows the pattern
	share   share
}

func newSampler(ratio float64) *sampler {
	s := &sampler{configured: ratio}
	s.set(nil)
	return s
}

func (s *sampler) set(all []Rule) (refused map[int]error) {
	next := sampling{ratio: s.configured}
	for i, r := range slices.Backward(all) {
		switch {
		case r.Route == "":
		case len(next.routes) == maxRules:
			if refused == nil {
				refused = map[int]error{}
			}
			refused[i] = ErrTooManyRules
		default:
			next.routes = append(next.routes, newRouted(r))
		}
	}
	for _, r := range all {
		if r.Route == "" {
			next.ratio = r.Ratio
		}
	}
	next.all = newShare(next.ratio)
	s.now.Store(&next)
	return refused
}

func newRouted(r Rule) routed {
	one := routed{name: r.Route, share: newShare(r.Ratio)}
	method, path, ok := strings.Cut(r.Route, " ")
	if !ok {
		method, path = "", r.Route
	}
	if !strings.HasPrefix(path, "/") {
		return one // a span's name and nothing else
	}
	one.method = method
	one.rest = strings.HasSuffix(path, "/") && path != "/" || strings.HasSuffix(path, "...}")
	one.pattern = strings.Split(strings.Trim(path, "/"), "/")
	if strings.HasSuffix(path, "...}") {
		one.pattern = one.pattern[:len(one.pattern)-1]
	}
	return one
}

// share of trace ids, by their last 63 bits as the SDK's TraceIDRatioBased has it, so that services agree.
type share uint64

func newShare(ratio float64) share { return share(ratio * (1 << 63)) }

func (s share) takes(id trace.TraceID) bool { return binary.BigEndian.Uint64(id[8:])>>1 < uint64(s) }

// request decides over a new trace that begins with a request; method and path may be empty.
func (s *sampler) request(id trace.TraceID, name, method, path string) bool {
	now := s.now.Load()
	for i := range now.routes {
		if r := &now.routes[i]; r.name == name || path != "" && r.meets(method, path) {
			return r.share.takes(id)
		}
	}
	return now.all.takes(id)
}

// takes is request for a span of which only the options are known.
func (s *sampler) takes(id trace.TraceID, name string, options []trace.SpanStartOption) bool {
	now := s.now.Load()
	if len(now.routes) == 0 {
		return now.all.takes(id)
	}
	c := trace.NewSpanStartConfig(options...)
	return s.meets(id, name, c.Attributes())
}

// meets is request for a span with attributes.
func (s *sampler) meets(id trace.TraceID, name string, attrs []attribute.KeyValue) bool {
	method, path := target(attrs)
	return s.request(id, name, method, path)
}

// target is what a server's span is about, where it begins before its route is known.
func target(attrs []attribute.KeyValue) (method, path string) {
	for _, a := range attrs {
		switch a.Key {
		case "http.request.method":
			method = a.Value.AsString()
		case "url.path":
			path = a.Value.AsString()
		}
	}
	return method, path
}

// meets compares segment by segment, without allocating.
func (r *routed) meets(method, path string) bool {
	if r.pattern == nil && !r.rest || r.method != "" && r.method != method {
		return false
	}
	path = strings.TrimPrefix(path, "/")
	for _, want := range r.pattern {
		segment, after, _ := strings.Cut(path, "/")
		if segment != want && (segment == "" || !strings.HasPrefix(want, "{")) {
			return false
		}
		path = after
	}
	return r.rest || path == ""
}
