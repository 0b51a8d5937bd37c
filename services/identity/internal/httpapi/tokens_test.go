package httpapi_test

import (
	"crypto/ed25519"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/usertoken"
)

func encode(part any) string {
	text, _ := json.Marshal(part)
	return base64.RawURLEncoding.EncodeToString(text)
}

// signed is a token with one claim changed (nil: left out), under the right key.
func (r *rig) signed(claims map[string]any, name string, value any) string {
	r.t.Helper()
	changed := maps.Clone(claims)
	changed[name] = value
	if value == nil {
		delete(changed, name)
	}
	content, err := os.ReadFile(r.key)
	check(r.t, err)
	block, _ := pem.Decode(content)
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	check(r.t, err)
	text := encode(map[string]any{"alg": "EdDSA", "kid": r.ring.Public().Keys[0].KeyID}) + "." + encode(changed)
	return text + "." + base64.RawURLEncoding.EncodeToString(ed25519.Sign(parsed.(ed25519.PrivateKey), []byte(text)))
}

// TestForgedTokens: none of these is believed, on a public route neither.
func TestForgedTokens(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	good := strings.Split(r.admin, ".")
	kid := r.ring.Public().Keys[0].KeyID
	public := r.ring.Public().Keys[0].Key.(ed25519.PublicKey)
	claims := map[string]any{"iss": "signalbox", "aud": "signalbox", "sub": "x", "name": "x", "exp": time.Now().Add(time.Hour).Unix(),
		"grants": []any{map[string]any{"role": "admin"}}}
	stranger, err := usertoken.NewKey()
	check(t, err)
	own := stranger
	stranger.KeyID = kid
	forged, err := usertoken.Sign(stranger, access.Principal{Subject: "x"}, time.Hour)
	check(t, err)
	unknown, err := usertoken.Sign(own, access.Principal{Subject: "x"}, time.Hour)
	check(t, err)
	hs := encode(map[string]any{"alg": "HS256", "kid": kid}) + "." + encode(claims)
	mac := hmac.New(sha256.New, public)
	mac.Write([]byte(hs))
	want(t, r.call("GET", "/jwks", r.signed(claims, "sub", "y"), nil), http.StatusOK, "") // the way of signing is right
	tokens := map[string]string{
		"no algorithm":        encode(map[string]any{"alg": "none"}) + "." + encode(claims) + ".",
		"none in other case":  encode(map[string]any{"alg": "nOnE", "kid": kid}) + "." + encode(claims) + ".",
		"public key as HMAC":  hs + "." + base64.RawURLEncoding.EncodeToString(mac.Sum(nil)),
		"other claims":        good[0] + "." + encode(claims) + "." + good[2],
		"no signature":        good[0] + "." + good[1] + ".",
		"another's signature": forged,
		"unknown key":         unknown,
		"expired":             r.signed(claims, "exp", time.Now().Add(-time.Minute).Unix()),
		"no expiry":           r.signed(claims, "exp", nil),
		"not yet":             r.signed(claims, "nbf", time.Now().Add(time.Hour).Unix()),
		"another's":           r.signed(claims, "aud", "elsewhere"),
		"from another":        r.signed(claims, "iss", "elsewhere"),
		"nobody's":            r.signed(claims, "sub", ""),
		"cut":                 r.admin[:len(r.admin)-4],
		"huge":                r.admin + strings.Repeat("A", 9000),
		"one part":            "hello",
		"jwk in the header":   encode(map[string]any{"alg": "EdDSA", "jwk": map[string]any{"kty": "OKP"}}) + "." + encode(claims) + "." + good[2],
		"crit":                encode(map[string]any{"alg": "EdDSA", "kid": kid, "crit": []string{"x"}, "x": 1}) + "." + good[1] + "." + good[2],
	}
	for name, token := range tokens {
		for _, path := range []string{"/me", "/jwks"} {
			if a := r.call("GET", path, token, nil); a.status != http.StatusUnauthorized || a.str("code") != "unauthorized" {
				t.Errorf("%s on %s: got %d %s", name, path, a.status, a.text)
			}
		}
	}
}

func TestJWKS(t *testing.T) {
	t.Parallel()
	r := newRig(t)
	a := r.call("GET", "/jwks", "", nil)
	want(t, a, http.StatusOK, "")
	if a.header.Get("Content-Type") != "application/jwk-set+json" || strings.Contains(a.text, `"d"`) || !strings.Contains(a.text, `"crv":"Ed25519"`) {
		t.Errorf("%v %s", a.header, a.text)
	}
}
