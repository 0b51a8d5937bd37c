// Package keyring holds the keys of user tokens: the one that signs, and those that only verify
// because tokens which they signed may still be about.
//
// Rotation: make a new signing key, name the old file in SIGNALBOX_IDENTITY_PREVIOUS_KEY_FILES,
// restart; drop the old one when the longest-lived token that it signed has expired.
package keyring

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/usertoken"
)

// Keyring is immutable and safe for concurrent use.
type Keyring struct {
	signing jose.JSONWebKey
	public  jose.JSONWebKeySet
}

// Open reads the signing key and the previous ones. A signing file that does not exist is made, with a
// fresh key, when generate allows it.
func Open(signing string, generate bool, previous []string) (*Keyring, error) {
	key, err := openSigning(signing, generate)
	if err != nil {
		return nil, fmt.Errorf("signing key: %w", err)
	}
	k := &Keyring{signing: key, public: usertoken.Public(key)}
	for _, path := range previous {
		old, err := readPublic(path)
		if err != nil {
			return nil, fmt.Errorf("previous key: %w", err)
		}
		if len(k.public.Key(old.KeyID)) == 0 {
			k.public.Keys = append(k.public.Keys, old)
		}
	}
	return k, nil
}

// Sign makes a user token for p that holds for ttl.
func (k *Keyring) Sign(p access.Principal, ttl time.Duration) (string, error) {
	return usertoken.Sign(k.signing, p, ttl)
}

// Public is the JWKS that verifies what this ring signed, the signing key's first.
func (k *Keyring) Public() jose.JSONWebKeySet {
	return jose.JSONWebKeySet{Keys: append([]jose.JSONWebKey(nil), k.public.Keys...)}
}

// JWKS is Public as JSON (RFC 7517).
func (k *Keyring) JWKS() ([]byte, error) {
	b, err := json.Marshal(k.public)
	if err != nil {
		return nil, fmt.Errorf("encode public keys: %w", err)
	}
	return b, nil
}

// Verifier checks user tokens with the ring itself; it asks nobody.
func (k *Keyring) Verifier() *usertoken.Verifier {
	return usertoken.New(usertoken.Settings{
		Keys: func(context.Context) (jose.JSONWebKeySet, error) { return k.Public(), nil },
	})
}
