package servicetoken

import (
	"crypto/ecdh"
	"crypto/ed25519"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strings"
	"sync"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/generations"
)

// Asker is a process that asks many instances at once, and has their answers made for it alone: each is authenticated by a
// secret of the two, which either makes of its own private key and the other's public one (X25519). Its key lives as long
// as it does. Whoever asks must sign Key with the question, or somebody else could have it answered to him.
// Safe for concurrent use.
type Asker struct {
	bundle *Bundle
	key    *ecdh.PrivateKey

	mu      sync.Mutex
	secrets generations.Cache[string, []byte] // by a service's public key
}

// macLabel tells this use of a secret from all others.
const macLabel = "signalbox answer, HMAC-SHA256"

// maxSecrets bounds what is remembered of either side, twice; more are made anew.
const maxSecrets = 128

// NewAsker makes an asker that believes the services of the bundle.
func NewAsker(b *Bundle) (*Asker, error) {
	key, err := ecdh.X25519().GenerateKey(rand.Reader)
	if err != nil {
		return nil, fmt.Errorf("make a key to be answered by: %w", err)
	}
	return &Asker{bundle: b, key: key}, nil
}

// Key is the public key, for Signer.Answer.
func (a *Asker) Key() string { return encode(a.key.PublicKey().Bytes()) }

// Open returns the payload of an answer that the service has made for this asker. It asks nobody.
func (a *Asker) Open(answer, service string) ([]byte, error) {
	said, mac, ok := strings.Cut(answer, ".")
	if !ok || len(answer) > maxToken {
		return nil, fmt.Errorf("%w: it is no answer", ErrRefused)
	}
	got, err := base64.RawURLEncoding.Strict().DecodeString(mac)
	if err != nil {
		return nil, fmt.Errorf("%w: it is no answer", ErrRefused)
	}
	for _, k := range a.bundle.of(service) {
		if secret, err := a.secret(service, k); err == nil && hmac.Equal(got, sum(secret, said)) {
			return base64.RawURLEncoding.Strict().DecodeString(said)
		}
	}
	return nil, fmt.Errorf("%w: it is not by the service, or not for us", ErrRefused)
}

func (a *Asker) secret(service string, of ed25519.PublicKey) ([]byte, error) {
	name := service + " " + string(of)
	a.mu.Lock()
	defer a.mu.Unlock()
	if s, ok := a.secrets.Use(name, maxSecrets); ok {
		return s, nil
	}
	theirs, err := montgomery(of)
	if err != nil {
		return nil, err
	}
	s, err := agreed(a.key, theirs, service, a.key.PublicKey(), theirs)
	if err == nil {
		a.secrets.Put(name, s, maxSecrets)
	}
	return s, err
}

// Answer makes an answer that nobody but the asker with the key can verify, or else have made.
func (s *Signer) Answer(payload []byte, key string) (string, error) {
	secret, err := s.secret(key)
	if err != nil {
		return "", fmt.Errorf("answer: %w", err)
	}
	said := encode(payload)
	return said + "." + encode(sum(secret, said)), nil
}

func (s *Signer) secret(key string) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if known, ok := s.secrets.Use(key, maxSecrets); ok {
		return known, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(key)
	if err != nil {
		return nil, fmt.Errorf("the asker's key: %w", err)
	}
	theirs, err := ecdh.X25519().NewPublicKey(raw)
	if err != nil {
		return nil, fmt.Errorf("the asker's key: %w", err)
	}
	own, err := exchangeKey(s.key)
	if err != nil {
		return nil, err
	}
	secret, err := agreed(own, theirs, s.service, theirs, own.PublicKey())
	if err == nil {
		s.secrets.Put(key, secret, maxSecrets)
	}
	return secret, err
}

// agreed is the secret of an asker and a service; both sides name both.
func agreed(own *ecdh.PrivateKey, theirs *ecdh.PublicKey, service string, asker, answering *ecdh.PublicKey) ([]byte, error) {
	shared, err := own.ECDH(theirs) // refuses the points that would make it known to all
	if err != nil {
		return nil, fmt.Errorf("agree on a secret with %s: %w", service, err)
	}
	about := macLabel + "\x00" + service + "\x00" + string(asker.Bytes()) + string(answering.Bytes())
	return hkdf.Key(sha256.New, shared, nil, about, sha256.Size)
}

func sum(secret []byte, said string) []byte {
	h := hmac.New(sha256.New, secret)
	h.Write([]byte(said))
	return h.Sum(nil)
}

func encode(raw []byte) string { return base64.RawURLEncoding.EncodeToString(raw) }
