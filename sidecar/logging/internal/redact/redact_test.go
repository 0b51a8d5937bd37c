package redact

import (
	"strings"
	"testing"
	"time"
)

func rules(t testing.TB, entries ...string) *Rules {
	t.Helper()
	r, err := New(entries)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

const aJWT = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.dozjgNryP4J3jVmNHl0w5N_XgL0n3I9PlFUP0THsR8U"

const pem = "-----BEGIN RSA PRIVATE KEY-----\nMIIEowIBAAKCAQEA0Z3VS5JJcds3xfn\n-----END RSA PRIVATE KEY-----"

func TestText(t *testing.T) {
	t.Parallel()
	r := rules(t)
	for in, want := range map[string]string{
		// URLs
		"postgres://u:p@ss@h:5432/db":           "postgres://u:[redacted:password]@h:5432/db",
		"redis://:p@h":                          "redis://:[redacted:password]@h",
		"a://b:c@d e://f:g@h":                   "a://b:[redacted:password]@d e://f:[redacted:password]@h",
		`"amqp://u:p@h"`:                        `"amqp://u:[redacted:password]@h"`,
		"https://user:p:q@h/p?x=http://a:b@":    "https://user:[redacted:password]@h/p?x=http://a:[redacted:password]@",
		"https://0123abcd@host/a@b":             "https://[redacted:password]@host/a@b",
		"https://[redacted:password]@host/a@b":  "https://[redacted:password]@host/a@b",
		"amqp://u:p/w?x#y@h/v lost":             "amqp://u:[redacted:password]@h/v lost",
		"https://h/cb?access_token=abc&x=1":     "https://h/cb?access_token=[redacted:key]&x=1",
		"https://h/b?sv=2&sig=a%2Fb%3D&se=2026": "https://h/b?sv=2&sig=[redacted:key]&se=2026",
		"https://h/o?X-Amz-Signature=0af1":      "https://h/o?X-Amz-Signature=[redacted:key]",
		// pairs
		"password=x&a=b":                         "password=[redacted:key]&a=b",
		"host=h password='it''s' dbname=d":       "host=h password='[redacted:key]' dbname=d",
		`password='a\'b' x`:                      "password='[redacted:key]' x",
		"password='open":                         "password='[redacted:key]",
		"sslpassword=x, password= y":             "sslpassword=[redacted:key], password= [redacted:key]",
		"client_secret = abc":                    "client_secret = [redacted:key]",
		"user[password]=x user%5Bpwd%5D=y":       "user[password]=[redacted:key] user%5Bpwd%5D=y",
		`{"user":"u","password":"a\"b","x":1}`:   `{"user":"u","password":"[redacted:key]","x":1}`,
		`{\"token\": \"abc\", \"n\":1}`:          `{\"token\": \"[redacted:key]\", \"n\":1}`,
		`{"tokens":["a","b]"],"n":1}`:            `{"tokens":[redacted:key],"n":1}`,
		`{'api_key': 'abc'}`:                     `{'api_key': '[redacted:key]'}`,
		"{User:ann Password:hunter2 Age:3}":      "{User:ann Password:[redacted:key] Age:3}",
		"map[Authorization:[Bearer a1b2c3]]":     "map[Authorization:[redacted:key]]",
		"password: hunter2":                      "password: [redacted:key]",
		"password: secret user: bob":             "password: [redacted:key] user: bob",
		"run --password hunter2 --host h":        "run --password [redacted:key] --host h",
		"ALTER ROLE a PASSWORD 'x''y' LOGIN":     "ALTER ROLE a PASSWORD '[redacted:password]' LOGIN",
		"CREATE USER a IDENTIFIED BY 'x'":        "CREATE USER a IDENTIFIED BY '[redacted:password]'",
		"Cookie: sid=abc; theme=dark\nX: y":      "Cookie: [redacted:key]\nX: y",
		"Authorization: Digest username=a":       "Authorization: Digest [redacted:key]",
		"Authorization: Bearer abc1234":          "Authorization: Bearer [redacted:bearer]",
		"curl -H 'Authorization: Token ab1' u":   "curl -H 'Authorization: Token [redacted:key]' u",
		"open app:hunter2@tcp(db:3306)/x":        "open app:[redacted:password]@tcp(db:3306)/x",
		"dsn: u:p=w@unix(/run/mysql)":            "dsn: u:[redacted:password]@unix(/run/mysql)",
		"<user>ann</user><password>x</password>": "<user>ann</user><password>[redacted:key]</password>",
		// shapes
		"sent bearer 0a1b2c3d4e.":                       "sent bearer [redacted:bearer]",
		"Bearer " + aJWT:                                "Bearer [redacted:jwt]",
		"Basic dXNlcjpwYXNz ok":                         "Basic [redacted:basic] ok",
		"<" + aJWT + ">":                                "<[redacted:jwt]>",
		aJWT[:60] + "…":                                 "[redacted:jwt]…",
		"it is " + aJWT + ".":                           "it is [redacted:jwt].",
		"key:\n" + pem + "\nend":                        "key:\n[redacted:private-key]\nend",
		strings.ReplaceAll(pem, "\n", `\n`):             "[redacted:private-key]",
		pem[:50]:                                        "[redacted:private-key]",
		"AKIAIOSFODNN7EXAMPLE":                          "[redacted:aws-key]",
		"ghp_0123456789abcdefABCDEF0123456789abcd":      "[redacted:github-token]",
		"xoxb-123456789012-abcdefABCDEF":                "[redacted:slack-token]",
		"sk_" + "live_4eC39HqLyjWDarjtT1zdp7dc":         "[redacted:stripe-key]",
		"AIzaSyA-0123456789abcdefghijklmnopqrstu":       "[redacted:google-key]",
		"glpat-0123456789abcdefghij":                    "[redacted:gitlab-token]",
		"sbr_0123456789abcdefghijABCDEFGHIJ0123456789_": "[redacted:api-key]",
		// cards
		"paid with 4111111111111111, thanks":   "paid with [redacted:card], thanks",
		"4111 1111 1111 1111 12/27":            "[redacted:card] 12/27",
		"4111-1111-1111-1111 2027":             "[redacted:card] 2027",
		"no 12 5555 5555 5555 4444.":           "no 12 [redacted:card].",
		"3782 822463 10005":                    "[redacted:card]",
		"card=6011111111111117;30569309025904": "card=[redacted:card];[redacted:card]",
		"4222222222222 6250941006528599":       "[redacted:card] [redacted:card]",
	} {
		if got := r.Text(in, nil); got != want {
			t.Errorf("%q became\n%q, want\n%q", in, got, want)
		}
	}
}

// TestHarmless: what services log every day stays as it is.
func TestHarmless(t *testing.T) {
	t.Parallel()
	r := rules(t)
	for _, s := range []string{
		"", "hello", "record stored", "listening on 127.0.0.1:8080", "GET /api/catalogs/v1/records?limit=50&after=abc HTTP/1.1",
		"http://host/a@b", "mail ann@example.org at ://", "http://host:8080/x@y", "http://[::1]:8080/a@b", "ssh://git@github.com/a/b",
		"postgres://app@db/x",
		"2026-11-21T13:36:10.123456789Z", "1700000000000 1763732170123 1763732170123456 1763732170123456789",
		"id 9b2f0c7e-4b4b-4c7e-9a51-2f0f4a5e6d7c", "id 41111111-1111-1111-1111-111111111111", "trace 4bf92f3577b34da6a3ce929d0e0e4736",
		"order 1234567890123456", "order 9876543210987654", "4111111111111112", "x4111111111111111", "0.4111111111111111", "4111111111111111.5",
		"sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		"SELECT id, password_hash FROM users WHERE token = $1 AND secret = ? AND pwd = %s",
		"UPDATE users SET password = NULL WHERE id = 1", "if token == nil", "token := next()", "password != x",
		"password authentication failed for user \"app\"", "wrong password: try again", "invalid credentials: user not found",
		"unexpected token: '<'", "invalid character 'p' after object key:value pair", "bearer authentication required",
		"bearer token is missing", "Basic information about it", "basic auth needed", "token_count=5 dsn_source=env author: Jane",
		"data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
		"eyJ is not one", "key eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9 alone", "sk-learn and sk-net-work-without-digits",
		"/usr/share/AKIRA/ASIAN_FOOD.txt", "npm_config_registry", "task_scheduler_run", "v2.15.0-go1.26.8", "--token to authenticate", "--no-password",
		"-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----", "====", "::::", "3.14159265358979323846", "5.0 3,4 2-1",
		`{"level":"info","msg":"x","token_count":3,"password":null,"secret":""}`, "at main.go:52 +0x1d", "a=b c=d e = f",
		"goroutine 4111 [running]:", "pool 4 of 16, 4096 bytes, 2026/11/21 13:36:10", "lat=52.5200066 lon=13.4049540", "password=****",
		"func dial(a@tcp(b))", "<token>", "a -> b => c", "generic Map<Token>{}",
	} {
		if got := r.Text(s, func(k Kind) { t.Errorf("found a %s", k) }); got != s {
			t.Errorf("%q became %q", s, got)
		}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	r := rules(t, "iban", "*pin", "-cookie", "-*dsn", " E-Mail ")
	for key, want := range map[string]bool{
		"password": true, "DB_PASSWD": true, "clientSecret": true, "refresh_token": true, "Authorization": true, "x-api-key": true,
		"private_key": true, "credentials": true, "IBAN_of_payer": true, "card_pin": true, "pint": false, "Set-Cookie": false, "log_dsn": false,
		"user_id": false, "token_count": false, "public_key": false, "key": false, "author": false, "path": false, "dsn_source": false, "": false,
		"e.mail": true, strings.Repeat("ä", 9<<10) + "password": true, "password" + strings.Repeat("x", 9<<10): true,
	} {
		if r.Key(key) != want {
			t.Errorf("%.40q: %v, want %v", key, !want, want)
		}
	}
	for _, bad := range []string{"", "*", "-nothing", "-*password", "a", "a*b"} {
		if _, err := New([]string{bad}); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func TestIsCard(t *testing.T) {
	t.Parallel()
	for v, want := range map[uint64]bool{4111111111111111: true, 378282246310005: true, 4111111111111112: false, 1234567890123456: false,
		1700000000000: false, 0: false, 18446744073709551615: false} {
		if IsCard(v) != want {
			t.Errorf("%d: %v, want %v", v, !want, want)
		}
	}
}

func TestUnfinished(t *testing.T) {
	t.Parallel()
	for in, left := range map[string]string{"": "", "x": "x", "a://u:pass": "a://u:", "a://u:p@h b://u:pass": "a://u:p@h b://u:", "a://h:80": "a://h:80",
		"a://h/b:c": "a://h/b:c", "a://u:p@h": "a://u:p@h", "a://[::1": "a://[::1", "a://u:pass b": "a://u:pass b", "a://": "a://"} {
		if got := in[:Unfinished(in)]; got != left {
			t.Errorf("of %q %q is left, want %q", in, got, left)
		}
	}
}

func TestHarmlessCostsNoAllocation(t *testing.T) {
	r := rules(t)
	text := "GET /api/catalogs/v1/records?limit=50&after=4711 took 12.5 ms: 200, 4096 bytes of A-Z_x"
	if n := testing.AllocsPerRun(100, func() { _ = r.Text(text, nil) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
	if n := testing.AllocsPerRun(100, func() { _ = r.Key("a_rather_long_name_of_an_attribute.with.parts") }); n != 0 {
		t.Errorf("%v allocations a key", n)
	}
}

// FuzzText: no panic, idempotent, bounded in length, and what was canary in a known place is gone.
func FuzzText(f *testing.F) {
	for _, s := range []string{"postgres://u:p@h", "a=b password='x' token: y", aJWT, pem, "4111 1111 1111 1111", "Basic dXNlcjpwYXNz",
		`{"password":"a\"b"}`, "[redacted:key]", "https://[redacted:password]@h", "SG.", "--token x", "Cookie: a=b"} {
		f.Add(s, "")
		f.Add(s, s)
	}
	r := rules(f)
	f.Fuzz(func(t *testing.T, a, b string) {
		s := a + " " + b
		once := r.Text(s, nil)
		if again := r.Text(once, nil); again != once {
			t.Errorf("%q became\n%q, and then\n%q", s, once, again)
		}
		if len(once) > 7*len(s) {
			t.Errorf("%d bytes became %d", len(s), len(once))
		}
		if !strings.Contains(s, "hunter2") {
			if got := r.Text(a+" amqp://u:hunter2@h "+b, nil); strings.Contains(got, "hunter2") {
				t.Errorf("the secret is left in %q", got)
			}
		}
	})
}

func BenchmarkText(b *testing.B) {
	r := rules(b)
	const text = "record stored for user u-4711 on /api/catalogs/v1/records at 2026-11-21T13:36:10Z"
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Text(text, nil)
	}
}

func BenchmarkKey(b *testing.B) {
	r := rules(b)
	b.ReportAllocs()
	for b.Loop() {
		_ = r.Key("duration_ms")
	}
}

// TestNoTextTakesLong: what a hostile caller repeats costs time in proportion to its length, not to its square.
func TestNoTextTakesLong(t *testing.T) {
	t.Parallel()
	r := rules(t)
	var slowest time.Duration
	var which string
	for _, unit := range []string{"eyJ", "eyJa.", "SG.", "sk-", "xoxb-", "ghp_", "A", "AKIA", "AIza", "://", "a://b:c", "a://b:c/", "x://@", "=", "password=", "token=$1 ",
		"password='", "password={", `password="\`, `"token":`, `"secret":[`, "--", "--token ", "--a", "-----BEGIN ", "-----BEGIN PRIVATE KEY-----",
		"-----END ", "4111 ", "4111111111111111", "42", "4-", "Bearer ", "Bearer a", "Basic ", "Basic dXNl", "password: ", "cookie: ", "authorization: Bearer ",
		"[redacted:", "[redacted:key]", "'", " password 'x", "identified by ''", "\\", "\\\"", "ya29.", "a.", "%[].", "a:b@tcp(", "<token>", "<token><", "key [password]: [",
		"token:", "dsn:", "token:[", "token:{", `token:\`, "x_token: a", "authorization: "} {
		s := strings.Repeat(unit, 36<<10/len(unit))
		start := time.Now()
		_ = r.Text(s, nil)
		if took := time.Since(start); took > slowest {
			slowest, which = took, unit
		}
	}
	t.Logf("METRIC redact_36KiB_slowest_ms=%.1f limit=50 (%q repeated)", float64(slowest.Microseconds())/1000, which)
}
