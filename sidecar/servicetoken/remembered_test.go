package servicetoken_test

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// TestARememberedTokenIsNoKey: one that was admitted is refused by another service, and once its key is out of the bundle.
func TestARememberedTokenIsNoKey(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "bundle.json")
	old, next := key(t), key(t)
	check(t, servicetoken.WriteBundle(file, servicetoken.Keys{"catalogs": {public(old)}}))
	b, err := servicetoken.OpenBundle(file)
	check(t, err)
	signer, err := servicetoken.NewSigner("catalogs", old)
	check(t, err)
	token, err := signer.Token("view-service")
	check(t, err)
	changed := []byte(token)
	changed[len(changed)-40] ^= 1 // in the middle of its signature
	for range 3 {
		if who, err := b.Verify(token, "view-service"); who != "catalogs" {
			t.Fatal(who, err)
		}
		if _, err := b.Verify(token, "identity"); err == nil {
			t.Error("it is good for another service")
		}
		if _, err := b.Verify(string(changed), "view-service"); err == nil {
			t.Error("a changed one is taken")
		}
	}
	check(t, servicetoken.WriteBundle(file, servicetoken.Keys{"catalogs": {public(next)}}))
	later := time.Now().Add(time.Second) // whatever the file system's clock counts in
	check(t, os.Chtimes(file, later, later))
	wait.For(t, 20*time.Second, "the key to be out of force", func() bool {
		_, err := b.Verify(token, "view-service")
		return err != nil
	})
	if _, err := b.Verify(token, "view-service"); err == nil {
		t.Error("it came back")
	}
}

// TestRememberedTokensAreBounded: more callers than are remembered are admitted all the same.
func TestRememberedTokensAreBounded(t *testing.T) {
	t.Parallel()
	keys, all := servicetoken.Keys{}, map[string]string{}
	for i := range 600 {
		name := fmt.Sprintf("s%d", i)
		own := key(t)
		keys[name] = []ed25519.PublicKey{public(own)}
		s, err := servicetoken.NewSigner(name, own)
		check(t, err)
		all[name], err = s.Token("view-service")
		check(t, err)
	}
	b := servicetoken.NewBundle(keys)
	for range 2 {
		for name, token := range all {
			if who, err := b.Verify(token, "view-service"); who != name {
				t.Fatal(who, err)
			}
		}
	}
}

func BenchmarkVerifyAgain(b *testing.B) {
	signer, _, private := pair(b, "catalogs")
	token, err := signer.Token("view-service")
	if err != nil {
		b.Fatal(err)
	}
	for name, bundle := range map[string]func() *servicetoken.Bundle{
		"remembered": func() func() *servicetoken.Bundle {
			one := servicetoken.NewBundle(servicetoken.Keys{"catalogs": {public(private)}})
			return func() *servicetoken.Bundle { return one }
		}(),
		"anew": func() *servicetoken.Bundle {
			return servicetoken.NewBundle(servicetoken.Keys{"catalogs": {public(private)}})
		},
	} {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if _, err := bundle().Verify(token, "view-service"); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
