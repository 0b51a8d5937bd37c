package query

import (
	"log/slog"
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

func TestRequire(t *testing.T) {
	t.Parallel()
	day := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	for text, edit := range map[string]func(*Needs){
		"":                                 func(*Needs) {},
		"-refused level!=warn":             func(*Needs) {},
		"level>=warn":                      func(n *Needs) { n.MinLevel = slog.LevelWarn },
		"level>=info level<error":          func(n *Needs) { n.MinLevel, n.MaxLevel = slog.LevelInfo, slog.LevelError-1 },
		"level:warn or level>error":        func(n *Needs) { n.MinLevel = slog.LevelWarn },
		"ts>=2026-11-21 ts<2026-11-22":     func(n *Needs) { n.Since, n.Until = day, day.AddDate(0, 0, 1) },
		"ts>=2026-11-22 or ts=2026-11-21":  func(n *Needs) { n.Since = day },
		"service:a":                        func(n *Needs) { n.Services = []string{"a"} },
		"service:(a or b) service:b":       func(n *Needs) { n.Services = []string{"b"} },
		"service:a or x service:b":         func(n *Needs) { n.Services = []string{"a", "b"} },
		"service:a or level>=warn":         func(*Needs) {},
		"service:a*":                       func(*Needs) {},
		"trace:" + traceA:                  func(n *Needs) { n.Traces = []string{traceA} },
		"trace:4bf9":                       func(*Needs) {},
		`"Connection \"refused\" <now>"`:   func(n *Needs) { n.Grams = []string{" ", "connection ", "now", "refused"} },
		"\"tab\tline\nA/b\u2028c\"":        func(n *Needs) { n.Grams = []string{"a", "b", "c", "line", "tab"} },
		"Conn*REF":                         func(n *Needs) { n.Grams = []string{"conn", "ref"} },
		"msg:conn*ref":                     func(n *Needs) { n.Grams = []string{"conn", "ref"} },
		`msg="Done"`:                       func(n *Needs) { n.Grams = []string{"done"} },
		"refused (a1 or xa1y)":             func(n *Needs) { n.Grams = []string{"a1", "refused"} },
		"/conn(ection)+ (x|y){2}re?fused/": func(n *Needs) { n.Grams = []string{" ", "conn", "ection", "fused", "r"} },
		"/konn+ection/i":                   func(n *Needs) { n.Grams = []string{"ection", "n", "on"} },
		"user_id=42": func(n *Needs) {
			n.Names, n.Grams, n.Pairs = []string{"user_id"}, []string{"user_id"}, []Pair{{"user_id", []string{"42"}}}
		},
		"n=4.2e1": func(n *Needs) {
			n.Names, n.Grams, n.Pairs = []string{"n"}, []string{"n"}, []Pair{{"n", []string{"4.2e1", "42"}}}
		},
		"n:(a or b)": func(n *Needs) {
			n.Names, n.Grams, n.Pairs = []string{"n"}, []string{"n"}, []Pair{{"n", []string{"a", "b"}}}
		},
		"http.status>=500":                       func(n *Needs) { n.Names, n.Grams = []string{"http.status"}, []string{"http", "status"} },
		"n=Ab*c":                                 func(n *Needs) { n.Names, n.Grams = []string{"n"}, []string{"ab", "c", "n"} },
		"n=1s":                                   func(n *Needs) { n.Names, n.Grams = []string{"n"}, []string{"n"} },
		"n:*":                                    func(n *Needs) { n.Names, n.Grams = []string{"n"}, []string{"n"} },
		"n!=*":                                   func(*Needs) {},
		"service:a or (level<debug level>error)": func(n *Needs) { n.Services = []string{"a"} },
	} {
		e, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		want := Needs{MinLevel: math.MinInt16, MaxLevel: math.MaxInt16}
		edit(&want)
		if diff := cmp.Diff(want, Require(e), cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
	}
	for text, want := range map[string]bool{
		"service:a service:b": true, "level>=error level<warn": true, "trace:" + traceA + " trace:00000000000000000000000000000000": true, "ts>2026-11-21 ts<2026-11-20": true,
		"service:a service:b or service:c": false, "a -a": false, "service:a": false,
	} {
		if e, err := Parse(text); err != nil || Require(e).Nothing() != want {
			t.Errorf("%s: can be fulfilled: %v (%v)", text, want, err)
		}
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ColumnSet{
		"": 0, "service:a -level>=warn": ReadsService | ReadsLevel, "a": ReadsMsg | ReadsAttrs, "msg:a or /b/": ReadsMsg, "user_id=4": ReadsAttrs, "x:* trace:4b": ReadsAttrs | ReadsTrace,
		"ts>2026-11-21 seq:1 span:0": ReadsTime | ReadsSeq | ReadsSpan, "env:a epoch:b class:c version:d cluster:e namespace:f node:g instance:h logger:i": ReadsEnvironment |
			ReadsEpoch | ReadsClass | ReadsVersion | ReadsCluster | ReadsNamespace | ReadsNode | ReadsInstance | ReadsLogger,
	} {
		e, err := Parse(text)
		if err != nil || Columns(e) != want || Simple(e) != (want&^(ReadsService|ReadsLevel) == 0) {
			t.Errorf("%s: %b (%v)", text, Columns(e), err)
		}
	}
}

// Whatever a comparison holds for can be found by its pair.
func TestPairsMeetTokens(t *testing.T) {
	t.Parallel()
	values := []Value{{Phrase, "42"}, {Phrase, "42.0"}, {Digits, "42"}, {Digits, "42.0"}, {Digits, "4.20e1"}, {Digits, "1e400"}, {Digits, "-0"}, {Truth, "true"}, {Phrase, "x"}, {Phrase, ""}, {Kind: Group}, {Null, "null"}}
	found := 0
	for _, text := range []string{"n=42", "n=42.0", "n=4.2e1", `n="42"`, `n="4.20e1"`, "n=0", "n=1e400", "n=true", "n=x", `n=""`} {
		e, err := Parse(text)
		if err != nil {
			t.Fatal(err)
		}
		pairs := Require(e).Pairs
		for _, v := range values {
			if !e.(Compare).HoldsValue(v) {
				continue
			}
			found++
			if len(pairs) != 1 || !slices.ContainsFunc(v.Tokens(), func(s string) bool { return slices.Contains(pairs[0].Values, s) }) {
				t.Errorf("%s finds %+v with the tokens %q, not with the pairs %q", text, v, v.Tokens(), pairs)
			}
		}
	}
	if found != 19 {
		t.Errorf("%d found", found)
	}
}
