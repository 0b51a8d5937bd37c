package servicetoken_test

import (
	"crypto/ed25519"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// A message that was believed is not believed any longer once its service has other keys.
func TestAMessageIsRememberedNoLongerThanItsKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "bundle.json")
	sign := func(key ed25519.PrivateKey, payload string) string {
		s, err := servicetoken.NewSigner("view-service", key)
		if err != nil {
			t.Fatal(err)
		}
		text, err := s.SignMessage([]byte(payload))
		if err != nil {
			t.Fatal(err)
		}
		return text
	}
	write := func(key ed25519.PrivateKey, at time.Time) {
		if err := servicetoken.WriteBundle(path, servicetoken.Keys{"view-service": {key.Public().(ed25519.PublicKey)}}); err != nil { //nolint:forcetypeassert // what crypto/ed25519 documents
			t.Fatal(err)
		}
		if err := os.Chtimes(path, at, at); err != nil {
			t.Fatal(err)
		}
	}
	first, _ := servicetoken.GenerateKey()
	second, _ := servicetoken.GenerateKey()
	write(first, time.Now().Add(-time.Hour))
	b, err := servicetoken.OpenBundle(path)
	if err != nil {
		t.Fatal(err)
	}
	old, renewed := sign(first, "1"), sign(second, "1")
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			payload, err := b.VerifyMessage(old, "view-service")
			if err != nil || string(payload) != "1" {
				t.Errorf("%q (%v)", payload, err)
				return
			}
			payload[0] = 'x' // one's own
			if _, err := b.VerifyMessage(old, "catalogs"); err == nil {
				t.Error("it is believed of another")
			}
			if _, err := b.VerifyMessage(renewed, "view-service"); err == nil {
				t.Error("a message by an unknown key is believed")
			}
		})
	}
	all.Wait()
	write(second, time.Now())
	wait.For(t, 10*time.Second, "the new key", func() bool {
		_, err := b.VerifyMessage(renewed, "view-service")
		return err == nil
	})
	if _, err := b.VerifyMessage(old, "view-service"); err == nil {
		t.Error("a message is believed by a key that is gone")
	}
}

func TestManyMessagesAndLongOnes(t *testing.T) {
	t.Parallel()
	key, _ := servicetoken.GenerateKey()
	s, err := servicetoken.NewSigner("up", key)
	if err != nil {
		t.Fatal(err)
	}
	b := servicetoken.NewBundle(servicetoken.Keys{"up": {key.Public().(ed25519.PublicKey)}}) //nolint:forcetypeassert // what crypto/ed25519 documents
	for i := range 200 {
		want := fmt.Sprint(i, strings.Repeat("x", i*200))
		text, err := s.SignMessage([]byte(want))
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if got, err := b.VerifyMessage(text, "up"); err != nil || string(got) != want {
				t.Fatalf("%d: %v", i, err)
			}
		}
	}
}
