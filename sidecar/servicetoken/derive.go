package servicetoken

import (
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
)

// Derive makes a key for one purpose from the service's own (HKDF-SHA256), for signatures that strangers verify: what is
// signed with it can never be taken for one of the service's tokens, messages or grants. All instances with the same key
// file derive the same.
func (s *Signer) Derive(purpose string) (ed25519.PrivateKey, error) {
	seed, err := hkdf.Key(sha256.New, s.key.Seed(), nil, "signalbox derived key: "+purpose, ed25519.SeedSize)
	if err != nil {
		return nil, fmt.Errorf("derive a key of %s: %w", s.service, err)
	}
	return ed25519.NewKeyFromSeed(seed), nil
}
