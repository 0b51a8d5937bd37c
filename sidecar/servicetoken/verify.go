package servicetoken

import (
	"bytes"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
)

// ErrRefused is wrapped by every error of Verify and VerifyMessage.
var ErrRefused = errors.New("refused")

const (
	maxToken   = 4 << 10
	maxMessage = 1 << 20
	leeway     = 30 * time.Second // between the clocks of two machines
)

// maxTokens bounds what is remembered, twice: a token for each caller, and its successor, of a large mesh.
const maxTokens = 256

// verified is a token whose signature was found right by the keys of its service at that time. It is not changed.
type verified struct {
	kid    string
	claims jwt.Claims
	keys   []ed25519.PublicKey
}

// Verify checks a service token for the service audience, and returns who sent it. It asks nobody. A caller shows one
// token for minutes: its signature is looked at once, its claims and the keys in force every time.
func (b *Bundle) Verify(text, audience string) (service string, err error) {
	if len(text) > maxToken {
		return "", fmt.Errorf("%w: a service token is not that long", ErrRefused)
	}
	t, known := b.tokens.Use(text, maxTokens)
	if known = known && sameKeys(t.keys, b.of(t.kid)); !known {
		if t, err = b.token(text); err != nil {
			return "", err
		}
	}
	if err := checkClaims(t.claims, t.kid, audience, time.Now()); err != nil {
		return "", err
	}
	if !known {
		b.tokens.Put(text, t, maxTokens)
	}
	return t.kid, nil
}

// token verifies a signature; what it says is not judged yet.
func (b *Bundle) token(text string) (*verified, error) {
	payload, kid, keys, err := b.look(text, tokenType)
	if err != nil {
		return nil, err
	}
	t := &verified{kid: kid, keys: keys}
	if err := json.Unmarshal(payload, &t.claims); err != nil {
		return nil, fmt.Errorf("%w: its claims cannot be read", ErrRefused)
	}
	return t, nil
}

func checkClaims(c jwt.Claims, kid, audience string, now time.Time) error {
	switch {
	case c.Issuer != kid || c.Subject != kid:
		return fmt.Errorf("%w: it speaks for another service than its key", ErrRefused)
	case len(c.Audience) != 1 || c.Audience[0] != audience:
		return fmt.Errorf("%w: it is for another service", ErrRefused)
	case c.Expiry == nil || c.IssuedAt == nil:
		return fmt.Errorf("%w: it has no bound in time", ErrRefused)
	case c.Expiry.Time().Sub(c.IssuedAt.Time()) > lifetime+time.Second:
		return fmt.Errorf("%w: it lives longer than five minutes", ErrRefused)
	case now.After(c.Expiry.Time().Add(leeway)):
		return fmt.Errorf("%w: it has expired", ErrRefused)
	case c.IssuedAt.Time().After(now.Add(leeway)):
		return fmt.Errorf("%w: it is from the future (check the clocks)", ErrRefused)
	case c.NotBefore != nil && c.NotBefore.Time().After(now.Add(leeway)):
		return fmt.Errorf("%w: it is not valid yet", ErrRefused)
	}
	return nil
}

// VerifyMessage returns the payload of a message that the service signer has signed. Where several ask for one message
// at once, as the sidecars of one process do that share the bundle, it is looked at once.
func (b *Bundle) VerifyMessage(text, signer string) ([]byte, error) {
	if len(text) > maxMessage {
		return nil, fmt.Errorf("%w: a message is not that long", ErrRefused)
	}
	m, err := b.message(text)
	if err != nil {
		return nil, err
	}
	if m.kid != signer {
		return nil, fmt.Errorf("%w: it is signed by another service", ErrRefused)
	}
	return bytes.Clone(m.payload), nil
}

// open verifies a compact JWS of the kind by a key of the bundle. EdDSA is the one algorithm there is.
func (b *Bundle) open(text, kind string) (payload []byte, kid string, err error) {
	payload, kid, _, err = b.look(text, kind)
	return payload, kid, err
}

// look returns besides the keys of its service, one of which has verified it.
func (b *Bundle) look(text, kind string) (payload []byte, kid string, keys []ed25519.PublicKey, err error) {
	signed, err := jose.ParseSignedCompact(text, []jose.SignatureAlgorithm{jose.EdDSA})
	if err != nil || len(signed.Signatures) != 1 {
		return nil, "", nil, fmt.Errorf("%w: it is no signed token", ErrRefused)
	}
	header := signed.Signatures[0].Protected
	if t, _ := header.ExtraHeaders[jose.HeaderType].(string); t != kind {
		return nil, "", nil, fmt.Errorf("%w: it is of another kind", ErrRefused)
	}
	if keys = b.of(header.KeyID); len(keys) == 0 {
		return nil, "", nil, fmt.Errorf("%w: its service is not in the trust bundle", ErrRefused)
	}
	payload, err = verifyAny(signed, keys)
	return payload, header.KeyID, keys, err
}

func verifyAny(signed *jose.JSONWebSignature, keys []ed25519.PublicKey) ([]byte, error) {
	for _, k := range keys {
		if payload, err := signed.Verify(k); err == nil {
			return payload, nil
		}
	}
	return nil, fmt.Errorf("%w: its signature is wrong", ErrRefused)
}
