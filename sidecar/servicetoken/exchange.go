package servicetoken

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/sha512"
	"errors"
	"fmt"
	"math/big"
	"slices"
)

// A service's Ed25519 key is a point on a curve that Curve25519 is another form of, so that it can agree on a secret, too
// (RFC 7748, section 4.1); the bundle needs no second key of each service.

var errNoPoint = errors.New("the public key is no point to agree with")

// exchangeKey is the X25519 form of a private key: the scalar that Ed25519 makes of its seed (RFC 8032, section 5.1.5).
func exchangeKey(k ed25519.PrivateKey) (*ecdh.PrivateKey, error) {
	h := sha512.Sum512(k.Seed())
	key, err := ecdh.X25519().NewPrivateKey(h[:32])
	if err != nil {
		return nil, fmt.Errorf("make the key of an exchange: %w", err)
	}
	return key, nil
}

// montgomery is the X25519 form of a public key, u = (1 + y) / (1 - y); it is public, so that the time which this takes
// may tell it.
func montgomery(k ed25519.PublicKey) (*ecdh.PublicKey, error) {
	p := new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	raw := slices.Clone(k)
	slices.Reverse(raw)
	raw[0] &= 0x7f // the sign of x
	y, one := new(big.Int).SetBytes(raw), big.NewInt(1)
	below := new(big.Int).Mod(new(big.Int).Sub(one, y), p)
	if y.Cmp(p) >= 0 || below.Sign() == 0 {
		return nil, errNoPoint
	}
	u := new(big.Int).Add(one, y)
	u.Mul(u, below.ModInverse(below, p)).Mod(u, p)
	out := u.FillBytes(make([]byte, 32))
	slices.Reverse(out)
	return ecdh.X25519().NewPublicKey(out)
}
