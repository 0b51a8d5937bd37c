package httpapi_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

// page is a browser with its cookie, on a page of the mesh's own origin.
type page struct {
	*rig
	host   string
	cookie string // name=value; "": none
	header []string
}

func (r *rig) page(host string) *page {
	return &page{rig: r, host: host, header: []string{"X-Forwarded-Host", host, "Sec-Fetch-Site", "same-origin"}}
}

func (p *page) send(method, path, token string, body any) answer {
	p.t.Helper()
	header := p.header
	if p.cookie != "" {
		header = append([]string{"Cookie", "theme=dark; " + p.cookie}, header...)
	}
	a := p.call(method, path, token, body, header...)
	if set, err := http.ParseSetCookie(a.header.Get("Set-Cookie")); err == nil {
		p.cookie = set.Name + "=" + set.Value
		if set.MaxAge < 0 {
			p.cookie = ""
		}
	}
	return a
}

func (p *page) signIn() answer {
	p.t.Helper()
	return p.send("POST", "/sessions", "", map[string]any{"name": "anna", "password": secret, "cookie": true})
}

func (p *page) renew() answer { return p.send("POST", "/sessions/refresh", "", map[string]any{}) }

func TestTheRefreshTokenGoesIntoACookie(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	p := r.page("mesh.example:8080")
	a := p.signIn()
	want(t, a, http.StatusOK, "")
	set := a.header.Get("Set-Cookie")
	for _, attribute := range []string{"signalbox_session_8080=sbr_", "; Path=/api/identity/v1/sessions;", "; HttpOnly", "; SameSite=Strict", "; Max-Age=3600"} {
		if !strings.Contains(set, attribute) {
			t.Errorf("%q lacks %q", set, attribute)
		}
	}
	if strings.Contains(set, "Secure") || a.str("access_token") == "" || strings.Contains(a.text, "refresh_token") {
		t.Errorf("%q %s", set, a.text)
	}
	before := p.cookie
	a = p.renew()
	want(t, a, http.StatusOK, "")
	if p.cookie == before || strings.Contains(a.text, "refresh_token") {
		t.Errorf("the cookie was not exchanged: %s", a.text)
	}
	want(t, p.send("DELETE", "/sessions/current", "", map[string]any{}), http.StatusNoContent, "")
	if p.cookie != "" {
		t.Error("the cookie outlives its session")
	}
	want(t, p.renew(), http.StatusUnauthorized, "unauthorized")
}

func TestTheCookieIsSecureWhereThePageIs(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	for _, header := range [][]string{{"X-Forwarded-Proto", "https"}, {"Origin", "https://mesh.example"}} {
		p := r.page("mesh.example")
		p.header = append(p.header, header...)
		if set := p.signIn().header.Get("Set-Cookie"); !strings.Contains(set, "; Secure") || !strings.HasPrefix(set, "signalbox_session=") {
			t.Errorf("%v: %q", header, set)
		}
	}
}

// TestALostAnswerDoesNotEndTheSession: pages that renew at once, or are left while they do, use a cookie twice. Later on a
// second use is a thief's, as ever.
func TestALostAnswerDoesNotEndTheSession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	p := r.page("mesh.example:8080")
	p.signIn()
	first := p.cookie
	for range 3 {
		p.cookie = first
		want(t, p.renew(), http.StatusOK, "")
	}
	second := p.cookie
	r.advance(11 * time.Second)
	want(t, p.renew(), http.StatusOK, "")
	live := p.cookie
	p.cookie = second
	want(t, p.renew(), http.StatusOK, "") // within the leeway of its own
	p.cookie = first
	want(t, p.renew(), http.StatusUnauthorized, "unauthorized")
	if p.cookie != "" {
		t.Error("the cookie of a session that has ended is left")
	}
	p.cookie = live
	want(t, p.renew(), http.StatusUnauthorized, "unauthorized")
}

// TestTheOtherAnswersEnd: of several tokens that a session has after lost answers, the one that is used ends the others.
func TestTheOtherAnswersEnd(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	p := r.page("mesh.example:8080")
	p.signIn()
	first := p.cookie
	want(t, p.renew(), http.StatusOK, "")
	lost := p.cookie
	p.cookie = first
	want(t, p.renew(), http.StatusOK, "")
	r.advance(time.Minute)
	want(t, p.renew(), http.StatusOK, "")
	r.advance(time.Minute)
	p.cookie = lost
	want(t, p.renew(), http.StatusUnauthorized, "unauthorized")
}

func TestAnotherSitesPageIsRefused(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	for name, header := range map[string][]string{
		"another site":                     {"X-Forwarded-Host", "mesh.example:8080", "Sec-Fetch-Site", "cross-site"},
		"another port":                     {"X-Forwarded-Host", "mesh.example:8080", "Sec-Fetch-Site", "same-site"},
		"another origin, an old browser":   {"X-Forwarded-Host", "mesh.example:8080", "Origin", "http://mesh.example:9090"},
		"no origin that could be compared": {"X-Forwarded-Host", "mesh.example:8080", "Origin", "null"},
	} {
		p := r.page("mesh.example:8080")
		p.signIn()
		kept := p.cookie
		p.header = header
		want(t, p.renew(), http.StatusForbidden, "forbidden")
		want(t, p.send("DELETE", "/sessions/current", "", map[string]any{}), http.StatusForbidden, "forbidden")
		want(t, p.signIn(), http.StatusForbidden, "forbidden")
		p.header = []string{"X-Forwarded-Host", "mesh.example:8080", "Origin", "http://mesh.example:8080"}
		if p.cookie = kept; p.renew().status != http.StatusOK {
			t.Errorf("%s: the session did not survive", name)
		}
	}
}

func TestSignOutEverywhere(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	r.user("bert", secret)
	here, there := r.page("mesh.example:8080"), r.page("mesh.example:8080")
	token := here.signIn().str("access_token")
	there.signIn()
	plain := r.signIn("anna", secret, "192.0.2.1").str("refresh_token")
	berts := r.signIn("bert", secret, "192.0.2.1").str("refresh_token")
	code := r.call("POST", "/me/sign-in-codes", token, nil).str("code")
	want(t, r.call("DELETE", "/sessions", "", nil), http.StatusUnauthorized, "unauthorized")
	want(t, here.send("DELETE", "/sessions", token, nil), http.StatusNoContent, "")
	if here.cookie != "" {
		t.Error("the cookie is left")
	}
	want(t, there.renew(), http.StatusUnauthorized, "unauthorized")
	want(t, r.refresh(plain), http.StatusUnauthorized, "unauthorized")
	want(t, r.call("POST", "/sessions/exchange", "", map[string]any{"code": code}), http.StatusUnauthorized, "unauthorized")
	want(t, r.refresh(berts), http.StatusOK, "")
	if !strings.Contains(r.logged(), `"action":"sign-out-everywhere","outcome":"done"`) || !strings.Contains(r.logged(), `"detail":"3 sessions"`) {
		t.Error("it is not in the audit trail")
	}
}

func TestACodeOpensOneSession(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	want(t, r.call("POST", "/me/sign-in-codes", "", nil), http.StatusUnauthorized, "unauthorized")
	want(t, r.call("POST", "/me/sign-in-codes", r.tokenWith(access.Grant{Role: access.Admin}), nil), http.StatusUnauthorized, "unauthorized") // nobody's
	token := r.signIn("anna", secret, "192.0.2.1").str("access_token")
	a := r.call("POST", "/me/sign-in-codes", token, nil)
	want(t, a, http.StatusCreated, "")
	if a.header.Get("Cache-Control") != "no-store" {
		t.Error("it may be stored")
	}
	p := r.page("mesh.example:8080")
	opened := p.send("POST", "/sessions/exchange", "", map[string]any{"code": a.str("code"), "cookie": true})
	want(t, opened, http.StatusOK, "")
	if me := r.call("GET", "/me", opened.str("access_token"), nil); me.str("name") != "anna" || p.cookie == "" {
		t.Errorf("%s", me.text)
	}
	want(t, p.renew(), http.StatusOK, "")
	want(t, r.call("POST", "/sessions/exchange", "", map[string]any{"code": a.str("code")}), http.StatusUnauthorized, "unauthorized")
	want(t, r.call("POST", "/sessions/exchange", "", map[string]any{"code": "sbc_x"}), http.StatusUnauthorized, "unauthorized")

	late := r.call("POST", "/me/sign-in-codes", token, nil).str("code")
	r.advance(61 * time.Second)
	want(t, r.call("POST", "/sessions/exchange", "", map[string]any{"code": late}), http.StatusUnauthorized, "unauthorized")
	for what, text := range map[string]string{"code": a.str("code"), "cookie": p.cookie} {
		if _, value, _ := strings.Cut(text, "="); strings.Contains(r.logged(), text) || value != "" && strings.Contains(r.logged(), value) {
			t.Errorf("the %s is in the log", what)
		}
	}
}

// TestACodeLengthensNothing: what a token of five minutes opens ends with it, however often it is done.
func TestACodeLengthensNothing(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	r.user("anna", secret)
	token := r.signIn("anna", secret, "192.0.2.1").str("access_token")
	p := r.page("mesh.example:8080")
	for range 2 {
		code := r.call("POST", "/me/sign-in-codes", token, nil).str("code")
		opened := p.send("POST", "/sessions/exchange", "", map[string]any{"code": code, "cookie": true})
		want(t, opened, http.StatusOK, "")
		if left := opened.body["expires_in"]; left.(float64) > 300 {
			t.Errorf("a token of %v s came of one of 300", left)
		}
		token = opened.str("access_token")
	}
	r.advance(5*time.Minute + time.Second)
	want(t, p.renew(), http.StatusUnauthorized, "unauthorized")
}
