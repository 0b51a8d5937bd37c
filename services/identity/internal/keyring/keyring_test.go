package keyring

import (
	"crypto/ed25519"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

func anna() access.Principal {
	return access.Principal{Subject: "u-1", Name: "anna", Grants: []access.Grant{{Role: access.Viewer}}}
}

func TestTokensVerify(t *testing.T) {
	t.Parallel()
	ring, err := Open(filepath.Join(t.TempDir(), "identity", "signing.pem"), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := ring.Sign(anna(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	p, err := ring.Verifier().Verify(t.Context(), token)
	if err != nil || p.Name != "anna" || !p.Has(access.Viewer, "catalogs") {
		t.Fatalf("%+v, %v", p, err)
	}
	set, err := ring.JWKS()
	if err != nil || strings.Contains(string(set), `"d"`) {
		t.Fatalf("the private key is in the public set: %v", err)
	}
}

func TestRotationKeepsOldTokens(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	old, err := Open(filepath.Join(dir, "old.pem"), true, nil)
	if err != nil {
		t.Fatal(err)
	}
	token, err := old.Sign(anna(), time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	for name, previous := range map[string]string{"private": filepath.Join(dir, "old.pem"), "public": publicHalf(t, filepath.Join(dir, "old.pem"))} {
		ring, err := Open(filepath.Join(dir, "new.pem"), true, []string{previous})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := ring.Verifier().Verify(t.Context(), token); err != nil {
			t.Errorf("with the %s half: %v", name, err)
		}
		if n := len(ring.Public().Keys); n != 2 {
			t.Errorf("%d public keys, want 2", n)
		}
	}
}

func publicHalf(t *testing.T, path string) string {
	t.Helper()
	key, err := readPrivate(path)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public().(ed25519.PublicKey))
	if err != nil {
		t.Fatal(err)
	}
	out := path + ".pub"
	if err := os.WriteFile(out, pem.EncodeToMemory(&pem.Block{Type: publicBlock, Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return out
}

func TestInstancesAgreeOnOneKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "signing.pem")
	ids := make([]string, 8)
	var wg sync.WaitGroup
	for i := range ids {
		wg.Go(func() {
			if ring, err := Open(path, true, nil); err == nil {
				ids[i] = ring.signing.KeyID
			}
		})
	}
	wg.Wait()
	for _, id := range ids {
		if id == "" || id != ids[0] {
			t.Fatalf("instances differ: %v", ids)
		}
	}
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("%v, %v", info, err)
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, content string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	bad := []string{
		write("empty", ""), write("text", "hello"),
		write("wrong-type", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"),
		write("garbage", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"),
	}
	good := filepath.Join(dir, "good.pem")
	for _, path := range append(bad, filepath.Join(dir, "missing")) {
		if _, err := Open(path, false, nil); err == nil {
			t.Errorf("signing key %s was taken", path)
		}
		if _, err := Open(good, true, []string{path}); err == nil {
			t.Errorf("previous key %s was taken", path)
		}
	}
}
