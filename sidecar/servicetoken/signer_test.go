package servicetoken

import (
	"testing"
	"time"
)

// A machine that slept, or whose clock was set, makes new tokens at once: the old ones are refused everywhere.
func TestTokensFollowTheWallClock(t *testing.T) {
	t.Parallel()
	key, err := GenerateKey()
	if err != nil {
		t.Fatal(err)
	}
	s, err := NewSigner("catalogs", key)
	if err != nil {
		t.Fatal(err)
	}
	for name, set := range map[string]struct {
		by   time.Duration
		anew bool
	}{
		"as it was":       {0, false},
		"three minutes":   {3 * time.Minute, false},
		"its last minute": {4*time.Minute + time.Second, true},
		"slept an hour":   {time.Hour, true},
		"set back":        {-time.Hour, true},
	} {
		s.cache["gateway"] = token{text: "old", expires: time.Now().Round(0).Add(lifetime - set.by)}
		text, err := s.Token("gateway")
		if err != nil || (text != "old") != set.anew {
			t.Errorf("%s: given out anew %v, want %v (%v)", name, text != "old", set.anew, err)
		}
	}
	if _, err := s.Token("identity"); err != nil {
		t.Fatal(err)
	}
	if made := s.cache["identity"].expires; made != made.Round(0) {
		t.Error("the expiry is kept on the monotonic clock, which stands still while a machine sleeps")
	}
}
