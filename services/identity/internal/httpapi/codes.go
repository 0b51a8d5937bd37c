package httpapi

import (
	"context"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// SignInCode opens one session.
type SignInCode struct {
	Code      string    `json:"code" doc:"For POST /sessions/exchange, once. It is kept nowhere"`
	ExpiresAt time.Time `json:"expires_at"`
}

type codeInput struct{ Origin }

type codeOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         SignInCode
}

type exchangeInput struct {
	Origin
	Body struct {
		Code   string `json:"code" minLength:"1" maxLength:"128"`
		Cookie bool   `json:"cookie,omitempty" doc:"Keep the refresh token in an HttpOnly cookie instead of answering it"`
	}
}

func (h handlers) mountCodes(api *web.API) {
	issue := operation("issue-sign-in-code", http.MethodPost, "/me/sign-in-codes", "Get a code that opens one session of the caller's elsewhere")
	issue.Description = "Good once, for a minute: it opens the studio for who has a token and no password. The session ends with the caller's token at the latest."
	issue.DefaultStatus = http.StatusCreated
	web.Register(api, issue, access.SignedIn(), h.issueCode)
	web.Register(api, operation("exchange-sign-in-code", http.MethodPost, "/sessions/exchange", "Sign in with a code"), access.Public(), h.exchange)
}

func (h handlers) issueCode(ctx context.Context, in *codeInput) (*codeOutput, error) {
	if _, err := h.current(ctx); err != nil {
		return nil, err
	}
	p, _ := access.From(ctx)
	code, expires, err := h.Sessions.NewCode(ctx, p, h.client(in.Origin))
	if err != nil {
		return nil, err
	}
	return &codeOutput{CacheControl: "no-store", Body: SignInCode{Code: code, ExpiresAt: expires.UTC().Truncate(time.Second)}}, nil
}

func (h handlers) exchange(ctx context.Context, in *exchangeInput) (*tokensOutput, error) {
	if in.Body.Cookie {
		if err := in.origin.browser.sameOrigin(); err != nil {
			return nil, err
		}
	}
	t, err := h.Sessions.Redeem(ctx, in.Body.Code, h.client(in.Origin))
	if err == nil && in.Body.Cookie {
		in.origin.keep(&t)
	}
	return toTokens(t, err)
}

// current is the caller as the store has him; a token whose user is gone or disabled is no good any more.
func (h handlers) current(ctx context.Context) (account.User, error) {
	p, _ := access.From(ctx)
	u, err := h.Reader.User(ctx, p.Subject)
	if problem.CodeOf(err) == problem.NotFound || (err == nil && u.Disabled) {
		return u, problem.New(problem.Unauthorized, "the token's user is gone or disabled")
	}
	return u, err
}
