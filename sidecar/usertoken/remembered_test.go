package usertoken_test

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/usertoken"
)

// What was verified once costs little the next time, and is believed no longer than it says and than its key is.
func TestAVerifiedTokenIsRemembered(t *testing.T) {
	t.Parallel()
	key, other := newKey(t), newKey(t)
	i := &identity{}
	i.now(nil, key)
	v := usertoken.New(usertoken.Settings{Keys: i.Keys, MaxAge: time.Nanosecond, Gap: time.Nanosecond})
	token := sign(t, key)
	if _, err := v.Verify(t.Context(), token); err != nil {
		t.Fatal(err)
	}
	middle := []byte(token)
	middle[len(middle)-40] ^= 1 // of the signature; its last character but one is an A in one of sixteen
	for _, wrong := range []string{string(middle), token + "x", "x" + token} {
		if _, err := v.Verify(t.Context(), wrong); err == nil {
			t.Errorf("%.20s… is believed, as one that is like it was", wrong)
		}
	}
	short, err := usertoken.Sign(key, access.Principal{Subject: "u"}, time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	for range 2 {
		_, _ = v.Verify(t.Context(), short) // in its leeway
	}
	i.now(nil, other)
	deadline := time.Now().Add(10 * time.Second)
	for {
		if _, err := v.Verify(t.Context(), token); err != nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatal("a token is believed though its key has been withdrawn")
		}
	}
}

// BenchmarkVerify is of a token that comes again.
func BenchmarkVerify(b *testing.B) {
	key := newKey(b)
	i := &identity{}
	i.now(nil, key)
	v := usertoken.New(usertoken.Settings{Keys: i.Keys})
	token := sign(b, key)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := v.Verify(b.Context(), token); err != nil {
			b.Fatal(err)
		}
	}
}
