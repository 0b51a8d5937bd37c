package usertoken_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"
	"github.com/google/go-cmp/cmp"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/usertoken"
)

func ann() access.Principal {
	return access.Principal{Subject: "u-1", Name: "ann", Tenant: "acme", Grants: []access.Grant{{Role: access.Operator, Services: []string{"catalogs"}}}}
}

func newKey(t testing.TB) jose.JSONWebKey {
	t.Helper()
	key, err := usertoken.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return key
}

func sign(t testing.TB, key jose.JSONWebKey) string {
	t.Helper()
	token, err := usertoken.Sign(key, ann(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	return token
}

// identity is a source of keys that can be away and counts the fetches.
type identity struct {
	mu      sync.Mutex
	set     jose.JSONWebKeySet
	away    error
	fetches atomic.Int64
}

func (i *identity) Keys(context.Context) (jose.JSONWebKeySet, error) {
	i.fetches.Add(1)
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.set, i.away
}

func (i *identity) now(away error, keys ...jose.JSONWebKey) {
	i.mu.Lock()
	defer i.mu.Unlock()
	i.set, i.away = usertoken.Public(keys...), away
}

func TestSignAndVerify(t *testing.T) {
	t.Parallel()
	key, id := newKey(t), &identity{}
	id.now(nil, key)
	v := usertoken.New(usertoken.Settings{Keys: id.Keys})
	got, err := v.Verify(t.Context(), sign(t, key))
	if err != nil {
		t.Fatal(err)
	}
	if left := time.Until(got.Until); left < 0 || left > time.Minute+usertoken.Leeway {
		t.Errorf("a token of a minute holds for %s", left)
	}
	got.Until = time.Time{}
	if d := cmp.Diff(ann(), got); d != "" {
		t.Error(d)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	key, id := newKey(t), &identity{}
	id.now(nil, key)
	v := usertoken.New(usertoken.Settings{Keys: id.Keys})
	good := sign(t, key)
	for name, token := range forged(t, key, good) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p, err := v.Verify(t.Context(), token)
			if problem.CodeOf(err) != problem.Unauthorized {
				t.Errorf("verify says %v for %+v", err, p)
			}
			if err != nil && len(token) > 20 && strings.Contains(err.Error(), token) {
				t.Errorf("the token is in the error: %v", err)
			}
		})
	}
}

func forged(t *testing.T, key jose.JSONWebKey, good string) map[string]string {
	t.Helper()
	now := time.Now()
	std := func(change func(*jwt.Claims)) jwt.Claims {
		c := jwt.Claims{Issuer: "signalbox", Subject: "u-1", Audience: jwt.Audience{"signalbox"}, Expiry: jwt.NewNumericDate(now.Add(time.Minute))}
		change(&c)
		return c
	}
	other := newKey(t)
	other.KeyID = key.KeyID
	stranger := newKey(t)
	parts := strings.Split(good, ".")
	none := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"none","kid":"` + key.KeyID + `"}`))
	return map[string]string{
		"empty":             "",
		"noise":             "a.b.c",
		"too long":          good + strings.Repeat("x", usertoken.MaxBytes),
		"alg none":          none + "." + parts[1] + ".",
		"alg none, signed":  none + "." + parts[1] + "." + parts[2],
		"other payload":     parts[0] + "." + base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"root"}`)) + "." + parts[2],
		"other key, id":     sign(t, other),
		"unknown key":       sign(t, stranger),
		"HMAC of the key":   hmac(t, key, std(func(*jwt.Claims) {})),
		"ECDSA":             ec(t, key, std(func(*jwt.Claims) {})),
		"issuer":            raw(t, key, std(func(c *jwt.Claims) { c.Issuer = "catalogs" })),
		"audience":          raw(t, key, std(func(c *jwt.Claims) { c.Audience = jwt.Audience{"catalogs"} })),
		"no audience":       raw(t, key, std(func(c *jwt.Claims) { c.Audience = nil })),
		"no subject":        raw(t, key, std(func(c *jwt.Claims) { c.Subject = "" })),
		"no expiry":         raw(t, key, std(func(c *jwt.Claims) { c.Expiry = nil })),
		"expired":           raw(t, key, std(func(c *jwt.Claims) { c.Expiry = jwt.NewNumericDate(now.Add(-32 * time.Second)) })),
		"not yet":           raw(t, key, std(func(c *jwt.Claims) { c.NotBefore = jwt.NewNumericDate(now.Add(60 * time.Second)) })),
		"not an access JWT": raw(t, key, map[string]any{"iss": "signalbox", "aud": "signalbox", "sub": "u-1", "exp": now.Unix() + 60, "grants": "all"}),
	}
}

func raw(t *testing.T, key jose.JSONWebKey, payload any) string {
	t.Helper()
	return signed(t, jose.SigningKey{Algorithm: jose.EdDSA, Key: key}, payload, nil)
}

func hmac(t *testing.T, key jose.JSONWebKey, payload any) string {
	t.Helper()
	pub, err := key.Public().MarshalJSON()
	if err != nil {
		t.Fatal(err)
	}
	return signed(t, jose.SigningKey{Algorithm: jose.HS256, Key: pub}, payload, map[jose.HeaderKey]any{"kid": key.KeyID})
}

func ec(t *testing.T, key jose.JSONWebKey, payload any) string {
	t.Helper()
	priv, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return signed(t, jose.SigningKey{Algorithm: jose.ES256, Key: priv}, payload, map[jose.HeaderKey]any{"kid": key.KeyID})
}

func signed(t *testing.T, key jose.SigningKey, payload any, headers map[jose.HeaderKey]any) string {
	t.Helper()
	s, err := jose.NewSigner(key, &jose.SignerOptions{ExtraHeaders: headers})
	if err != nil {
		t.Fatal(err)
	}
	token, err := jwt.Signed(s).Claims(payload).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return token
}

func TestLeeway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key, id := newKey(t), &identity{}
		id.now(nil, key)
		v := usertoken.New(usertoken.Settings{Keys: id.Keys, MaxAge: time.Hour})
		token := sign(t, key) // for a minute
		advance(time.Minute + usertoken.Leeway - time.Second)
		if _, err := v.Verify(t.Context(), token); err != nil {
			t.Errorf("within the leeway: %v", err)
		}
		advance(2 * time.Second)
		if _, err := v.Verify(t.Context(), token); problem.CodeOf(err) != problem.Unauthorized {
			t.Errorf("after the leeway: %v", err)
		}
	})
}

func TestIdentityAway(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key, next, id := newKey(t), newKey(t), &identity{}
		id.now(errors.New("dial: refused"))
		v := usertoken.New(usertoken.Settings{Keys: id.Keys})
		verify := func(k jose.JSONWebKey) problem.Code {
			_, err := v.Verify(t.Context(), sign(t, k))
			if err == nil {
				return ""
			}
			return problem.CodeOf(err)
		}
		for range 100 {
			if c := verify(key); c != problem.Unavailable {
				t.Fatalf("never fetched: %q", c)
			}
		}
		if n := id.fetches.Load(); n != 1 {
			t.Errorf("%d fetches in one instant", n)
		}
		advance(2 * time.Second)
		id.now(nil, key)
		if c := verify(key); c != "" {
			t.Fatalf("keys are there: %q", c)
		}
		id.now(errors.New("dial: refused"))
		advance(30 * time.Second)
		if c := verify(key); c != "" {
			t.Errorf("identity went away: %q", c)
		}
		if c := verify(next); c != problem.Unauthorized {
			t.Errorf("unknown key while identity is away: %q", c)
		}
	})
}

func TestRotation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		old, next, id := newKey(t), newKey(t), &identity{}
		id.now(nil, old)
		v := usertoken.New(usertoken.Settings{Keys: id.Keys})
		check := func(k jose.JSONWebKey) error { _, err := v.Verify(t.Context(), sign(t, k)); return err }
		if err := check(old); err != nil {
			t.Fatal(err)
		}
		advance(2 * time.Second)
		id.now(nil, old, next)
		if err := check(next); err != nil {
			t.Errorf("new key: %v", err)
		}
		id.now(nil, next)
		advance(6 * time.Minute)
		_ = check(old) // starts the refresh, and is still let in
		synctest.Wait()
		if err := check(old); problem.CodeOf(err) != problem.Unauthorized {
			t.Errorf("withdrawn key: %v", err)
		}
	})
}

// An attacker who sends ever new key ids must not make the service hammer identity.
func TestUnknownKeysAreRateLimited(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		key, id := newKey(t), &identity{}
		id.now(nil, key)
		v := usertoken.New(usertoken.Settings{Keys: id.Keys})
		for range 50 {
			_, _ = v.Verify(t.Context(), sign(t, newKey(t)))
			advance(100 * time.Millisecond)
		}
		if n := id.fetches.Load(); n > 6 {
			t.Errorf("%d fetches in 5 s", n)
		}
	})
}

func TestSignRefuses(t *testing.T) {
	t.Parallel()
	key := newKey(t)
	nameless := key
	nameless.KeyID = ""
	for name, f := range map[string]func() (string, error){
		"no subject": func() (string, error) { return usertoken.Sign(key, access.Principal{}, time.Minute) },
		"no ttl":     func() (string, error) { return usertoken.Sign(key, ann(), 0) },
		"no id":      func() (string, error) { return usertoken.Sign(nameless, ann(), time.Minute) },
		"public key": func() (string, error) { return usertoken.Sign(key.Public(), ann(), time.Minute) },
	} {
		if _, err := f(); err == nil {
			t.Errorf("%s: signed", name)
		}
	}
}

// No text but one that Sign made is a token.
func FuzzVerify(f *testing.F) {
	key, id := newKey(f), &identity{}
	id.now(nil, key)
	v := usertoken.New(usertoken.Settings{Keys: id.Keys})
	good := sign(f, key)
	f.Add(good)
	f.Add("a.b.c")
	f.Add(strings.Replace(good, ".", "..", 1))
	f.Add(`{"payload":"e30","signatures":[{"protected":"e30","signature":""}]}`)
	f.Fuzz(func(t *testing.T, token string) {
		_, err := v.Verify(t.Context(), token)
		if err == nil && token != good {
			// base64 has spare bits at its end: the same signature can be written in more than one way.
			if len(token) != len(good) || token[:len(token)-1] != good[:len(good)-1] {
				t.Errorf("%q is taken for a token", token)
			}
		}
		if err != nil && problem.CodeOf(err) != problem.Unauthorized {
			t.Errorf("%q: %v", token, err)
		}
	})
}

// advance moves the clock of a synctest bubble; it does not wait for anything outside.
func advance(d time.Duration) { <-time.After(d) }
