package servicetoken

import (
	"bytes"
	"testing"
)

// One key for each purpose, the same wherever the service's key is, and never the service's own.
func TestDerivedKeysAreForOnePurpose(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	derive := func(purpose string) []byte {
		s, err := NewSigner("scheduler", key)
		if err != nil {
			t.Fatal(err)
		}
		derived, err := s.Derive(purpose)
		if err != nil {
			t.Fatal(err)
		}
		return derived
	}
	if !bytes.Equal(derive("a"), derive("a")) || bytes.Equal(derive("a"), derive("b")) || bytes.Equal(derive("a"), key) {
		t.Error("want the same key for the same purpose, and others for others")
	}
}
