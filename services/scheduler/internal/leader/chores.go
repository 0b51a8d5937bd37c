package leader

import (
	"context"
	"log/slog"
	"time"
)

const (
	expireEvery  = time.Minute
	measureEvery = 10 * time.Second
	choresLatest = 5 // times as late they are done by a planner, too, that always leaves something over
)

// chores are what a leader does now and then, while nothing is due.
type chores struct{ expired, measured time.Time }

func newChores() chores {
	now := time.Now()
	return chores{expired: now.Add(-expireEvery), measured: now.Add(-measureEvery)}
}

// waited says that what was done then, and is to be done so often, is to be done again.
func waited(since time.Time, every time.Duration, idle bool) bool {
	late := time.Since(since) - every
	return late >= 0 && idle || late > choresLatest*every
}

// chores follow what is published again: its time may be over only for want of a leader.
func (l *Leader) chores(ctx context.Context, term Term, c *chores, idle bool) error {
	if waited(c.expired, expireEvery, idle) {
		more, err := l.expire(ctx, term)
		if err != nil {
			return err
		}
		if !more {
			c.expired = time.Now()
		}
	}
	if waited(c.measured, measureEvery, idle) {
		if err := l.measure(ctx, term); err != nil {
			return err
		}
		c.measured = time.Now()
	}
	return nil
}

func (l *Leader) measure(ctx context.Context, term Term) error {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	levels, err := term.Measure(ctx)
	if err == nil {
		l.metrics.measured(levels)
	}
	return err
}

// expire says whether more is left to be ended.
func (l *Leader) expire(ctx context.Context, term Term) (more bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, storeTimeout)
	defer cancel()
	ended, more, err := term.Expire(ctx)
	n := 0
	for reason, fires := range ended {
		n += fires
		l.metrics.miss(reason, fires)
	}
	l.metrics.expired.Add(float64(n))
	if n > 0 {
		l.log.WarnContext(ctx, "the time of fires was over before they ended", slog.Int("fires", n))
	}
	return more, err
}
