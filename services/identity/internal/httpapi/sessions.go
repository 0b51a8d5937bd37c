package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/session"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

type refreshBody struct {
	RefreshToken string `json:"refresh_token,omitempty" maxLength:"512" doc:"Left out: the one in the cookie"`
}

type signInInput struct {
	Origin
	Body struct {
		Name     string `json:"name" minLength:"1" maxLength:"256" doc:"Sign-in name, in either case"`
		Password string `json:"password" minLength:"1" maxLength:"1024"`
		Cookie   bool   `json:"cookie,omitempty" doc:"Keep the refresh token in an HttpOnly cookie instead of answering it; for pages of the mesh's own origin"`
	}
}

type refreshInput struct {
	Origin
	Body refreshBody
}

type everywhereInput struct{ Origin }

func (h handlers) mountSessions(api *web.API) {
	signIn := operation("sign-in", http.MethodPost, "/sessions", "Sign in with name and password")
	signIn.Description = "Repeated failures of one name or one address are answered with 429 and Retry-After."
	web.Register(api, signIn, access.Public(), h.signIn)

	refresh := operation("refresh-session", http.MethodPost, "/sessions/refresh", "Exchange a refresh token for the next pair")
	refresh.Description = "A refresh token is good once. Using one again ends the whole session, for somebody else has it; one in a cookie may come again within ten seconds, since browsers lose answers."
	web.Register(api, refresh, access.Public(), h.refresh)

	out := operation("sign-out", http.MethodDelete, "/sessions/current", "End the session of a refresh token")
	out.Description = "The refresh token is the proof, so that one can sign out after the user token has expired. Done twice is done."
	out.DefaultStatus = http.StatusNoContent
	web.Register(api, out, access.Public(), h.signOut)

	all := operation("sign-out-everywhere", http.MethodDelete, "/sessions", "End all sessions of the caller")
	all.Description = "On every device. User tokens that are out hold until they expire, five minutes at most."
	all.DefaultStatus = http.StatusNoContent
	web.Register(api, all, access.SignedIn(), h.signOutEverywhere)
}

func (h handlers) signIn(ctx context.Context, in *signInInput) (*tokensOutput, error) {
	if in.Body.Cookie {
		if err := in.origin.browser.sameOrigin(); err != nil {
			return nil, err
		}
	}
	t, err := h.Sessions.SignIn(ctx, in.Body.Name, in.Body.Password, h.client(in.Origin))
	in.origin.sayWhen(err)
	if err == nil && in.Body.Cookie {
		in.origin.keep(&t)
	}
	return toTokens(t, err)
}

// sayWhen tells a caller who was throttled when to come again.
func (o origin) sayWhen(err error) {
	var throttled *session.Throttled
	if errors.As(err, &throttled) {
		o.setHeader("Retry-After", strconv.Itoa(int(throttled.RetryAfter()/time.Second)))
	}
}

func (h handlers) refresh(ctx context.Context, in *refreshInput) (*tokensOutput, error) {
	token, kept, err := in.origin.proof(in.Body.RefreshToken)
	if err != nil {
		return nil, err
	}
	var leeway time.Duration
	if kept {
		leeway = session.CookieLeeway
	}
	t, err := h.Sessions.Refresh(ctx, token, h.client(in.Origin), leeway)
	switch {
	case kept && err == nil:
		in.origin.keep(&t)
	case kept && ended(err):
		in.origin.forget()
	}
	return toTokens(t, err)
}

func (h handlers) signOut(ctx context.Context, in *refreshInput) (*struct{}, error) {
	token, kept, err := in.origin.proof(in.Body.RefreshToken)
	if err != nil {
		return nil, err
	}
	err = h.Sessions.SignOut(ctx, token, h.client(in.Origin))
	if kept && err == nil {
		in.origin.forget()
	}
	return nil, err
}

func (h handlers) signOutEverywhere(ctx context.Context, in *everywhereInput) (*struct{}, error) {
	p, _ := access.From(ctx)
	err := h.Sessions.SignOutEverywhere(ctx, p, h.client(in.Origin))
	if err == nil {
		in.origin.forget()
	}
	return nil, err
}

func toTokens(t session.Tokens, err error) (*tokensOutput, error) {
	if err != nil {
		return nil, err
	}
	return &tokensOutput{CacheControl: "no-store", Body: Tokens{
		AccessToken: t.Access, TokenType: "Bearer", ExpiresIn: int64(t.ExpiresIn / time.Second), RefreshToken: t.Refresh,
	}}, nil
}
