package guard

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// ErrEarly says that a server has ended before it was ready.
var ErrEarly = errors.New("server ended before it was ready")

// Running says whether the server is there.
func (p *Process) Running() bool {
	if p == nil {
		return false
	}
	select {
	case <-p.done:
		return false
	default:
		return true
	}
}

// Await asks again and again, with that pause, until ready is nil. Errors: ErrEarly with how it ended when the server is no
// more, and ctx's own with what ready said last.
func (p *Process) Await(ctx context.Context, pause time.Duration, ready func() error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for last := error(nil); ; timer.Reset(pause) {
		select {
		case <-p.done:
			return fmt.Errorf("%w: %w", ErrEarly, orZero(p.err))
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		case <-timer.C:
		}
		if last = ready(); last == nil {
			return nil
		}
	}
}

func orZero(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}
