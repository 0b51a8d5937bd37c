// Package usertoken is the user's token: a JWT signed with Ed25519 (EdDSA and nothing else), made by
// identity with Sign and checked by every service itself with a Verifier.
package usertoken

import (
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

// What every token says and every verifier insists on.
const (
	Issuer   = "signalbox"
	Audience = "signalbox"
	Leeway   = 30 * time.Second // of clocks that differ
	MaxBytes = 8 << 10          // a longer token is refused unread
)

type claims struct {
	jwt.Claims
	Name   string         `json:"name"`
	Grants []access.Grant `json:"grants"`
	Tenant string         `json:"tenant,omitempty"`
}

// from is when they begin to hold.
func (c claims) from() (from time.Time) {
	for _, t := range []*jwt.NumericDate{c.IssuedAt, c.NotBefore} {
		if t != nil && t.Time().After(from) {
			from = t.Time()
		}
	}
	return from.Add(-Leeway)
}

// Sign makes a token for p that holds for ttl. key is a private Ed25519 key with its KeyID.
func Sign(key jose.JSONWebKey, p access.Principal, ttl time.Duration) (string, error) {
	if p.Subject == "" || ttl <= 0 {
		return "", errors.New("sign user token: it needs a subject and a time to live")
	}
	if err := private(key); err != nil {
		return "", fmt.Errorf("sign user token: %w", err)
	}
	opts := (&jose.SignerOptions{}).WithType("JWT")
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, opts)
	if err != nil {
		return "", fmt.Errorf("sign user token: %w", err)
	}
	return jwt.Signed(signer).Claims(claimsOf(p, ttl)).Serialize()
}

func claimsOf(p access.Principal, ttl time.Duration) claims {
	now := time.Now()
	return claims{
		Claims: jwt.Claims{
			Issuer:    Issuer,
			Subject:   p.Subject,
			Audience:  jwt.Audience{Audience},
			IssuedAt:  jwt.NewNumericDate(now),
			NotBefore: jwt.NewNumericDate(now),
			Expiry:    jwt.NewNumericDate(now.Add(ttl)),
			ID:        rand.Text(),
		},
		Name:   p.Name,
		Grants: p.Grants,
		Tenant: p.Tenant,
	}
}

// NewKey makes a signing key; its KeyID is its RFC 7638 thumbprint.
func NewKey() (jose.JSONWebKey, error) {
	_, priv, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("make signing key: %w", err)
	}
	return Key(priv)
}

// Key is priv as a JWK for Sign.
func Key(priv ed25519.PrivateKey) (jose.JSONWebKey, error) {
	key := jose.JSONWebKey{Key: priv, Algorithm: string(jose.EdDSA), Use: "sig"}
	pub := key.Public()
	sum, err := pub.Thumbprint(crypto.SHA256)
	if err != nil {
		return jose.JSONWebKey{}, fmt.Errorf("name signing key: %w", err)
	}
	key.KeyID = base64.RawURLEncoding.EncodeToString(sum)
	return key, nil
}

// Public is the set that verifies what the given private keys sign.
func Public(keys ...jose.JSONWebKey) jose.JSONWebKeySet {
	var set jose.JSONWebKeySet
	for _, k := range keys {
		set.Keys = append(set.Keys, k.Public())
	}
	return set
}

func private(key jose.JSONWebKey) error {
	if _, ok := key.Key.(ed25519.PrivateKey); !ok {
		return errors.New("key is not an Ed25519 private key")
	}
	if key.KeyID == "" {
		return errors.New("key has no id")
	}
	return nil
}
