package lease

import (
	"errors"
	"fmt"
	"log/slog"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// kinds are what there is, and how each one's value becomes canonical; a field that is wrong is named from the value's
// root on, as in "user" or "header/name", or "" for the value itself.
func kinds() map[string]func(text string) (canonical string, wrong []problem.Field) {
	return map[string]func(string) (string, []problem.Field){
		lease.Level: levelValue, lease.Sampling: samplingValue, lease.Debug: debugValue,
		lease.BlackBox: blackBoxValue, lease.Profile: profileValue, lease.Window: windowValue,
		lease.Policy: policyValue, lease.Fault: faultValue,
	}
}

// Kinds of leases, in the order in which they are shown.
func Kinds() []string {
	return []string{lease.Level, lease.Sampling, lease.Debug, lease.BlackBox, lease.Profile, lease.Window, lease.Policy, lease.Fault}
}

func field(name, detail string) problem.Field { return problem.Field{Name: name, Detail: detail} }

func levelValue(text string) (string, []problem.Field) {
	l, err := canonicalLevel(text)
	if err != nil {
		return "", []problem.Field{field("", "a level is debug, info, warn or error, or one of them with an offset like info+2")}
	}
	return l, nil
}

func canonicalLevel(text string) (string, error) {
	text = strings.ToUpper(strings.TrimSpace(text))
	if rest, ok := strings.CutPrefix(text, "WARNING"); ok {
		text = "WARN" + rest
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(text)); err != nil {
		return "", err
	}
	if l < -64 || l > 64 {
		return "", errors.New("out of range")
	}
	return l.String(), nil
}

// Sampling is the value of a lease on the share of traces that are kept.
type Sampling struct {
	Ratio *float64 `json:"ratio"`
	Route string   `json:"route,omitempty"`
}

func samplingValue(text string) (string, []problem.Field) {
	var v Sampling
	if !isObject(text) {
		ratio, err := strconv.ParseFloat(strings.TrimSpace(text), 64)
		if err != nil {
			return "", []problem.Field{field("", `a ratio from 0 to 1, like "0.25", or {"ratio":0.25,"route":"GET /v1/types"}`)}
		}
		v.Ratio = &ratio
	} else if wrong := decode(text, &v); wrong != nil {
		return "", wrong
	}
	var wrong []problem.Field
	if v.Ratio == nil || math.IsNaN(*v.Ratio) || *v.Ratio < 0 || *v.Ratio > 1 {
		wrong = append(wrong, field("ratio", "a number from 0 to 1"))
	}
	if !short(v.Route) {
		wrong = append(wrong, field("route", "a route like GET /v1/types, up to 256 bytes; leave it out for all"))
	}
	if wrong != nil {
		return "", wrong
	}
	if v.Route == "" {
		return strconv.FormatFloat(*v.Ratio, 'g', -1, 64), nil
	}
	return encode(v), nil
}

// predicate over a request: every condition that is given must hold.
type predicate struct {
	Level  string  `json:"level"`
	User   string  `json:"user,omitempty"`
	Tenant string  `json:"tenant,omitempty"`
	Route  string  `json:"route,omitempty"`
	Header *header `json:"header,omitempty"`
	Trace  string  `json:"trace,omitempty"`
}

type header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

func (h *header) empty() bool { return h == nil || *h == header{} }

func debugValue(text string) (string, []problem.Field) {
	var v predicate
	if wrong := object(text, &v, `an object with at least one of user, tenant, route, header and trace, like {"user":"42"}`); wrong != nil {
		return "", wrong
	}
	var wrong []problem.Field
	if v.Level == "" {
		v.Level = "DEBUG"
	}
	level, err := canonicalLevel(v.Level)
	if err != nil {
		wrong = append(wrong, field("level", "debug, info, warn or error, or one of them with an offset like debug-4"))
	}
	v.Level = level
	for _, f := range []struct{ name, value string }{{"user", v.User}, {"tenant", v.Tenant}, {"route", v.Route}} {
		if !short(f.value) {
			wrong = append(wrong, field(f.name, "up to 256 bytes, without control characters"))
		}
	}
	if v.Trace = strings.ToLower(v.Trace); v.Trace != "" && (!traceID.MatchString(v.Trace) || strings.Trim(v.Trace, "0") == "") {
		wrong = append(wrong, field("trace", "a trace id has 32 hexadecimal digits"))
	}
	if v.Header.empty() {
		v.Header = nil
	} else {
		if !headerName.MatchString(v.Header.Name) {
			wrong = append(wrong, field("header/name", "the name of a header, up to 128 characters"))
		}
		if v.Header.Value == "" || !short(v.Header.Value) {
			wrong = append(wrong, field("header/value", "what the header must say, up to 256 bytes"))
		}
	}
	if wrong == nil && v == (predicate{Level: v.Level}) {
		wrong = append(wrong, field("", "at least one of user, tenant, route, header and trace"))
	}
	return encode(v), wrong
}

var (
	traceID    = regexp.MustCompile(`^[0-9a-f]{32}$`)
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,128}$")
)

type blackBox struct {
	Share     *float64 `json:"share"`
	Bytes     int64    `json:"bytes"`
	Seconds   float64  `json:"seconds"`
	LatencyMS float64  `json:"latency_ms"`
}

// Bounds and defaults of a black box's ring in one sidecar.
const (
	leastRing   = 64 << 10
	mostRing    = 256 << 20
	defaultRing = 8 << 20
	defaultKeep = 30 // seconds
)

func blackBoxValue(text string) (string, []problem.Field) {
	v := blackBox{Bytes: defaultRing, Seconds: defaultKeep}
	if wrong := object(text, &v, `an object like {"share":0.1,"bytes":8388608,"seconds":30,"latency_ms":500}`); wrong != nil {
		return "", wrong
	}
	if v.Share == nil {
		all := 1.0
		v.Share = &all
	}
	var wrong []problem.Field
	if *v.Share <= 0 || *v.Share > 1 {
		wrong = append(wrong, field("share", "the share of traces, above 0 and up to 1"))
	}
	if v.Bytes < leastRing || v.Bytes > mostRing {
		wrong = append(wrong, field("bytes", fmt.Sprintf("%d to %d", leastRing, mostRing)))
	}
	if v.Seconds < 1 || v.Seconds > 600 {
		wrong = append(wrong, field("seconds", "1 to 600"))
	}
	if v.LatencyMS < 0 || v.LatencyMS > 3_600_000 {
		wrong = append(wrong, field("latency_ms", "0 (no bound) to 3600000"))
	}
	return encode(v), wrong
}

type profile struct {
	Profile string `json:"profile"`
	Seconds int64  `json:"seconds"`
	Before  bool   `json:"before,omitempty"` // of a trace: what was before the lease's end
}

func profiles() []string { return []string{"cpu", "heap", "goroutine", "block", "mutex", "trace"} }

const maxProfile = 300 // seconds

func profileValue(text string) (string, []problem.Field) {
	v := profile{Seconds: 10}
	if !isObject(text) {
		v.Profile = strings.TrimSpace(text)
	} else if wrong := decode(text, &v); wrong != nil {
		return "", wrong
	}
	var wrong []problem.Field
	if !slices.Contains(profiles(), v.Profile) {
		wrong = append(wrong, field("profile", "one of "+strings.Join(profiles(), ", ")))
	}
	if v.Seconds < 1 || v.Seconds > maxProfile {
		wrong = append(wrong, field("seconds", fmt.Sprintf("1 to %d", maxProfile)))
	}
	if v.Before && v.Profile != "trace" {
		wrong = append(wrong, field("before", "only a trace can be of what was before"))
	}
	return encode(v), wrong
}

func policyValue(text string) (string, []problem.Field) {
	if !isObject(text) {
		return "", []problem.Field{field("", `an object like {"destination":"catalogs","timeout_ms":2000,"retries":1}`)}
	}
	p, err := mesh.ParsePolicy(text)
	if err != nil {
		return "", []problem.Field{field("", err.Error())}
	}
	return p.String(), nil
}

func faultValue(text string) (string, []problem.Field) {
	if !isObject(text) {
		return "", []problem.Field{field("", `an object like {"destination":"catalogs","share":0.1,"delay_ms":300}`)}
	}
	f, err := mesh.ParseFault(text)
	if err != nil {
		return "", []problem.Field{field("", err.Error())}
	}
	return f.String(), nil
}

type window struct {
	Message string `json:"message"`
}

func windowValue(text string) (string, []problem.Field) {
	var v window
	if !isObject(text) {
		v.Message = text
	} else if wrong := decode(text, &v); wrong != nil {
		return "", wrong
	}
	if v.Message = strings.TrimSpace(v.Message); v.Message == "" || len(v.Message) > 500 || !plain(v.Message) {
		return "", []problem.Field{field("message", "what is being done, in up to 500 bytes")}
	}
	return encode(v), nil
}
