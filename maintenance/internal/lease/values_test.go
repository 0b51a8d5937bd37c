package lease

import (
	"slices"
	"strings"
	"testing"
)

func TestValuesBecomeCanonical(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, given, want string }{
		{"level", "debug", "DEBUG"}, {"level", "Warning", "WARN"}, {"level", "warning+1", "WARN+1"}, {"level", " info+2 ", "INFO+2"}, {"level", "DEBUG-4", "DEBUG-4"},
		{"sampling", "0.25", "0.25"}, {"sampling", "1.0", "1"}, {"sampling", `{"ratio":0}`, "0"},
		{"sampling", `{"ratio":0.25,"route":"GET /v1/types"}`, `{"ratio":0.25,"route":"GET /v1/types"}`},
		{"debug", `{"user":"42"}`, `{"level":"DEBUG","user":"42"}`},
		{"debug", `{"level":"debug-4","user":"","tenant":"a","route":"","header":{"name":"","value":""},"trace":""}`, `{"level":"DEBUG-4","tenant":"a"}`},
		{"debug", `{"header":{"name":"X-Canary","value":"<1>"}}`, `{"level":"DEBUG","header":{"name":"X-Canary","value":"<1>"}}`},
		{"debug", `{"trace":"4BF92F3577B34DA6A3CE929D0E0E4736"}`, `{"level":"DEBUG","trace":"4bf92f3577b34da6a3ce929d0e0e4736"}`},
		{"blackbox", `{}`, `{"share":1,"bytes":8388608,"seconds":30,"latency_ms":0}`},
		{"blackbox", `{"share":0.1,"bytes":65536,"seconds":5,"latency_ms":500}`, `{"share":0.1,"bytes":65536,"seconds":5,"latency_ms":500}`},
		{"profile", "heap", `{"profile":"heap","seconds":10}`}, {"profile", `{"profile":"cpu","seconds":30}`, `{"profile":"cpu","seconds":30}`},
		{"policy", ` {"retries":0,"destination":"catalogs","timeout_ms":2000}`, `{"destination":"catalogs","timeout_ms":2000,"retries":0}`},
		{"fault", `{"share":0.1,"destination":"catalogs","delay_ms":300}`, `{"destination":"catalogs","share":0.1,"delay_ms":300}`},
		{"window", "upgrade of the disk", `{"message":"upgrade of the disk"}`}, {"window", `{"message":" new disk "}`, `{"message":"new disk"}`},
	} {
		got, wrong := kinds()[c.kind](c.given)
		if got != c.want || wrong != nil {
			t.Errorf("%s %s: %s (%v), want %s", c.kind, c.given, got, wrong, c.want)
		}
		if again, wrong := kinds()[c.kind](got); again != got || wrong != nil {
			t.Errorf("%s %s is not canonical: %s (%v)", c.kind, got, again, wrong)
		}
	}
}

func TestAWrongValueNamesItsParts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, given, want string }{
		{"level", "loud", ""}, {"level", "", ""}, {"level", "debug+999", ""}, {"level", `{"level":"debug"}`, ""},
		{"sampling", "much", ""}, {"sampling", "1.5", "ratio"}, {"sampling", "NaN", "ratio"}, {"sampling", "-0.1", "ratio"}, {"sampling", `{"route":"x"}`, "ratio"},
		{"sampling", `{"ratio":"a"}`, "ratio"}, {"sampling", `{"ratio":0.5,"rout":"x"}`, "rout"},
		{"debug", "debug", ""}, {"debug", `{}`, ""}, {"debug", `{"level":"debug"}`, ""}, {"debug", `{"user":42}`, "user"}, {"debug", `{"user":"42"`, ""},
		{"debug", `{"user":"42"} x`, ""}, {"debug", `{"user":"42","usr":"43"}`, "usr"}, {"debug", `{"level":"loud","user":"a\nb","trace":"12"}`, "level user trace"},
		{"debug", `{"trace":"00000000000000000000000000000000"}`, "trace"}, {"debug", `{"header":{"name":"X Y","value":""}}`, "header/name header/value"},
		{"debug", `{"header":"X-Canary"}`, "header"}, {"debug", `{"route":"` + strings.Repeat("r", 257) + `"}`, "route"},
		{"blackbox", "on", ""}, {"blackbox", `{"share":0}`, "share"}, {"blackbox", `{"share":2,"bytes":1,"seconds":0,"latency_ms":-1}`, "share bytes seconds latency_ms"},
		{"blackbox", `{"bytes":1.5}`, "bytes"}, {"blackbox", `{"bytes":1e30}`, "bytes"},
		{"profile", "disk", "profile"}, {"profile", `{"profile":"cpu","seconds":301}`, "seconds"}, {"profile", `{"seconds":0}`, "profile seconds"},
		{"policy", "off", ""}, {"policy", `{"destination":"catalogs"}`, ""}, {"policy", `{"timeout":1}`, ""}, {"policy", `{"retries":9}`, ""},
		{"fault", "0.1", ""}, {"fault", `{"share":0.1}`, ""}, {"fault", `{"share":2,"abort":true}`, ""}, {"fault", `{"share":1,"abort":true,"x":1}`, ""},
		{"window", " ", "message"}, {"window", `{"message":""}`, "message"}, {"window", `{"msg":"x"}`, "msg"}, {"window", strings.Repeat("x", 501), "message"},
	} {
		_, wrong := kinds()[c.kind](c.given)
		var names []string
		for _, w := range wrong {
			if w.Detail == "" {
				t.Errorf("%s %s: %q says nothing", c.kind, c.given, w.Name)
			}
			names = append(names, w.Name)
		}
		if len(wrong) == 0 || strings.Join(names, " ") != c.want {
			t.Errorf("%s %s: wrong is %q, want %q", c.kind, c.given, names, c.want)
		}
	}
}

// Whatever comes, a value is refused with a reason, or is canonical, and then stays as it is.
func FuzzValues(f *testing.F) {
	for _, text := range []string{"debug", "0.5", `{"user":"42"}`, `{"ratio":1e-9,"route":"a"}`, `{"profile":"cpu"}`, "{", `{"header":{}}`, "\x00", `{"message":"\u0000"}`, `{"share":null}`} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for kind, canonical := range kinds() {
			got, wrong := canonical(text)
			if len(wrong) > 0 {
				continue
			}
			if again, wrong := canonical(got); again != got || wrong != nil || !plain(got) {
				t.Errorf("%s: %q becomes %q, and that %q (%v)", kind, text, got, again, wrong)
			}
		}
	})
}

func TestTTLs(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{"15m": "15m0s", "1h30m": "1h30m0s", "2d": "48h0m0s", "1d12h": "36h0m0s", "1w": "168h0m0s", "1w1d": "192h0m0s", "0s": "0s", "90s": "1m30s",
		"": "", "soon": "", "-5m": "", "-1d": "", "1d-30h": "", "d": "", "1.5d": "", "1d1w": "", "99999999d": "", "15": ""} {
		got := ""
		if ttl, ok := parseTTL(text); ok {
			got = ttl.String()
		}
		if got != want {
			t.Errorf("%q is %q, want %q", text, got, want)
		}
	}
}

func FuzzTTL(f *testing.F) {
	for _, text := range []string{"15m", "2d", "1w1d1h", "-1d", "65535w9h", "1d1d"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if ttl, ok := parseTTL(text); ok && ttl < 0 {
			t.Errorf("%q is %s", text, ttl)
		}
	})
}

func TestKindsAreAllThere(t *testing.T) {
	t.Parallel()
	for _, kind := range Kinds() {
		if kinds()[kind] == nil {
			t.Errorf("%s has no values", kind)
		}
	}
	if len(Kinds()) != len(kinds()) || !slices.Contains(Kinds(), "level") {
		t.Error(Kinds())
	}
}
