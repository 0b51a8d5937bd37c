package servicetoken

import (
	"crypto/ed25519"
	"fmt"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/generations"
)

const (
	lifetime = 5 * time.Minute
	renewal  = time.Minute // a token is not given out in its last minute

	tokenType   = "signalbox-service+jwt"
	messageType = "signalbox-message"
)

// Signer signs for one service. Safe for concurrent use.
type Signer struct {
	service  string
	key      ed25519.PrivateKey
	tokens   jose.Signer
	messages jose.Signer
	grants   jose.Signer

	mu    sync.Mutex
	cache map[string]token // by audience

	secrets generations.Cache[string, []byte] // by the key of an asker; under mu
}

type token struct {
	text    string
	expires time.Time // by the wall clock, as whoever verifies it reads it
}

// good says whether the token may still be given out. The wall clock can have been set, and stands nowhere near
// where the token was made after a machine has slept: one that lives longer than any is from the future.
func (t token) good(now time.Time) bool {
	left := t.expires.Sub(now)
	return left > renewal && left <= lifetime
}

// NewSigner makes the signer of a service.
func NewSigner(service string, key ed25519.PrivateKey) (*Signer, error) {
	if service == "" || len(key) != ed25519.PrivateKeySize {
		return nil, fmt.Errorf("signer of service %q: a name and an Ed25519 key are needed", service)
	}
	tokens, err := newSigner(service, key, tokenType)
	if err != nil {
		return nil, err
	}
	messages, err := newSigner(service, key, messageType)
	if err != nil {
		return nil, err
	}
	grants, err := newSigner(service, key, grantType)
	if err != nil {
		return nil, err
	}
	return &Signer{service: service, key: key, tokens: tokens, messages: messages, grants: grants, cache: map[string]token{}}, nil
}

func newSigner(service string, key ed25519.PrivateKey, kind string) (jose.Signer, error) {
	opts := (&jose.SignerOptions{}).WithType(jose.ContentType(kind))
	s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: jose.JSONWebKey{Key: key, KeyID: service}}, opts)
	if err != nil {
		return nil, fmt.Errorf("signer of service %q: %w", service, err)
	}
	return s, nil
}

// Service that it signs for.
func (s *Signer) Service() string { return s.service }

// Token for calls to the service audience, with more than a minute left.
func (s *Signer) Token(audience string) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := time.Now().Round(0) // without the monotonic clock, which stands still while a machine sleeps
	if t, ok := s.cache[audience]; ok && t.good(now) {
		return t.text, nil
	}
	expires := now.Add(lifetime)
	text, err := jwt.Signed(s.tokens).Claims(jwt.Claims{
		Issuer: s.service, Subject: s.service, Audience: jwt.Audience{audience},
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(expires),
	}).Serialize()
	if err != nil {
		return "", fmt.Errorf("sign a token for %q: %w", audience, err)
	}
	s.cache[audience] = token{text: text, expires: expires}
	return text, nil
}

// SignMessage wraps the payload into a compact JWS.
func (s *Signer) SignMessage(payload []byte) (string, error) {
	signed, err := s.messages.Sign(payload)
	if err != nil {
		return "", fmt.Errorf("sign a message: %w", err)
	}
	return signed.CompactSerialize()
}
