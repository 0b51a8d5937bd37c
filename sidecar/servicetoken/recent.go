package servicetoken

import (
	"crypto/ed25519"
	"slices"
	"sync"
)

// Bounds of what is remembered.
const (
	maxRecent       = 32
	maxRecentLength = 16 << 10 // bytes of one message
)

// recent remembers the messages that were looked at last, since the instances of one process all get the same ones, in
// the same moment. What was refused is not remembered.
type recent struct {
	mu    sync.Mutex
	all   map[string]*message
	order []string // oldest first
}

// message that was verified; who asks first looks, and the others wait for that.
type message struct {
	once    sync.Once
	payload []byte
	kid     string
	err     error
	keys    []ed25519.PublicKey // of its service at that time
}

// message verifies text, or remembers that it did by the keys that are in force.
func (b *Bundle) message(text string) (*message, error) {
	if len(text) > maxRecentLength {
		m := &message{}
		m.payload, m.kid, m.err = b.open(text, messageType)
		return m, m.err
	}
	m := b.recent.entry(text)
	m.once.Do(func() {
		m.payload, m.kid, m.keys, m.err = b.look(text, messageType)
	})
	switch {
	case m.err != nil:
		b.recent.forget(text, m)
		return nil, m.err
	case !sameKeys(m.keys, b.of(m.kid)):
		b.recent.forget(text, m) // its service's keys are others now
		return b.message(text)
	}
	return m, nil
}

func (r *recent) entry(text string) *message {
	r.mu.Lock()
	defer r.mu.Unlock()
	if m := r.all[text]; m != nil {
		return m
	}
	if r.all == nil {
		r.all = map[string]*message{}
	}
	if len(r.order) >= maxRecent {
		delete(r.all, r.order[0])
		r.order = slices.Delete(r.order, 0, 1)
	}
	m := &message{}
	r.all[text] = m
	r.order = append(r.order, text)
	return m
}

func (r *recent) forget(text string, m *message) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.all[text] == m {
		delete(r.all, text)
		r.order = slices.DeleteFunc(r.order, func(t string) bool { return t == text })
	}
}

func sameKeys(a, b []ed25519.PublicKey) bool {
	return slices.EqualFunc(a, b, func(a, b ed25519.PublicKey) bool { return a.Equal(b) })
}
