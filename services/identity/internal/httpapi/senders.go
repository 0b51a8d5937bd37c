package httpapi

import (
	"context"
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

// SenderToken lets a program that is no service of the mesh send log records.
type SenderToken struct {
	Token     string    `json:"token" doc:"For Authorization: Bearer. It is kept nowhere, and cannot be taken back but by a new signing key"`
	Services  []string  `json:"services" nullable:"false"`
	ExpiresAt time.Time `json:"expires_at"`
}

func (h handlers) mountSenders(api *web.API) {
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
	expires := time.Now().Add(ttl)
	token, err := h.Signer.Sign(access.Principal{Subject: name, Name: name, Grants: []access.Grant{grant}}, ttl)
	if err != nil {
		return nil, err
	}
	h.Trail.Record(ctx, audit.Entry{Action: "sender-token.issue", Outcome: audit.Done, Actor: actor.Subject, Detail: name + " until " + expires.UTC().Format(time.RFC3339)})
	return &senderOutput{CacheControl: "no-store", Body: SenderToken{Token: token, Services: in.Body.Services, ExpiresAt: expires.UTC().Truncate(time.Second)}}, nil
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
