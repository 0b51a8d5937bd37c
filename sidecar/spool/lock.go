package spool

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"
)

// ErrHeld says that a living process owns a folder.
var ErrHeld = errors.New("held by another process")

const lockName = "lock"

// lock takes the folder's lock, or answers ErrHeld at once. The lock ends with Close or with the process.
// Two opens in one process exclude each other too.
func lock(dir string) (*os.File, error) { return lockFile(filepath.Join(dir, lockName), os.O_CREATE) }

// lockFile also refuses a file that was removed between opening and locking: its folder is gone.
func lockFile(path string, flags int) (*os.File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|flags, 0o600)
	if err != nil {
		return nil, err
	}
	if err := flock(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	if !stillThere(f, path) {
		_ = f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, os.ErrNotExist)
	}
	return f, nil
}

func flock(f *os.File) error {
	err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB)
	if errors.Is(err, unix.EWOULDBLOCK) {
		return ErrHeld
	}
	return err
}

func stillThere(f *os.File, path string) bool {
	ours, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(ours, there)
}

// unlock releases the lock and the file. A child process that is being started at this moment holds a
// duplicate of the descriptor until it executes, so closing alone would not do.
func unlock(f *os.File) {
	_ = unix.Flock(int(f.Fd()), unix.LOCK_UN)
	_ = f.Close()
}
