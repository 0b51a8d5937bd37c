package password

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"
)

// cheap parameters keep the tests quick; what is tested does not depend on them.
func cheap() Params { return Params{MemoryKiB: 64, Passes: 1, Lanes: 1} }

func newHasher(t *testing.T) *Hasher {
	t.Helper()
	h, err := New(cheap(), 256)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHashVerifies(t *testing.T) {
	t.Parallel()
	h := newHasher(t)
	hash, err := h.Hash(t.Context(), "correct horse")
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(hash, "$argon2id$v=19$m=64,t=1,p=1$") {
		t.Fatalf("not a PHC string: %s", hash)
	}
	for plain, want := range map[string]bool{"correct horse": true, "correct horse ": false, "": false, "Correct horse": false} {
		got, err := h.Verify(t.Context(), hash, plain)
		if err != nil || got.OK != want || got.Stale {
			t.Errorf("%q: %+v, %v", plain, got, err)
		}
	}
}

func TestUnknownUserIsNeverRight(t *testing.T) {
	t.Parallel()
	got, err := newHasher(t).Verify(t.Context(), "", "anything")
	if err != nil || got.OK {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestOldParametersAreStale(t *testing.T) {
	t.Parallel()
	old, err := New(Params{MemoryKiB: 32, Passes: 1, Lanes: 1}, 64)
	if err != nil {
		t.Fatal(err)
	}
	hash, err := old.Hash(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	got, err := newHasher(t).Verify(t.Context(), hash, "x")
	if err != nil || !got.OK || !got.Stale {
		t.Fatalf("%+v, %v", got, err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	t.Parallel()
	h := newHasher(t)
	if err := h.memory.Acquire(t.Context(), 256); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	if _, err := h.Hash(ctx, "x"); !errors.Is(err, ErrBusy) {
		t.Fatalf("got %v, want ErrBusy", err)
	}
	if _, err := New(cheap(), 63); err == nil {
		t.Error("a budget smaller than one hash was taken")
	}
}

func TestDecodeRefuses(t *testing.T) {
	t.Parallel()
	good := "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA"
	if _, err := decode(good); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []string{
		"", "x", "$argon2i$" + good[10:], strings.Replace(good, "v=19", "v=16", 1), strings.Replace(good, "m=64", "m=9999999999", 1),
		strings.Replace(good, "m=64", "m=1048577", 1), strings.Replace(good, "t=1", "t=0", 1), strings.Replace(good, "p=1", "p=256", 1),
		strings.Replace(good, "m=64,t=1,p=1", "t=1,m=64,p=1", 1), good + "$", good + "=", good[:len(good)-12], "$2b$10$abcdefghijklmnopqrstuv",
	} {
		if _, err := decode(bad); err == nil {
			t.Errorf("%q was taken", bad)
		}
	}
}

func FuzzDecode(f *testing.F) {
	f.Add("$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := decode(text)
		if err != nil {
			return
		}
		again, err := decode(encode(p))
		if err != nil || again.Params != p.Params || !bytes.Equal(again.key, p.key) || !bytes.Equal(again.salt, p.salt) {
			t.Errorf("%q decoded to %+v, and that to %+v, %v", text, p, again, err)
		}
	})
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for plain, ok := range map[string]bool{
		"tr0ub4dor&3xyz": true, "short": false, "": false, strings.Repeat("ab", 128): true, strings.Repeat("ab", 129): false,
		"annaanna1234": true, "annabellaxyz": false, "aaaaaaaaaaaaaa": false, "ünïcödé pässwörd": true, "bad\x00password-x": false, "bad\xffpassword-x": false,
	} {
		if err := Check(plain, "annabella"); (err == nil) != ok {
			t.Errorf("%q: %v", plain, err)
		}
	}
}

func TestNormalizeIsOneForm(t *testing.T) {
	t.Parallel()
	if Normalize("pa\u0308ss\u00a0word") != Normalize("p\u00e4ss word") {
		t.Error("two ways to type one password differ")
	}
}
