package amqp

import (
	"context"
	"sync"
	"time"
)

const (
	manyInHand  = 100                    // of one consumer may be a rush
	rushPause   = 10 * time.Millisecond  // in which nothing comes ends it
	longestRush = 100 * time.Millisecond // whatever comes
)

// rush is the time in which many messages come to one consumer at once. What their handlers publish waits until the others are
// here: each of these answers costs the broker, and everybody's processors, as much as a message that somebody waits for. There is
// none when the consumer has all that it may have in hand, for then nothing more comes. Safe for concurrent use.
type rush struct {
	most int // that the consumer has in hand

	mu     sync.Mutex
	inHand int
	last   time.Time // that one came
	began  time.Time // of the waiting
	over   chan struct{}
	timer  *time.Timer
}

func newRush(most int) *rush { return &rush{most: most} }

func (r *rush) come() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inHand++
	if r.last = time.Now(); r.inHand >= r.most {
		r.end()
	}
}

func (r *rush) gone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.inHand--
}

// wait for the rush's end, or ctx's.
func (r *rush) wait(ctx context.Context) {
	over := r.on()
	if over == nil {
		return
	}
	select {
	case <-over:
	case <-ctx.Done():
	}
}

// on is what ends with the rush; nil: there is none.
func (r *rush) on() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.over == nil {
		if r.inHand < manyInHand || r.inHand >= r.most {
			return nil
		}
		r.over, r.began = make(chan struct{}), time.Now()
		r.timer = time.AfterFunc(rushPause, r.look)
	}
	return r.over
}

// look whether it is over.
func (r *rush) look() {
	r.mu.Lock()
	defer r.mu.Unlock()
	left := min(rushPause-time.Since(r.last), longestRush-time.Since(r.began))
	if r.over != nil && left > 0 {
		r.timer.Reset(left)
		return
	}
	r.end()
}

func (r *rush) end() {
	if r.over != nil {
		r.timer.Stop()
		close(r.over)
		r.over = nil
	}
}

// answer is what goes with a delivery's context: its handler's first Publish waits for the rush's end.
type answer struct {
	rush  *rush
	first sync.Once
}

type answerKey struct{}

// during the handling of a delivery.
func (r *rush) during(ctx context.Context) context.Context {
	return context.WithValue(ctx, answerKey{}, &answer{rush: r})
}

// calm waits for the end of the rush in which the delivery came whose handler has this context, once.
func calm(ctx context.Context) {
	if a, ok := ctx.Value(answerKey{}).(*answer); ok {
		a.first.Do(func() { a.rush.wait(ctx) })
	}
}
