package httpapi

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/audit"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web"
)

// Bounds of a sender's token.
const (
	defaultSenderTTL = 90 * 24 * time.Hour
	longestSenderTTL = 400 * 24 * time.Hour
	maxSenderName    = 128
)

// Signer makes user tokens.
type Signer interface {
	Sign(p access.Principal, ttl time.Duration) (string, error)
}

// Trail records who did what.
type Trail interface {
	Record(ctx context.Context, e audit.Entry)
}

type senderInput struct {
	Body struct {
		Services []string `json:"services" nullable:"false" minItems:"1" maxItems:"32" doc:"service.name of the records that may be sent; * alone is any"`
		TTL      string   `json:"ttl,omitempty" maxLength:"32" doc:"How long it holds, such as 720h; left out: 2160h (90 days), at most 9600h (400 days)"`
	}
}

type senderOutput struct {
	CacheControl string `header:"Cache-Control"`
	Body         SenderToken
}

// Senders are the tokens that were given.
type Senders interface {
	AddSender(ctx context.Context, t account.SenderToken) error
	Sender(ctx context.Context, id string) (account.SenderToken, error)
	Senders(ctx context.Context) ([]account.SenderToken, error)
	RevokeSender(ctx context.Context, id, by string, at time.Time) error
}

// SenderToken lets a program that is no service of the mesh send log records.
type SenderToken struct {
	ID        string    `json:"id" doc:"by which it is revoked"`
	Token     string    `json:"token" doc:"For Authorization: Bearer. It is kept nowhere"`
	Services  []string  `json:"services" nullable:"false"`
	ExpiresAt time.Time `json:"expires_at"`
}

// SenderTokens are what is known of them.
type SenderTokens struct {
	Items []KnownSender `json:"items"`
}

// KnownSender is a token that was given, without the token.
type KnownSender struct {
	ID        string     `json:"id"`
	Services  []string   `json:"services" nullable:"false" doc:"* is any"`
	IssuedAt  time.Time  `json:"issued_at"`
	IssuedBy  string     `json:"issued_by" doc:"user id"`
	ExpiresAt time.Time  `json:"expires_at"`
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
	RevokedBy string     `json:"revoked_by,omitempty" doc:"user id"`
}

type sendersOutput struct{ Body SenderTokens }

type senderPath struct {
	ID string `path:"id" maxLength:"64"`
}

func (h handlers) mountSenders(api *web.API) {
	revoke := operation("revoke-sender-token", http.MethodDelete, "/sender-tokens/{id}", "Take a sender's token back; receivers know of it within half a minute")
	revoke.DefaultStatus = http.StatusNoContent
	web.Register(api, operation("list-sender-tokens", http.MethodGet, "/sender-tokens", "List the senders' tokens that were given, those that hold longest first"), access.Has(access.Admin), h.listSenders)
	web.Register(api, revoke, access.Has(access.Admin), h.revokeSender)
	op := operation("issue-sender-token", http.MethodPost, "/sender-tokens", "Get a token with which a program sends log records (OTLP)")
	op.DefaultStatus = http.StatusCreated
	web.Register(api, op, access.Has(access.Admin), h.issueSender)
}

// issueSender signs a token that may send as the named services, and do nothing else. It stands for no user.
func (h handlers) issueSender(ctx context.Context, in *senderInput) (*senderOutput, error) {
	actor, err := administrator(ctx)
	if err != nil {
		return nil, err
	}
	grant, err := senderGrant(in.Body.Services)
	if err != nil {
		return nil, err
	}
	ttl, err := senderTTL(in.Body.TTL)
	if err != nil {
		return nil, err
	}
	if !account.Covers(actor, []access.Grant{grant}) {
		return nil, problem.New(problem.Forbidden, "nobody grants more than he holds: you are not admin for these services")
	}
	name := "sender:" + strings.Join(in.Body.Services, ",")
	now := time.Now()
	kept := account.SenderToken{ID: strings.ToLower(rand.Text()), Grant: grant, IssuedAt: now, IssuedBy: actor.Subject, ExpiresAt: now.Add(ttl)}
	if err := h.Senders.AddSender(ctx, kept); err != nil {
		return nil, err
	}
	token, err := h.Signer.Sign(access.Principal{Subject: kept.Subject(), Name: name, Grants: []access.Grant{grant}}, ttl)
	if err != nil {
		return nil, err
	}
	h.Trail.Record(ctx, audit.Entry{Action: "sender-token.issue", Outcome: audit.Done, Actor: actor.Subject, Detail: name + " until " + kept.ExpiresAt.UTC().Format(time.RFC3339) + ", " + kept.ID})
	return &senderOutput{CacheControl: "no-store", Body: SenderToken{ID: kept.ID, Token: token, Services: in.Body.Services, ExpiresAt: kept.ExpiresAt.UTC().Truncate(time.Second)}}, nil
}

// listSenders shows those that the caller could have given.
func (h handlers) listSenders(ctx context.Context, _ *struct{}) (*sendersOutput, error) {
	actor, err := administrator(ctx)
	if err != nil {
		return nil, err
	}
	all, err := h.Senders.Senders(ctx)
	if err != nil {
		return nil, err
	}
	out := &sendersOutput{Body: SenderTokens{Items: []KnownSender{}}}
	for _, t := range all {
		if account.Covers(actor, []access.Grant{t.Grant}) {
			out.Body.Items = append(out.Body.Items, known(t))
		}
	}
	return out, nil
}

func known(t account.SenderToken) KnownSender {
	services := t.Grant.Services
	if services == nil {
		services = []string{"*"}
	}
	k := KnownSender{ID: t.ID, Services: services, IssuedAt: t.IssuedAt.UTC(), IssuedBy: t.IssuedBy, ExpiresAt: t.ExpiresAt.UTC(), RevokedBy: t.RevokedBy}
	if t.RevokedAt != nil {
		at := t.RevokedAt.UTC()
		k.RevokedAt = &at
	}
	return k
}

// revokeSender may be called again: what was revoked stays so.
func (h handlers) revokeSender(ctx context.Context, in *senderPath) (*struct{}, error) {
	actor, err := administrator(ctx)
	if err != nil {
		return nil, err
	}
	t, err := h.Senders.Sender(ctx, in.ID)
	if err != nil {
		return nil, err
	}
	if !account.Covers(actor, []access.Grant{t.Grant}) {
		return nil, problem.New(problem.Forbidden, "nobody takes back what he could not grant: you are not admin for its services")
	}
	if err := h.Senders.RevokeSender(ctx, t.ID, actor.Subject, time.Now()); err != nil {
		return nil, err
	}
	h.Trail.Record(ctx, audit.Entry{Action: "sender-token.revoke", Outcome: audit.Done, Actor: actor.Subject, Detail: t.ID + " of " + strings.Join(known(t).Services, ",")})
	return nil, nil
}

// senderGrant takes any name that a foreign service may have, which is more than the mesh's own have.
func senderGrant(services []string) (access.Grant, error) {
	g := access.Grant{Role: access.Sender}
	if len(services) == 1 && services[0] == "*" {
		return g, nil
	}
	size := 0
	for _, s := range services {
		size += len(s)
		if s == "" || len(s) > maxSenderName || !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl) || s == "*" {
			return g, badField("/services", "must be names of at most 128 bytes, or * alone")
		}
	}
	if size > 1024 {
		return g, badField("/services", "are too long together; ask for several tokens")
	}
	g.Services = slices.Clone(services)
	return g, nil
}

func senderTTL(text string) (time.Duration, error) {
	if text == "" {
		return defaultSenderTTL, nil
	}
	ttl, err := time.ParseDuration(text)
	if err != nil || ttl < time.Minute || ttl > longestSenderTTL {
		return 0, badField("/ttl", "must be a duration such as 720h, at least 1m and at most 9600h")
	}
	return ttl, nil
}

func badField(name, detail string) error {
	return &problem.Error{Code: problem.Invalid, Detail: "the request is not acceptable", Fields: []problem.Field{{Name: name, Detail: detail}}}
}
