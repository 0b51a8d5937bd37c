// Package password hashes and checks passwords with argon2id. Hashes are PHC strings, so that the
// parameters may change while old hashes stay good.
//
// One Hasher bounds the memory of all hashing in its process: a hash takes as many KiB as its
// parameters say, and waits until they are free.
package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"

	"golang.org/x/crypto/argon2"
	"golang.org/x/sync/semaphore"
)

// Params of argon2id.
type Params struct {
	MemoryKiB uint32
	Passes    uint32
	Lanes     uint8
}

// DefaultParams are OWASP's first recommendation: 19 MiB, two passes, one lane.
func DefaultParams() Params { return Params{MemoryKiB: 19 * 1024, Passes: 2, Lanes: 1} }

const (
	saltLen = 16
	keyLen  = 32
)

// ErrBusy is returned when no memory was free before the context ended.
var ErrBusy = errors.New("no free slot for password hashing")

// Hasher is safe for concurrent use.
type Hasher struct {
	params Params
	budget int64 // KiB
	memory *semaphore.Weighted
	decoy  string // what an unknown user's password is checked against
}

// New makes a Hasher that never uses more than memoryKiB at once. An error when one hash would not fit.
func New(params Params, memoryKiB int64) (*Hasher, error) {
	if int64(params.MemoryKiB) > memoryKiB {
		return nil, fmt.Errorf("one password hash takes %d KiB, more than the %d KiB allowed", params.MemoryKiB, memoryKiB)
	}
	h := &Hasher{params: params, budget: memoryKiB, memory: semaphore.NewWeighted(memoryKiB)}
	decoy, err := h.Hash(context.Background(), rand.Text())
	h.decoy = decoy
	return h, err
}

// Hash returns the PHC string of plain with a fresh salt. ErrBusy when ctx ended while waiting.
func (h *Hasher) Hash(ctx context.Context, plain string) (string, error) {
	salt := make([]byte, saltLen)
	rand.Read(salt)
	key, err := h.derive(ctx, h.params, plain, salt, keyLen)
	if err != nil {
		return "", err
	}
	return encode(phc{Params: h.params, salt: salt, key: key}), nil
}

// Verdict of a check. Stale says that the hash was made with other parameters than today's.
type Verdict struct{ OK, Stale bool }

// Verify checks plain against a PHC string. An empty one stands for a user that does not exist or has
// no password: the same work is done and the answer is no. A string that is no argon2id hash is an error.
func (h *Hasher) Verify(ctx context.Context, hash, plain string) (Verdict, error) {
	known := hash != ""
	if !known {
		hash = h.decoy
	}
	want, err := decode(hash)
	if err != nil {
		return Verdict{}, err
	}
	got, err := h.derive(ctx, want.Params, plain, want.salt, len(want.key))
	if err != nil {
		return Verdict{}, err
	}
	same := subtle.ConstantTimeCompare(got, want.key) == 1
	return Verdict{OK: same && known, Stale: want.Params != h.params}, nil
}

func (h *Hasher) derive(ctx context.Context, p Params, plain string, salt []byte, size int) ([]byte, error) {
	weight := min(int64(p.MemoryKiB), h.budget)
	if err := h.memory.Acquire(ctx, weight); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrBusy, err)
	}
	defer h.memory.Release(weight)
	return argon2.IDKey([]byte(plain), salt, p.Passes, p.MemoryKiB, p.Lanes, uint32(size)), nil
}
