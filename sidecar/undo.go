package sidecar

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// undo is what a failing New, and Stop, take back in reverse. Every acquisition registers its undo on the next line.
type undo struct {
	steps []undoStep
}

// leastUndo is enough for closing a file that is to be synced.
const leastUndo = 200 * time.Millisecond

type undoStep struct {
	name string
	do   func(ctx context.Context) error
}

func (u *undo) add(name string, do func(ctx context.Context) error) {
	u.steps = append(u.steps, undoStep{name, do})
}

// run takes back everything that is still held, last first, whatever fails on the way, and none of it takes more than
// half of the time that is left, or less than a moment. Running it twice does nothing more.
func (u *undo) run(ctx context.Context) error {
	var errs []error
	for len(u.steps) > 0 {
		last := u.steps[len(u.steps)-1]
		u.steps = u.steps[:len(u.steps)-1]
		if err := inMoment(ctx, last.do); err != nil {
			errs = append(errs, fmt.Errorf("stop %s: %w", last.name, err))
		}
	}
	return errors.Join(errs...)
}

// inMoment is inHalf for a step that gives something back: it has a moment even when the time is over.
func inMoment(ctx context.Context, step func(context.Context) error) error {
	if end, bounded := ctx.Deadline(); bounded && time.Until(end) < 2*leastUndo {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(context.WithoutCancel(ctx), 2*leastUndo)
		defer cancel()
	}
	return inHalf(ctx, step)
}
