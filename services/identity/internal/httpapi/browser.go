package httpapi

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/session"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// browser is what a request says of the page that sent it. The gateway drops what clients write into X-Forwarded-*, and
// writes its own.
type browser struct {
	cookies, origin, fetchSite string
	host, proto                string
}

func browserOf(ctx huma.Context) browser {
	b := browser{
		cookies: ctx.Header("Cookie"), origin: ctx.Header("Origin"), fetchSite: ctx.Header("Sec-Fetch-Site"),
		host: ctx.Header("X-Forwarded-Host"), proto: ctx.Header("X-Forwarded-Proto"),
	}
	if b.host == "" {
		b.host = ctx.Host()
	}
	return b
}

// cookieName has the port in it: cookies know no ports, and two meshes on one machine are not to end each other's sessions.
func (b browser) cookieName() string {
	if _, port, err := net.SplitHostPort(b.host); err == nil && port != "" {
		return "signalbox_session_" + port
	}
	return "signalbox_session"
}

// token is the refresh token that the browser keeps; "" where it has none.
func (b browser) token() string {
	all, err := http.ParseCookie(b.cookies)
	if err != nil {
		return ""
	}
	for _, c := range all {
		if c.Name == b.cookieName() {
			return c.Value
		}
	}
	return ""
}

// sameOrigin refuses what another site's page sent. The cookie is SameSite=Strict besides; a page of another port of this
// host would get it all the same.
func (b browser) sameOrigin() error {
	r := &http.Request{Method: http.MethodPost, Host: b.host, Header: http.Header{"Sec-Fetch-Site": {b.fetchSite}, "Origin": {b.origin}}}
	if err := http.NewCrossOriginProtection().Check(r); err != nil {
		return problem.Wrap(problem.Forbidden, "a session's cookie is for the studio's own pages", err)
	}
	return nil
}

// cookie keeps the refresh token where no script can read it, and where it is sent to the routes of sessions alone. Without
// a token it is taken back.
func (b browser) cookie(token string, keep time.Duration) string {
	c := http.Cookie{
		Name: b.cookieName(), Value: token, Path: base + "/sessions", HttpOnly: true, SameSite: http.SameSiteStrictMode,
		Secure: b.proto == "https" || strings.HasPrefix(b.origin, "https://"), // where TLS ends before the gateway, only the page knows of it
		MaxAge: int(keep / time.Second),
	}
	if token == "" {
		c.MaxAge = -1
	}
	return c.String()
}

// keep moves the refresh token of an answer into the cookie.
func (o origin) keep(t *session.Tokens) {
	o.setHeader("Set-Cookie", o.browser.cookie(t.Refresh, t.KeepFor))
	t.Refresh = ""
}

// forget takes the cookie back, if there is one.
func (o origin) forget() {
	if o.browser.token() != "" {
		o.setHeader("Set-Cookie", o.browser.cookie("", 0))
	}
}

// proof is the refresh token of the body, or else the cookie's.
func (o origin) proof(inBody string) (token string, kept bool, err error) {
	if inBody != "" {
		return inBody, false, nil
	}
	if err := o.browser.sameOrigin(); err != nil {
		return "", false, err
	}
	return o.browser.token(), true, nil
}

// ended reports whether there is no session any more, as opposed to an answer that failed.
func ended(err error) bool {
	var p *problem.Error
	return errors.As(err, &p) && p.Code == problem.Unauthorized
}
