package usertoken

import (
	"crypto/ed25519"
	"sync"
	"time"
)

// Bounds of what is remembered.
const (
	maxSeen      = 4096    // tokens, and as many again of the generation before
	maxSeenBytes = 2 << 10 // of one
)

// seen remembers tokens whose signature was verified, so that a caller's next request costs a look-up: verifying costs more
// than most handlers. What is believed is still asked for its times at each use, and for its key: one that has been
// withdrawn is not found any more, and one that was replaced under its id is another. Forged tokens are not kept. Safe for
// concurrent use.
type seen struct {
	mu         sync.RWMutex
	now, older map[string]*verified
}

// verified is what a token says. It is not changed.
type verified struct {
	claims claims
	kid    string
	key    ed25519.PublicKey
}

// find is what the token said when it was verified; nil: it was not, or its own end has come.
func (s *seen) find(token string) *verified {
	s.mu.RLock()
	v := s.now[token]
	old := v == nil
	if old {
		v = s.older[token]
	}
	s.mu.RUnlock()
	if v != nil && old {
		s.add(token, v)
	}
	return v
}

func (s *seen) add(token string, v *verified) {
	if len(token) > maxSeenBytes || v.claims.Expiry == nil || time.Now().After(v.claims.Expiry.Time().Add(Leeway)) {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.now == nil || len(s.now) >= maxSeen {
		s.older, s.now = s.now, make(map[string]*verified)
	}
	s.now[token] = v
}
