package servicetoken_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

func key(t testing.TB) ed25519.PrivateKey {
	t.Helper()
	k, err := servicetoken.GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func public(k ed25519.PrivateKey) ed25519.PublicKey { return k.Public().(ed25519.PublicKey) }

func pair(t testing.TB, service string) (*servicetoken.Signer, *servicetoken.Bundle, ed25519.PrivateKey) {
	t.Helper()
	k := key(t)
	s, err := servicetoken.NewSigner(service, k)
	if err != nil {
		t.Fatal(err)
	}
	return s, servicetoken.NewBundle(servicetoken.Keys{service: {public(k)}, "identity": {public(key(t))}}), k
}

func TestVerifyTellsTheCaller(t *testing.T) {
	s, b, _ := pair(t, "catalogs")
	text, err := s.Token("view-service")
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.Verify(text, "view-service"); got != "catalogs" || err != nil {
		t.Errorf("got %q, %v", got, err)
	}
}

// sign makes a compact JWS with any header and claims.
func sign(k ed25519.PrivateKey, header, claims map[string]any) string {
	part := func(v any) string {
		text, _ := json.Marshal(v)
		return base64.RawURLEncoding.EncodeToString(text)
	}
	signed := part(header) + "." + part(claims)
	return signed + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(k, []byte(signed)))
}

func TestVerifyRefuses(t *testing.T) {
	s, b, k := pair(t, "catalogs")
	now := time.Now().Unix()
	header := func(change ...any) map[string]any {
		return with(map[string]any{"alg": "EdDSA", "kid": "catalogs", "typ": "signalbox-service+jwt"}, change...)
	}
	claims := func(change ...any) map[string]any {
		return with(map[string]any{"iss": "catalogs", "sub": "catalogs", "aud": "gateway", "iat": now, "exp": now + 300}, change...)
	}
	if _, err := b.Verify(sign(k, header(), claims()), "gateway"); err != nil {
		t.Fatalf("the pattern itself is refused: %v", err)
	}
	good, _ := s.Token("gateway")
	message, _ := s.SignMessage([]byte("{}"))
	for name, text := range map[string]string{
		"empty":              "",
		"words":              "not a token",
		"too long":           strings.Repeat("a", 5000),
		"cut":                good[:len(good)-2],
		"no signature":       good[:strings.LastIndex(good, ".")+1],
		"another audience":   sign(k, header(), claims("aud", "identity")),
		"two audiences":      sign(k, header(), claims("aud", []string{"gateway", "identity"})),
		"no audience":        sign(k, header(), claims("aud", nil)),
		"expired":            sign(k, header(), claims("iat", now-400, "exp", now-100)),
		"too long a life":    sign(k, header(), claims("exp", now+3600)),
		"no expiry":          sign(k, header(), claims("exp", nil)),
		"no issue time":      sign(k, header(), claims("iat", nil)),
		"from the future":    sign(k, header(), claims("iat", now+200, "exp", now+400)),
		"not yet":            sign(k, header(), claims("nbf", now+200)),
		"another's name":     sign(k, header(), claims("iss", "identity", "sub", "identity")),
		"another subject":    sign(k, header(), claims("sub", "up")),
		"another's kid":      sign(k, header("kid", "identity"), claims("iss", "identity", "sub", "identity")),
		"unknown kid":        sign(k, header("kid", "nobody"), claims("iss", "nobody", "sub", "nobody")),
		"no kid":             sign(k, header("kid", nil), claims()),
		"alg none":           sign(k, header("alg", "none"), claims()),
		"alg HS256":          hs256(public(k), claims()),
		"no type":            sign(k, header("typ", nil), claims()),
		"a message":          message,
		"claims of no shape": sign(k, header(), map[string]any{"exp": "soon"}),
		"critical extension": sign(k, header("crit", []string{"x"}, "x", 1), claims()),
	} {
		t.Run(name, func(t *testing.T) {
			if got, err := b.Verify(text, "gateway"); !errors.Is(err, servicetoken.ErrRefused) || got != "" {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func with(m map[string]any, change ...any) map[string]any {
	for i := 0; i < len(change); i += 2 {
		if change[i+1] == nil {
			delete(m, change[i].(string))
			continue
		}
		m[change[i].(string)] = change[i+1]
	}
	return m
}

// hs256 is the old trick: the public key used as the secret of a symmetric algorithm.
func hs256(k ed25519.PublicKey, claims map[string]any) string {
	header := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS256","kid":"catalogs","typ":"signalbox-service+jwt"}`))
	text, _ := json.Marshal(claims)
	signed := header + "." + base64.RawURLEncoding.EncodeToString(text)
	h := hmac.New(sha256.New, k)
	h.Write([]byte(signed))
	return signed + "." + base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

func TestTokenIsKeptUntilAMinuteBeforeItsEnd(t *testing.T) {
	s, b, _ := pair(t, "catalogs")
	synctest.Test(t, func(t *testing.T) {
		first, _ := s.Token("gateway")
		<-time.After(3*time.Minute + 50*time.Second)
		if again, _ := s.Token("gateway"); again != first {
			t.Error("signed again too early")
		}
		<-time.After(20 * time.Second)
		if again, _ := s.Token("gateway"); again == first {
			t.Error("given out in its last minute")
		}
		<-time.After(2 * time.Minute)
		if _, err := b.Verify(first, "gateway"); err == nil {
			t.Error("accepted after its end")
		}
	})
}

func TestMessages(t *testing.T) {
	s, b, _ := pair(t, "view-service")
	text, err := s.SignMessage([]byte(`{"revision":7}`))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := b.VerifyMessage(text, "view-service"); string(got) != `{"revision":7}` || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
	token, _ := s.Token("catalogs")
	other, _, _ := pair(t, "view-service") // same name, another key
	forged, _ := other.SignMessage([]byte(`{"revision":8}`))
	for name, m := range map[string]struct{ text, signer string }{
		"another signer": {text, "identity"}, "a token": {token, "view-service"},
		"a forged one": {forged, "view-service"}, "changed": {text[:len(text)-4] + "AAAA", "view-service"},
	} {
		if _, err := b.VerifyMessage(m.text, m.signer); !errors.Is(err, servicetoken.ErrRefused) {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestBundleFollowsItsFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "bundle.json")
	s, _, k := pair(t, "catalogs")
	text, _ := s.Token("gateway")
	write := func(keys servicetoken.Keys) {
		if err := servicetoken.WriteBundle(path, keys); err != nil {
			t.Fatal(err)
		}
	}
	write(servicetoken.Keys{"identity": {public(key(t))}})
	b, err := servicetoken.OpenBundle(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := b.Verify(text, "gateway"); err == nil {
		t.Fatal("accepted without a key")
	}
	write(servicetoken.Keys{"catalogs": {public(key(t)), public(k)}}) // a rotation: two keys
	eventually(t, func() bool { _, err := b.Verify(text, "gateway"); return err == nil })
	if err := os.WriteFile(path, []byte("{"), 0o644); err != nil {
		t.Fatal(err)
	}
	eventually(t, func() bool { return b.Err() != nil })
	if _, err := b.Verify(text, "gateway"); err != nil {
		t.Errorf("a broken file put the last good keys out of force: %v", err)
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); {
		if time.Now().After(deadline) {
			t.Fatal("it did not come true within 5 s")
		}
		<-time.After(50 * time.Millisecond)
	}
}

func TestOpenBundleRefuses(t *testing.T) {
	private := `{"keys":[{"kty":"OKP","crv":"Ed25519","kid":"a","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo","d":"nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"}]}`
	for name, text := range map[string]string{"no JSON": "x", "no keys": `{"keys":[]}`, "a private key": private,
		"no kid":   `{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}`,
		"a secret": `{"keys":[{"kty":"oct","kid":"a","k":"AAAA"}]}`} {
		path := filepath.Join(t.TempDir(), "bundle.json")
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		if _, err := servicetoken.OpenBundle(path); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestKeyFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "key.pem")
	made, err := servicetoken.LoadOrGenerateKey(path)
	if err != nil {
		t.Fatal(err)
	}
	if again, err := servicetoken.LoadOrGenerateKey(path); err != nil || !made.Equal(again) {
		t.Errorf("read back: %v", err)
	}
	if err := os.Chmod(path, 0o640); err != nil {
		t.Fatal(err)
	}
	if _, err := servicetoken.LoadKey(path); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a key that others may read: %v", err)
	}
	if err := os.WriteFile(path, []byte("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := servicetoken.LoadOrGenerateKey(path); err == nil {
		t.Error("a damaged key was accepted or replaced")
	}
}

// signed is what the signature covers; base64 leaves the last bits of the signature itself open.
func signed(text string) string { return text[:strings.LastIndex(text, ".")] }

func FuzzVerify(f *testing.F) {
	s, b, _ := pair(f, "catalogs")
	good, _ := s.Token("gateway")
	message, _ := s.SignMessage([]byte("{}"))
	f.Add(good)
	f.Add(message)
	f.Add("e30.e30.")
	f.Fuzz(func(t *testing.T, text string) {
		if got, err := b.Verify(text, "gateway"); err == nil && (got != "catalogs" || signed(text) != signed(good)) {
			t.Fatalf("accepted %q as %q", text, got)
		}
		if _, err := b.VerifyMessage(text, "catalogs"); err == nil && signed(text) != signed(message) {
			t.Fatalf("accepted %q as a message", text)
		}
	})
}
