package servicetoken_test

import (
	"crypto/ed25519"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

func signerOf(t testing.TB, service string, k ed25519.PrivateKey) *servicetoken.Signer {
	t.Helper()
	s, err := servicetoken.NewSigner(service, k)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func askerOf(t testing.TB, keys servicetoken.Keys) *servicetoken.Asker {
	t.Helper()
	a, err := servicetoken.NewAsker(servicetoken.NewBundle(keys))
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func answer(t testing.TB, s *servicetoken.Signer, payload, to string) string {
	t.Helper()
	text, err := s.Answer([]byte(payload), to)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestAnAnswerIsOfOneServiceForOneAsker(t *testing.T) {
	for range 50 { // keys are random, and their forms are computed
		old, next, other := key(t), key(t), key(t)
		keys := servicetoken.Keys{"catalogs": {public(next), public(old)}, "billing": {public(other)}} // a rotation is under way
		asker, second := askerOf(t, keys), askerOf(t, keys)
		for _, k := range []ed25519.PrivateKey{old, next} {
			text := answer(t, signerOf(t, "catalogs", k), "done", asker.Key())
			for range 2 { // made, and remembered
				if got, err := asker.Open(text, "catalogs"); err != nil || string(got) != "done" {
					t.Fatalf("%q: %v", got, err)
				}
			}
			for name, open := range map[string]func() ([]byte, error){
				"in another's name": func() ([]byte, error) { return asker.Open(text, "billing") },
				"in nobody's name":  func() ([]byte, error) { return asker.Open(text, "nobody") },
				"for another asker": func() ([]byte, error) { return second.Open(text, "catalogs") },
				"of a stranger's key": func() ([]byte, error) {
					return asker.Open(answer(t, signerOf(t, "catalogs", key(t)), "done", asker.Key()), "catalogs")
				},
				"of another service": func() ([]byte, error) {
					return asker.Open(answer(t, signerOf(t, "billing", other), "done", asker.Key()), "catalogs")
				},
				"in a borrowed name": func() ([]byte, error) {
					return asker.Open(answer(t, signerOf(t, "catalogs", other), "done", asker.Key()), "billing")
				},
			} {
				if got, err := open(); !errors.Is(err, servicetoken.ErrRefused) || got != nil {
					t.Errorf("%s: %q, %v", name, got, err)
				}
			}
		}
	}
}

func TestAnAnswerThatWasTouchedIsNone(t *testing.T) {
	k := key(t)
	asker := askerOf(t, servicetoken.Keys{"catalogs": {public(k)}})
	text := answer(t, signerOf(t, "catalogs", k), "done", asker.Key())
	said, mac, _ := strings.Cut(text, ".")
	for _, bad := range []string{"", ".", said, said + ".", "." + mac, "A" + text, text + "A", said + "." + mac[1:], said[1:] + "." + mac, text + "." + mac, strings.Repeat("A", 5000) + "." + mac} {
		if got, err := asker.Open(bad, "catalogs"); !errors.Is(err, servicetoken.ErrRefused) || got != nil {
			t.Errorf("%q: %q, %v", bad, got, err)
		}
	}
}

// The keys by which a secret would be known to everybody are refused, on either side.
func TestAWeakKeyAgreesOnNothing(t *testing.T) {
	k := key(t)
	s := signerOf(t, "catalogs", k)
	for _, bad := range []string{"", "A", strings.Repeat("A", 43), "AQ" + strings.Repeat("A", 41), strings.Repeat("A", 44), "!"} {
		if text, err := s.Answer([]byte("done"), bad); err == nil {
			t.Errorf("%q is answered: %s", bad, text)
		}
	}
	for y, name := range map[byte]string{0: "of order four", 1: "the neutral point", 255: "no element"} {
		weak := make(ed25519.PublicKey, ed25519.PublicKeySize)
		weak[0] = y
		if y == 255 {
			for i := range weak {
				weak[i] = 0xff
			}
		}
		asker := askerOf(t, servicetoken.Keys{"catalogs": {weak}})
		if got, err := asker.Open(answer(t, s, "done", asker.Key()), "catalogs"); !errors.Is(err, servicetoken.ErrRefused) {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestManyAskersAtOnce(t *testing.T) {
	k := key(t)
	s, keys := signerOf(t, "catalogs", k), servicetoken.Keys{"catalogs": {public(k)}}
	var all sync.WaitGroup
	for range 300 { // more than are remembered
		asker := askerOf(t, keys)
		all.Go(func() {
			text, err := s.Answer([]byte("done"), asker.Key())
			if err != nil {
				t.Error(err)
				return
			}
			if got, err := asker.Open(text, "catalogs"); err != nil || string(got) != "done" {
				t.Errorf("%q: %v", got, err)
			}
		})
	}
	all.Wait()
}

func BenchmarkAnswer(b *testing.B) {
	k := key(b)
	s, keys := signerOf(b, "catalogs", k), servicetoken.Keys{"catalogs": {public(k)}}
	asker, bundle, payload := askerOf(b, keys), servicetoken.NewBundle(keys), []byte(strings.Repeat("a", 150))
	b.Run("answer", func(b *testing.B) {
		for b.Loop() {
			answer(b, s, string(payload), asker.Key())
		}
	})
	b.Run("answer to somebody new", func(b *testing.B) {
		for b.Loop() {
			b.StopTimer()
			one := askerOf(b, keys).Key()
			b.StartTimer()
			answer(b, s, string(payload), one)
		}
	})
	b.Run("open", func(b *testing.B) {
		text := answer(b, s, string(payload), asker.Key())
		for b.Loop() {
			if _, err := asker.Open(text, "catalogs"); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("sign", func(b *testing.B) {
		for b.Loop() {
			if _, err := s.SignMessage(payload); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("verify", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			b.StopTimer()
			text, err := s.SignMessage([]byte(strings.Repeat("b", 100) + string(rune(i)) + string(rune(i>>16))))
			if err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			if _, err := bundle.VerifyMessage(text, "catalogs"); err != nil {
				b.Fatal(err)
			}
		}
	})
}
