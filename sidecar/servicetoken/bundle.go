package servicetoken

import (
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/generations"
)

const (
	maxBundle   = 1 << 20
	bundleCheck = time.Second
)

// Keys are the public keys by service; several of one service are a rotation under way.
type Keys map[string][]ed25519.PublicKey

// Bundle is the trust bundle. One made by OpenBundle follows its file: a change is seen within a second,
// and a file that became unreadable or malformed leaves the last good keys in force. Safe for concurrent use.
type Bundle struct {
	path   string
	recent recent
	tokens generations.Shared[string, *verified] // those that were admitted: secrets, which stay in memory

	mu      sync.Mutex
	keys    Keys
	seen    stamp
	checked time.Time
	err     error
}

// stamp tells one version of the file from another.
type stamp struct {
	modified time.Time
	size     int64
}

// NewBundle is a bundle that does not change.
func NewBundle(keys Keys) *Bundle { return &Bundle{keys: maps.Clone(keys)} }

// OpenBundle reads a JWKS file.
func OpenBundle(path string) (*Bundle, error) {
	b := &Bundle{path: path, checked: time.Now()}
	if err := b.read(); err != nil {
		return nil, err
	}
	return b, nil
}

// WriteBundle writes a JWKS file (0644), all of it or nothing.
func WriteBundle(path string, keys Keys) error {
	var set jose.JSONWebKeySet
	for _, service := range slices.Sorted(maps.Keys(keys)) {
		for _, k := range keys[service] {
			set.Keys = append(set.Keys, jose.JSONWebKey{Key: k, KeyID: service, Algorithm: string(jose.EdDSA), Use: "sig"})
		}
	}
	text, err := json.MarshalIndent(set, "", "  ")
	if err != nil {
		return fmt.Errorf("encode the trust bundle: %w", err)
	}
	return writeFile(path, text, 0o644)
}

// Services in the bundle, sorted.
func (b *Bundle) Services() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow()
	return slices.Sorted(maps.Keys(b.keys))
}

// Err is why the file's present version is not in force; nil when it is.
func (b *Bundle) Err() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow()
	return b.err
}

func (b *Bundle) of(service string) []ed25519.PublicKey {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.follow()
	return b.keys[service]
}

// follow looks at the file at most once a second. Called with mu held.
func (b *Bundle) follow() {
	if b.path == "" || time.Since(b.checked) < bundleCheck {
		return
	}
	b.checked = time.Now()
	info, err := os.Stat(b.path)
	if err == nil && b.err == nil && stampOf(info) == b.seen {
		return
	}
	b.err = b.read()
}

func (b *Bundle) read() error {
	info, err := os.Stat(b.path)
	if err != nil {
		return fmt.Errorf("read the trust bundle: %w", err)
	}
	if info.Size() > maxBundle {
		return fmt.Errorf("trust bundle %s is larger than 1 MiB", b.path)
	}
	text, err := os.ReadFile(b.path)
	if err != nil {
		return fmt.Errorf("read the trust bundle: %w", err)
	}
	keys, err := parseBundle(text)
	if err != nil {
		return fmt.Errorf("trust bundle %s: %w", b.path, err)
	}
	b.keys, b.seen = keys, stampOf(info)
	return nil
}

func stampOf(info fs.FileInfo) stamp { return stamp{modified: info.ModTime(), size: info.Size()} }

// parseBundle takes Ed25519 public keys only: a private key in a file that everybody reads is a mistake
// that must be seen.
func parseBundle(text []byte) (Keys, error) {
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(text, &set); err != nil {
		return nil, fmt.Errorf("it is no JWKS document: %w", err)
	}
	keys := Keys{}
	for i, k := range set.Keys {
		public, ok := k.Key.(ed25519.PublicKey)
		if !ok || k.KeyID == "" {
			return nil, fmt.Errorf("key %d (%.60q) is no Ed25519 public key with a service as kid", i+1, k.KeyID)
		}
		keys[k.KeyID] = append(keys[k.KeyID], public)
	}
	if len(keys) == 0 {
		return nil, fmt.Errorf("it holds no keys")
	}
	return keys, nil
}
