package usertoken

import (
	"context"
	"crypto/ed25519"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"
)

// keys is the cache of public keys by key id. One fetch runs at a time. Known keys go on being used
// while the source is away; a fetch that succeeds replaces them all, so a withdrawn key goes.
type keys struct {
	fetch  func(context.Context) (jose.JSONWebKeySet, error)
	maxAge time.Duration // after it, a use starts a refresh in the background
	gap    time.Duration // shortest time between two fetches
	limit  time.Duration // of one fetch

	mu      sync.Mutex
	known   map[string]ed25519.PublicKey // nil: never fetched
	fetched time.Time
	tried   time.Time
	flight  chan struct{} // closed when the running fetch ended; nil: none runs
	failure error
}

// find returns the key of kid. An unknown kid is worth one fetch, at most one every gap.
// err is set only while no keys were ever fetched, or when ctx ended.
func (k *keys) find(ctx context.Context, kid string) (key ed25519.PublicKey, err error) {
	k.mu.Lock()
	key, ok := k.known[kid]
	if ok {
		if time.Since(k.fetched) > k.maxAge {
			k.start()
		}
		k.mu.Unlock()
		return key, nil
	}
	flight := k.start()
	k.mu.Unlock()
	if err := await(ctx, flight); err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		return nil, k.failure
	}
	return k.known[kid], nil
}

// start returns the flight to wait for: the running one, a new one, or nil when it is too early.
func (k *keys) start() chan struct{} {
	if k.flight != nil {
		return k.flight
	}
	if !k.tried.IsZero() && time.Since(k.tried) < k.gap {
		return nil
	}
	k.tried = time.Now()
	k.flight = make(chan struct{})
	go k.refresh(k.flight)
	return k.flight
}

// refresh has a context of its own: the request that asked may go away, the others still wait.
func (k *keys) refresh(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), k.limit)
	defer cancel()
	set, err := k.fetch(ctx)
	k.mu.Lock()
	defer k.mu.Unlock()
	if err == nil {
		k.known, k.fetched = byID(set), time.Now()
	}
	k.failure, k.flight = err, nil
	close(done)
}

// byID keeps what may verify a user token: Ed25519 public keys with an id.
func byID(set jose.JSONWebKeySet) map[string]ed25519.PublicKey {
	m := make(map[string]ed25519.PublicKey, len(set.Keys))
	for _, j := range set.Keys {
		if pub, ok := j.Key.(ed25519.PublicKey); ok && j.KeyID != "" && (j.Use == "" || j.Use == "sig") {
			m[j.KeyID] = pub
		}
	}
	return m
}

func await(ctx context.Context, done chan struct{}) error {
	if done == nil {
		return nil
	}
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
