package logs

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestTemplates(t *testing.T) {
	t.Parallel()
	for msg, want := range map[string]string{
		"":                                   "",
		"service started":                    "service started",
		"took 12 ms, 3.5 s":                  "took <n> ms, <n> s",
		"took 12ms and 1m30.5s":              "took <duration> and <duration>",
		"user 42 of tenant-07":               "user <n> of tenant-<n>",
		"from 10.0.0.1:5432 to 192.168.1.20": "from <ip> to <ip>",
		"from 2001:db8:0:0:0:0:2:1":          "from <ip>",
		"id 4bf92f35-77b3-4da6-a3ce-929d0e0e4736 gone": "id <uuid> gone",
		"trace 4bf92f3577b34da6a3ce929d0e0e4736":       "trace <hex>",
		"at 0xc000123abc":                              "at <hex>",
		"deadbeef and facade":                          "deadbeef and facade",
		`cannot open "a \"b\" c" now`:                  "cannot open <text> now",
		"don't open 'that one'":                        "don't open <text>",
		`an "unclosed one`:                             `an "unclosed one`,
		"GET /api/v1/records/123/parts/9":              "GET /api/v<n>/records/<n>/parts/<n>",
		"-7 below, +3":                                 "-<n> below, +<n>",
		"2026-11-21T13:45:42Z x":                       "<n>-<n>-<n>T<n>:<n>:<n>Z x",
		"first line\nsecond":                           "first line…",
		"größe 5µs":                                    "größe <duration>",
		"p99=1.5e6 n=1,000":                            "p<n>=<n>e<n> n=<n>,<n>",
		"héllo 日本 7":                                   "héllo 日本 <n>",
	} {
		if got := template(msg); got != want {
			t.Errorf("%q: %q, want %q", msg, got, want)
		}
	}
	if got := template(strings.Repeat("x", 4000)); len(got) > maxTemplate+8 {
		t.Errorf("%d bytes", len(got))
	}
}

// Messages that differ in their numbers alone have one template, which never grows beyond its bound, and is text.
func TestTemplatesForgetNumbers(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		form := rapid.StringMatching(`[i-lo-rv-z =_"#]{0,60}`).Draw(t, "form") // no letters of hexadecimals and units: 1000000a is one of those, and 1a is not
		fill := func(label string) string {
			return strings.ReplaceAll(form, "#", rapid.StringMatching(`[1-9][0-9]{0,6}`).Draw(t, label))
		}
		if a, b := fill("a"), fill("b"); template(a) != template(b) {
			t.Fatalf("%q: %q; %q: %q", a, template(a), b, template(b))
		}
		if s := rapid.String().Draw(t, "any"); len(template(s)) > 4*len(s)+8 {
			t.Fatalf("%q: %q", s, template(s))
		}
	})
}

func FuzzTemplate(f *testing.F) {
	f.Add("a 1 'b' 10.0.0.1 4bf92f35-77b3-4da6-a3ce-929d0e0e4736")
	f.Fuzz(func(t *testing.T, msg string) {
		if got := template(msg); len(got) > 4*maxTemplate {
			t.Errorf("%q: %d bytes", msg, len(got))
		}
	})
}
