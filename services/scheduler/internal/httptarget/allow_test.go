package httptarget

import (
	"strings"
	"testing"
)

// What the setting names is allowed, and nothing that only looks like it.
func TestWhereARequestMayGo(t *testing.T) {
	t.Parallel()
	a, err := Parse([]string{"hooks.example.org", " *.Example.com:8443", "127.0.0.1:9000", "10.1.0.0/16", "[fd00::1]:80", "192.0.2.7", ""})
	if err != nil {
		t.Fatal(err)
	}
	for url, want := range map[string]bool{
		"https://hooks.example.org/a?b=c":     true,
		"http://HOOKS.example.org./":          true,
		"https://hooks.example.org:443":       true,
		"https://hooks.example.org:80":        false,
		"https://hooks.example.org:8443":      false,
		"https://hooks.example.org.evil.net":  false,
		"https://evil.net/hooks.example.org":  false,
		"https://evil.net#hooks.example.org":  false,
		"https://evil.net?hooks.example.org":  false,
		"https://hooks.example.org@evil.net":  false,
		"https://user:pw@hooks.example.org":   false,
		"https://evil.net\\hooks.example.org": false,
		"https://a.example.com:8443":          true,
		"https://a.b.example.com:8443":        true,
		"https://example.com:8443":            false,
		"https://aexample.com:8443":           false,
		"https://a.example.com":               false,
		"http://127.0.0.1:9000/x":             true,
		"http://127.0.0.1:9001/x":             false,
		"http://127.0.0.1/x":                  false,
		"http://0x7f000001:9000/x":            false,
		"http://2130706433:9000/x":            false,
		"http://localhost:9000":               false,
		"http://[::ffff:127.0.0.1]:9000":      true,
		"http://[::1]:9000":                   false,
		"http://10.1.2.3:1234":                true,
		"http://10.2.2.3:1234":                false,
		"http://[fd00::1]/":                   true,
		"http://[fd00::1%25eth0]/":            true,
		"http://[fd00::2]/":                   false,
		"https://192.0.2.7":                   true,
		"http://169.254.169.254/latest":       false,
		"ftp://hooks.example.org":             false,
		"file:///etc/passwd":                  false,
		"hooks.example.org":                   false,
		"//hooks.example.org":                 false,
		"https://":                            false,
		"":                                    false,
		"https://hooks.example.org/\x00":      false,
	} {
		if err := a.URL(url); (err == nil) != want {
			t.Errorf("%q: %v, want %v", url, err, want)
		}
	}
	if err := (Allowed{}).URL("https://hooks.example.org"); err == nil || !strings.Contains(err.Error(), Variable) {
		t.Errorf("without a setting: %v", err)
	}
	for _, bad := range []string{"*", "*.", "https://a.b", "a.b:0", "a.b:70000", "a b", "a/b", "a..b", ".a", "10.0.0.0/33", "a.b:https", "*.*.a", "é.org"} {
		if _, err := Parse([]string{bad}); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// A name that is allowed may resolve to any public address, and to others only where the setting names those too.
func TestWhereAConnectionMayGo(t *testing.T) {
	t.Parallel()
	a, err := Parse([]string{"hooks.example.org", "127.0.0.1:9000", "10.1.0.0/16"})
	if err != nil {
		t.Fatal(err)
	}
	for address, want := range map[string]bool{
		"93.184.216.34:443": true, "[2606:2800:220:1::1]:443": true, "127.0.0.1:9000": true, "127.0.0.1:80": false, "127.0.0.2:9000": false,
		"[::ffff:127.0.0.1]:9000": true, "[::ffff:127.0.0.1]:80": false, "10.1.255.1:80": true, "10.2.0.1:80": false, "192.168.0.1:80": false,
		"172.16.0.1:80": false, "169.254.169.254:80": false, "[fe80::1%eth0]:80": false, "[::1]:80": false, "[::]:80": false, "0.0.0.0:80": false,
		"0.1.2.3:80": false, "100.64.0.1:80": false, "224.0.0.1:80": false, "255.255.255.255:80": false, "[fd00::1]:80": false, "[fec0::1]:80": false, "[ff02::1]:80": false,
		"[64:ff9b::7f00:1]:80": false, "[2002:7f00:1::]:80": false, "[2001:0:7f00:1::]:80": false, "[::127.0.0.1]:80": false, "198.18.0.1:80": false, "x": false,
	} {
		if err := a.dial(address); (err == nil) != want {
			t.Errorf("%s: %v, want %v", address, err, want)
		}
	}
}

func FuzzURLOfOthersIsNeverAllowed(f *testing.F) {
	for _, s := range []string{"https://hooks.example.org", "https://hooks.example.org@evil", "http://[::1]", "https://hooks.example.org%2eevil.net", "https://HOOKS.example.org:443/x"} {
		f.Add(s)
	}
	a, err := Parse([]string{"hooks.example.org"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if a.URL(raw) != nil {
			return
		}
		rest, https := strings.CutPrefix(strings.ToLower(raw), "https://")
		if !https {
			rest = strings.TrimPrefix(strings.ToLower(raw), "http://")
		}
		if !strings.HasPrefix(rest, "hooks.example.org") {
			t.Errorf("%q is allowed", raw)
		}
	})
}
