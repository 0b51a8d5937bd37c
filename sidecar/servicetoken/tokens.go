package servicetoken

import (
	"crypto/ed25519"
	"sync"

	"github.com/go-jose/go-jose/v4/jwt"
)

// maxTokens bounds what is remembered: a token for each caller, and its successor, of a large mesh.
const maxTokens = 512

// verified is a token whose signature was found right by the keys of its service at that time.
type verified struct {
	kid    string
	claims jwt.Claims
	keys   []ed25519.PublicKey
}

// tokens remembers those that were admitted. A token is a secret, and stays in memory.
type tokens struct {
	mu  sync.RWMutex
	all map[string]verified
}

func (t *tokens) find(text string) (verified, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	v, ok := t.all[text]
	return v, ok
}

// keep begins anew where there is no room: what is still in use comes back with its next call.
func (t *tokens) keep(text string, v verified) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.all == nil || len(t.all) >= maxTokens {
		t.all = map[string]verified{}
	}
	t.all[text] = v
}

func (t *tokens) forget(text string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.all, text)
}
