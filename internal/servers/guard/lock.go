package guard

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
)

// ErrLocked means that another program's server lives on the same data.
var ErrLocked = errors.New("in use by another program")

// lock takes the order's lock for the life of this process: the descriptor is never closed, and no child
// inherits it.
func lock(o order, requests <-chan request) error {
	if o.Lock == "" {
		return nil
	}
	fd, err := syscall.Open(o.Lock, syscall.O_RDWR|syscall.O_CREAT|syscall.O_CLOEXEC, 0o600)
	if err != nil {
		return fmt.Errorf("open lock: %w", &os.PathError{Op: "open", Path: o.Lock, Err: err})
	}
	deadline := time.After(o.LockWait)
	for {
		err := syscall.Flock(fd, syscall.LOCK_EX|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		select {
		case <-deadline:
			return fmt.Errorf("%s is %w", o.Lock, ErrLocked)
		case <-requests:
			return errors.New("given up while waiting for the lock")
		case <-time.After(20 * time.Millisecond):
		}
	}
}
