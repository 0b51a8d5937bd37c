package fleet

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
)

func reported(revision int64, loggers ...lease.Logger) Report {
	return Report{Instance: Instance{Service: "catalogs", Instance: "c-1", Revision: revision}, Loggers: loggers}
}

func at(name, configured, effective string) lease.Logger {
	return lease.Logger{Name: name, Configured: configured, Effective: effective}
}

func holds(id, logger, value string, edit ...func(*lease.Lease)) lease.Lease {
	l := lease.Lease{ID: id, Revision: 1, Kind: "level", Service: "catalogs", Logger: logger, Value: value, Remaining: time.Minute}
	for _, e := range edit {
		e(&l)
	}
	return l
}

func shown(all []Difference) string {
	var parts []string
	for _, d := range all {
		parts = append(parts, fmt.Sprintf("%s: %s, not %s", d.What, d.Have, d.Want))
	}
	return strings.Join(parts, "; ")
}

func TestWhatDiffersIsFound(t *testing.T) {
	t.Parallel()
	left := func(d time.Duration) func(*lease.Lease) { return func(l *lease.Lease) { l.Remaining = d } }
	sampled := func(configured, effective float64) Report {
		r := reported(1)
		r.Sampling = Sampling{configured, effective}
		return r
	}
	spent := reported(1, at("", "INFO", "INFO"))
	spent.Applied = []Applied{{ID: "a", Spent: true}}
	refused := reported(1, at("", "INFO", "INFO"))
	refused.Applied = []Applied{{ID: "a", Error: "no"}}
	for name, c := range map[string]struct {
		r    Report
		all  []lease.Lease
		want string
	}{
		"as configured":               {reported(1, at("", "INFO", "INFO"), at("a", "WARN", "WARN")), nil, ""},
		"as leased":                   {reported(1, at("", "INFO", "DEBUG"), at("a.b", "WARN", "DEBUG")), []lease.Lease{holds("a", "", "DEBUG")}, ""},
		"the nearest lease":           {reported(1, at("", "INFO", "DEBUG"), at("a.b", "WARN", "ERROR")), []lease.Lease{holds("a", "", "DEBUG"), holds("b", "a", "ERROR")}, ""},
		"not leased":                  {reported(1, at("", "INFO", "INFO")), []lease.Lease{holds("a", "", "DEBUG")}, "level: INFO, not DEBUG"},
		"refused":                     {refused, []lease.Lease{holds("a", "", "DEBUG")}, "level: INFO, not DEBUG"},
		"changed there":               {reported(1, at("", "INFO", "INFO"), at("a", "INFO", "DEBUG")), nil, "level a: DEBUG, not INFO"},
		"what is inherited, once":     {reported(1, at("", "INFO", "DEBUG"), at("a", "INFO", "DEBUG"), at("a.b", "WARN", "DEBUG")), nil, "level: DEBUG, not INFO; level a.b: DEBUG, not WARN"},
		"another instance's lease":    {reported(1, at("", "INFO", "INFO")), []lease.Lease{holds("a", "", "DEBUG", func(l *lease.Lease) { l.Instance = "c-2" })}, ""},
		"a kept one":                  {reported(1, at("", "INFO", "INFO")), []lease.Lease{holds("a", "", "DEBUG", func(l *lease.Lease) { l.Keep, l.Remaining = true, 0 })}, "level: INFO, not DEBUG"},
		"a spent one is no drift":     {spent, []lease.Lease{holds("a", "", "DEBUG")}, ""},
		"one that ends now, still on": {reported(1, at("", "INFO", "DEBUG")), []lease.Lease{holds("a", "", "DEBUG", left(0))}, ""},
		"one that ends now, off":      {reported(1, at("", "INFO", "INFO")), []lease.Lease{holds("a", "", "DEBUG", left(time.Second))}, ""},
		"one that ends now, neither":  {reported(1, at("", "INFO", "ERROR")), []lease.Lease{holds("a", "", "DEBUG", left(time.Second))}, "level: ERROR, not INFO"},
		"it has not heard of it yet":  {reported(0, at("", "INFO", "INFO")), []lease.Lease{holds("a", "", "DEBUG")}, ""},
		"sampling":                    {sampled(0.1, 0.1), nil, ""},
		"sampling is off":             {sampled(0.1, 1), nil, "sampling: 1, not 0.1"},
		"sampling is leased":          {sampled(0.1, 0.5), []lease.Lease{{ID: "s", Kind: "sampling", Value: "0.5", Remaining: time.Minute}}, ""},
		"of one route":                {sampled(0.1, 0.1), []lease.Lease{{ID: "s", Kind: "sampling", Value: `{"ratio":0.5,"route":"GET /"}`, Remaining: time.Minute}}, ""},
		"sampling is not leased":      {sampled(0.1, 0.1), []lease.Lease{{ID: "s", Kind: "sampling", Value: "0.5", Remaining: time.Minute}}, "sampling: 0.1, not 0.5"},
	} {
		if got := shown(Drift(c.r, Known{Leases: c.all, Revision: 1, Settled: true}, time.Now())); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestSettingsAreHeldAgainstTheMajority(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		own    string
		others map[string]int
		want   string
	}{
		{"a", nil, ""}, {"", map[string]int{"a": 3}, ""}, {"a", map[string]int{"a": 1}, ""}, {"a", map[string]int{"": 3}, ""},
		{"a", map[string]int{"a": 1, "b": 1}, ""}, {"b", map[string]int{"a": 2}, "settings: b, not a"}, {"b", map[string]int{"a": 2, "b": 2}, ""},
		{"b", map[string]int{"a": 1}, "settings: b, not one for all, and none has the majority"},
		{"c", map[string]int{"a": 2, "b": 2}, "settings: c, not one for all, and none has the majority"},
		{"c", map[string]int{"a": 2, "b": 1}, "settings: c, not a"},
		{"0123456789abcdef", map[string]int{"fedcba9876543210": 2}, "settings: 0123456789ab, not fedcba987654"},
	} {
		r := reported(1)
		r.Settings = c.own
		if got := shown(Drift(r, Known{Settings: c.others, Revision: 1, Settled: true}, time.Now())); got != c.want {
			t.Errorf("%q among %v: %q, want %q", c.own, c.others, got, c.want)
		}
	}
}

func TestADifferenceHasItsBeginningAndGoes(t *testing.T) {
	t.Parallel()
	start := time.Now().UTC()
	k := Known{Revision: 1, Settled: true}
	wrong := reported(1, at("", "INFO", "DEBUG"))
	first := Drift(wrong, k, start)
	k.Previous = first
	second := Drift(wrong, k, start.Add(time.Minute))
	if len(second) != 1 || !second[0].Since.Equal(start) {
		t.Errorf("%+v", second)
	}
	k.Revision = 2 // a change that the next report has not heard of says nothing about it
	if got := Drift(reported(1, at("", "INFO", "INFO")), k, start.Add(2*time.Minute)); len(got) != 1 || !got[0].Since.Equal(start) {
		t.Errorf("while nothing is known: %+v", got)
	}
	k.Settled = false
	if got := Drift(reported(2, at("", "INFO", "ERROR")), k, start); shown(got) != "level: DEBUG, not INFO" {
		t.Errorf("while a change is made: %+v", got)
	}
	k.Settled = true
	if got := Drift(reported(2, at("", "INFO", "INFO")), k, start); len(got) != 0 {
		t.Errorf("repaired: %+v", got)
	}
	var many []lease.Logger
	for i := range 200 {
		many = append(many, at(fmt.Sprint("l", i), "INFO", "DEBUG"))
	}
	if got := Drift(reported(2, many...), k, start); len(got) != maxDifferences {
		t.Errorf("%d differences are kept", len(got))
	}
}
