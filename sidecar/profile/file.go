package profile

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
)

var errTooLarge = errors.New("the profile is larger than its bound")

// prefix of the files, by which those that a crash has left are known.
const prefix = "capture-"

// named is the beginning of a file's name for a lease, whatever its id is made of.
func named(leaseID string) string {
	sum := sha256.Sum256([]byte(leaseID))
	return prefix + hex.EncodeToString(sum[:8]) + "-"
}

// sweep makes the folder, and removes what an earlier run has left there, of which it lists the names.
func sweep(dir string) (left []string, err error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	old, err := filepath.Glob(filepath.Join(dir, prefix+"*"))
	if err != nil {
		return nil, err
	}
	for _, path := range old {
		left = append(left, filepath.Base(path))
		err = errors.Join(err, os.Remove(path))
	}
	return left, err
}

// file takes a profile up to a bound; near is closed when there is not much room left. Its methods are safe for
// concurrent use: Go's tracer writes from a goroutine of its own.
type file struct {
	*os.File
	limit int64
	near  chan struct{}

	mu   sync.Mutex
	size int64
	err  error
	told bool
}

func newFile(dir, leaseID string, limit int64) (*file, error) {
	f, err := os.CreateTemp(dir, named(leaseID)+"*")
	if err != nil {
		return nil, fmt.Errorf("make the profile's file: %w", err)
	}
	return &file{File: f, limit: limit, near: make(chan struct{})}, nil
}

// Write implements io.Writer. After an error it takes no more.
func (f *file) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return 0, f.err
	}
	if f.size+int64(len(p)) > f.limit {
		f.err = errTooLarge
		f.tell()
		return 0, f.err
	}
	n, err := f.File.Write(p)
	f.size, f.err = f.size+int64(n), err
	if f.size > f.limit/4*3 {
		f.tell()
	}
	return n, err
}

func (f *file) tell() {
	if !f.told {
		f.told = true
		close(f.near)
	}
}

// sum is what was written, once nobody writes any more.
func (f *file) sum() (size int64, sha []byte, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return 0, nil, f.err
	}
	h := sha256.New()
	if _, err := io.Copy(h, io.NewSectionReader(f.File, 0, f.size)); err != nil {
		return 0, nil, fmt.Errorf("read the profile: %w", err)
	}
	return f.size, h.Sum(nil), nil
}

// remove closes and removes it.
func (f *file) remove() { _ = errors.Join(f.Close(), os.Remove(f.Name())) }
