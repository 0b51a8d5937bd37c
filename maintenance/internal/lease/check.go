package lease

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Request asks for a lease: of Lease the kind, the target, the value, the budget, Keep and the reason.
type Request struct {
	Lease
	TTL    string // how long it holds, as 15m or 2d; "": Config.TTL
	Strict bool   // refuse it when nothing that runs is meant
}

// maxBudget is more than any spool holds.
const maxBudget = 1 << 50

// check makes the request's texts canonical, and returns its time to live (0 for a lease that is kept); its error names
// every wrong field.
func (r *Request) check(c Config) (ttl time.Duration, err error) {
	var wrong faults
	ttl = wrong.ttl(r, c)
	wrong.value(r, ttl)
	wrong.texts(r)
	wrong.target(r)
	wrong.budget(r)
	if wrong != nil {
		return 0, &problem.Error{Code: problem.Invalid, Detail: "the lease is not valid", Fields: wrong}
	}
	return ttl, nil
}

type faults []problem.Field

func (f *faults) add(name, detail string) {
	*f = append(*f, problem.Field{Name: "/" + name, Detail: detail})
}

func (f *faults) ttl(r *Request, c Config) time.Duration {
	switch {
	case r.Keep && r.TTL != "":
		f.add("ttl", "a lease that is kept has none")
	case r.Keep && r.Kind == lease.Profile:
		f.add("keep", "a profile is taken once")
	case r.Keep:
		return 0
	case r.TTL == "":
		return c.TTL
	default:
		ttl, ok := parseTTL(r.TTL)
		if ok && ttl >= time.Second && ttl <= c.MaxTTL {
			return ttl
		}
		f.add("ttl", fmt.Sprintf("a duration like 15m, 2h or 1d, from 1s to %s", compact(c.MaxTTL)))
	}
	return 0
}

// compact is a duration without the parts that are zero: 24h, not 24h0m0s.
func compact(d time.Duration) string {
	text := d.String()
	if rest, ok := strings.CutSuffix(text, "m0s"); ok {
		text = rest + "m"
	}
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		text = rest + "h"
	}
	return text
}

// parseTTL reads Go's durations, with days and weeks before them: 15m, 1h30m, 2d, 1d12h.
func parseTTL(text string) (ttl time.Duration, ok bool) {
	for _, unit := range []struct {
		name string
		time time.Duration
	}{{"w", 7 * 24 * time.Hour}, {"d", 24 * time.Hour}} {
		number, rest, found := strings.Cut(text, unit.name)
		if !found {
			continue
		}
		n, err := strconv.ParseUint(number, 10, 16)
		if err != nil || n > maxUnits {
			return 0, false
		}
		ttl, text = ttl+time.Duration(n)*unit.time, rest
		if text == "" {
			return ttl, true
		}
	}
	d, err := time.ParseDuration(text)
	return ttl + d, err == nil && d >= 0 && ttl+d >= ttl
}

// maxUnits of days, or of weeks: more would not be counted right.
const maxUnits = 5000

func (f *faults) value(r *Request, ttl time.Duration) {
	canonical, known := kinds()[r.Kind]
	switch {
	case !known:
		f.add("kind", "one of "+strings.Join(Kinds(), ", "))
		return
	case len(r.Value) > lease.MaxValue:
		f.add("value", fmt.Sprintf("up to %d bytes", lease.MaxValue))
		return
	case !plain(r.Value):
		f.add("value", "text in UTF-8, without NUL")
		return
	}
	value, wrong := canonical(r.Value)
	for _, w := range wrong {
		f.add(strings.TrimSuffix("value/"+w.Name, "/"), w.Detail)
	}
	if r.Value = value; wrong != nil || r.Kind != lease.Profile || ttl == 0 {
		return
	}
	var p profile
	if decode(value, &p) == nil && ttl <= time.Duration(p.Seconds)*time.Second {
		f.add("ttl", fmt.Sprintf("longer than the %d s that the profile takes", p.Seconds))
	}
}

func (f *faults) texts(r *Request) {
	if r.Reason = strings.TrimSpace(r.Reason); r.Reason == "" || len(r.Reason) > 500 || !plain(r.Reason) {
		f.add("reason", "say why, in up to 500 bytes")
	}
	for _, one := range []struct{ name, value string }{{"service", r.Service}, {"instance", r.Instance}, {"logger", r.Logger}} {
		if len(one.value) > 256 || !plain(one.value) || strings.ContainsAny(one.value, " \t\r\n*") {
			f.add(one.name, "a name without white space, up to 256 bytes; leave it out for all")
		}
	}
}

func (f *faults) target(r *Request) {
	if r.Instance != "" && r.Service == "" {
		f.add("instance", "an instance needs its service")
	}
	if r.Service == "" && slices.Contains([]string{lease.Profile, lease.Window, lease.Fault}, r.Kind) {
		f.add("service", "a "+r.Kind+" is of one service; name it")
	}
	if r.Logger != "" && r.Kind != lease.Level {
		f.add("logger", "only a lease on a level has a logger")
	}
}

func (f *faults) budget(r *Request) {
	b := r.Budget
	switch {
	case b == Budget{}:
	case r.Kind != lease.Level && r.Kind != lease.Debug:
		f.add("budget", "only a lease on a level, or a debug, has a budget")
	case b.Lines < 0 || b.Lines > maxBudget:
		f.add("budget/lines", fmt.Sprintf("1 to %d", int64(maxBudget)))
	case b.Bytes < 0 || b.Bytes > maxBudget:
		f.add("budget/bytes", fmt.Sprintf("1 to %d", int64(maxBudget)))
	}
}
