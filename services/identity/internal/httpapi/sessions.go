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
	RefreshToken string `json:"refresh_token" minLength:"1" maxLength:"512"`
}

type signInInput struct {
	Origin
	Body struct {
		Name     string `json:"name" minLength:"1" maxLength:"256" doc:"Sign-in name, in either case"`
		Password string `json:"password" minLength:"1" maxLength:"1024"`
	}
}

type refreshInput struct {
	Origin
	Body refreshBody
}

func (h handlers) mountSessions(api *web.API) {
	signIn := operation("sign-in", http.MethodPost, "/sessions", "Sign in with name and password")
	signIn.Description = "Repeated failures of one name or one address are answered with 429 and Retry-After."
	web.Register(api, signIn, access.Public(), h.signIn)

	refresh := operation("refresh-session", http.MethodPost, "/sessions/refresh", "Exchange a refresh token for the next pair")
	refresh.Description = "A refresh token is good once. Using one again ends the whole session, for somebody else has it."
	web.Register(api, refresh, access.Public(), h.refresh)

	out := operation("sign-out", http.MethodDelete, "/sessions/current", "End the session of a refresh token")
	out.Description = "The refresh token is the proof, so that one can sign out after the user token has expired. Done twice is done."
	out.DefaultStatus = http.StatusNoContent
	web.Register(api, out, access.Public(), h.signOut)
}

func (h handlers) signIn(ctx context.Context, in *signInInput) (*tokensOutput, error) {
	t, err := h.Sessions.SignIn(ctx, in.Body.Name, in.Body.Password, h.client(in.Origin))
	in.origin.sayWhen(err)
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
	t, err := h.Sessions.Refresh(ctx, in.Body.RefreshToken, h.client(in.Origin))
	return toTokens(t, err)
}

func (h handlers) signOut(ctx context.Context, in *refreshInput) (*struct{}, error) {
	return nil, h.Sessions.SignOut(ctx, in.Body.RefreshToken, h.client(in.Origin))
}

func toTokens(t session.Tokens, err error) (*tokensOutput, error) {
	if err != nil {
		return nil, err
	}
	return &tokensOutput{CacheControl: "no-store", Body: Tokens{
		AccessToken: t.Access, TokenType: "Bearer", ExpiresIn: int64(t.ExpiresIn / time.Second), RefreshToken: t.Refresh,
	}}, nil
}
