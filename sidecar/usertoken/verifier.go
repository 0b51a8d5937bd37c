package usertoken

import (
	"cmp"
	"context"
	"crypto/ed25519"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/internal/generations"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Settings of a Verifier.
type Settings struct {
	// Keys fetches the public keys, from identity's private port. It is called at the first token, on
	// an unknown key id and when the keys are older than MaxAge; never twice at a time.
	Keys   func(ctx context.Context) (jose.JSONWebKeySet, error)
	MaxAge time.Duration // 0: 5 min
	Gap    time.Duration // shortest time between two fetches; 0: 1 s
	Limit  time.Duration // of one fetch; 0: 2 s
}

// Bounds of what is remembered.
const (
	maxSeen      = 4096    // tokens, and as many again of the generation before
	maxSeenBytes = 2 << 10 // of one
)

// Verifier checks user tokens; it implements access.Verifier and is safe for concurrent use. It needs
// identity once: from then on it works with the keys that it has.
//
// It remembers tokens whose signature was verified, so that a caller's next request costs a look-up: verifying costs more
// than most handlers. What is believed is still asked for its times at each use, and for its key: one that has been
// withdrawn is not found any more, and one that was replaced under its id is another. Forged tokens are not kept.
type Verifier struct {
	keys keys
	seen generations.Shared[string, *verified]
}

// verified is whom a token speaks for. It is not changed.
type verified struct {
	principal access.Principal
	from      time.Time // to its Until
	kid       string
	key       ed25519.PublicKey
}

var _ access.Verifier = (*Verifier)(nil)

// New makes a Verifier; it fetches nothing yet.
func New(s Settings) *Verifier {
	return &Verifier{keys: keys{
		fetch:  s.Keys,
		maxAge: cmp.Or(s.MaxAge, 5*time.Minute),
		gap:    cmp.Or(s.Gap, time.Second),
		limit:  cmp.Or(s.Limit, 2*time.Second),
	}}
}

// Verify returns who the token speaks for. Errors are *problem.Error: unauthorized for any token that
// does not hold, unavailable while no key could be fetched yet. The token itself is in no error.
func (v *Verifier) Verify(ctx context.Context, token string) (access.Principal, error) {
	if len(token) > MaxBytes {
		return access.Principal{}, refused("the token is too long", nil)
	}
	if known := v.known(ctx, token); known != nil {
		return known.principal, nil
	}
	parsed, err := jwt.ParseSigned(token, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || len(parsed.Headers) != 1 {
		return access.Principal{}, refused("the token is not a signed JWT of ours", nil)
	}
	kid := parsed.Headers[0].KeyID
	key, err := v.keys.find(ctx, kid)
	if err != nil {
		return access.Principal{}, problem.Wrap(problem.Unavailable, "tokens cannot be checked just now; try again", fmt.Errorf("fetch user token keys: %w", err))
	}
	if key == nil {
		return access.Principal{}, refused("the token's signing key is not known", nil)
	}
	var c claims
	if err := parsed.Claims(key, &c); err != nil {
		return access.Principal{}, refused("the token's signature does not hold", err)
	}
	p, err := principal(c)
	if err == nil && len(token) <= maxSeenBytes {
		v.seen.Put(token, &verified{principal: p, from: c.from(), kid: kid, key: key}, maxSeen)
	}
	return p, err
}

// known is a token that was verified before, by a key that is still believed, and whose time it is.
func (v *Verifier) known(ctx context.Context, token string) *verified {
	known, ok := v.seen.Use(token, maxSeen)
	if now := time.Now(); !ok || now.Before(known.from) || now.After(known.principal.Until) {
		return nil
	}
	if key, err := v.keys.find(ctx, known.kid); err != nil || !key.Equal(known.key) {
		return nil
	}
	return known
}

func principal(c claims) (access.Principal, error) {
	want := jwt.Expected{Issuer: Issuer, AnyAudience: jwt.Audience{Audience}, Time: time.Now()}
	if err := c.ValidateWithLeeway(want, Leeway); err != nil {
		return access.Principal{}, refused(reason(err), err)
	}
	if c.Expiry == nil || c.Subject == "" {
		return access.Principal{}, refused("the token lacks a subject or an expiry", nil)
	}
	return access.Principal{Subject: c.Subject, Name: c.Name, Grants: c.Grants, Tenant: c.Tenant, Until: c.Expiry.Time().Add(Leeway)}, nil
}

func reason(err error) string {
	switch {
	case errors.Is(err, jwt.ErrExpired):
		return "the token has expired"
	case errors.Is(err, jwt.ErrNotValidYet), errors.Is(err, jwt.ErrIssuedInTheFuture):
		return "the token is not valid yet"
	default:
		return "the token is for somebody else"
	}
}

func refused(detail string, err error) error {
	return problem.Wrap(problem.Unauthorized, detail, err)
}
