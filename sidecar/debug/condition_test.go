package debug_test

import (
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/debug"
)

func TestConditions(t *testing.T) {
	t.Parallel()
	trace := [16]byte{0x4b, 0xf9, 15: 1}
	r := debug.Request{User: "42", Tenant: "acme", Method: "GET", Route: "/api/catalogs/v1/types/{type}", Trace: trace,
		Header: func(name string) string { return map[string]string{"X-Canary": "1", "X-User-Id": "7"}[name] }}
	for value, want := range map[string]bool{
		`{"level":"DEBUG","user":"42"}`:                                                        true,
		`{"user":"42"}`:                                                                        true,
		`{"level":"DEBUG","user":"4"}`:                                                         false,
		`{"level":"DEBUG","user":"7"}`:                                                         false, // what a header says is nobody
		`{"level":"DEBUG","tenant":"acme"}`:                                                    true,
		`{"level":"DEBUG","tenant":"acme","user":"7"}`:                                         false,
		`{"level":"DEBUG","route":"GET /api/catalogs/v1/types/{type}"}`:                        true,
		`{"level":"DEBUG","route":"/api/catalogs/v1/types/{type}"}`:                            true,
		`{"level":"DEBUG","route":"GET /v1/types/{type}"}`:                                     true,
		`{"level":"DEBUG","route":"POST /v1/types/{type}"}`:                                    false,
		`{"level":"DEBUG","route":"/v1/types"}`:                                                false,
		`{"level":"DEBUG","header":{"name":"x-canary","value":"1"}}`:                           true,
		`{"level":"DEBUG","header":{"name":"X-Canary","value":"12"}}`:                          false,
		`{"level":"DEBUG","header":{"name":"X-Other","value":"1"}}`:                            false,
		`{"level":"DEBUG","trace":"4bf90000000000000000000000000001"}`:                         true,
		`{"level":"DEBUG","trace":"4BF90000000000000000000000000001"}`:                         true,
		`{"level":"DEBUG","trace":"4bf90000000000000000000000000002"}`:                         false,
		`{"level":"DEBUG","user":"42","trace":"4bf90000000000000000000000000002"}`:             false,
		`{"level":"DEBUG","user":"42","tenant":"","route":"","header":{"name":"","value":""}}`: true,
	} {
		c, err := debug.Parse(value)
		if err != nil {
			t.Errorf("%s: %v", value, err)
		} else if got := c.Holds(&r); got != want {
			t.Errorf("%s holds: %v", value, got)
		}
	}
}

func TestMalformedConditions(t *testing.T) {
	t.Parallel()
	for _, value := range []string{
		``, `null`, `42`, `DEBUG`, `{}`, `{"level":"DEBUG"}`, `{"level":"LOUD","user":"42"}`, `{"level":"DEBUG-4000","user":"42"}`, `{"level":"DEBUG","usr":"42"}`,
		`{"level":"DEBUG","user":42}`, `{"level":"DEBUG","user":"42"} {}`, `{"level":"DEBUG","trace":"4bf9"}`, `{"level":"DEBUG","trace":"` + strings.Repeat("0", 32) + `"}`,
		`{"level":"DEBUG","trace":"` + strings.Repeat("g", 32) + `"}`, `{"level":"DEBUG","trace":"` + strings.Repeat("4b", 17) + `"}`, `{"level":"DEBUG","route":"types"}`,
		`{"level":"DEBUG","header":{"value":"1"}}`, `{"level":"DEBUG","header":{"name":"X-Canary"}}`, `{"user":"42","header":{"name":"X-Canary","value":""}}`, `{"level":"DEBUG","header":{"name":"a b","value":"1"}}`,
		`{"level":"DEBUG","user":"` + strings.Repeat("x", 513) + `"}`, `{"level":"DEBUG","user":"` + strings.Repeat("x", 5000) + `"}`,
	} {
		if c, err := debug.Parse(value); err == nil {
			t.Errorf("%.60q is %+v", value, c)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"level":"DEBUG","user":"42","tenant":"","route":"GET /x","header":{"name":"X-Canary","value":"1"},"trace":"4bf90000000000000000000000000001"}`)
	f.Fuzz(func(t *testing.T, value string) {
		c, err := debug.Parse(value)
		if err == nil && c.Holds(&debug.Request{Header: func(string) string { return "" }}) {
			t.Errorf("%q holds for a request of which nothing is known", value)
		}
	})
}
