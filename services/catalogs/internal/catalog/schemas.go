package catalog

import (
	"crypto/sha256"
	"encoding/json"
	"sync"
)

const maxSchemas = 256

// schemas keeps compiled schemas by their text, so that a type that was dropped and made anew, or
// changed by another replica, is never checked against its past.
type schemas struct {
	mu  sync.Mutex
	all map[[sha256.Size]byte]*pool
}

func newSchemas() *schemas { return &schemas{all: map[[sha256.Size]byte]*pool{}} }

func (s *schemas) of(text json.RawMessage) (*pool, error) {
	key := sha256.Sum256(text)
	s.mu.Lock()
	p := s.all[key]
	s.mu.Unlock()
	if p != nil {
		return p, nil
	}
	p, err := newPool(text) // two at once compile twice, which does no harm
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for k := range s.all {
		if len(s.all) < maxSchemas {
			break
		}
		delete(s.all, k) // any: the map's order is random
	}
	s.all[key] = p
	return p, nil
}
