package timed

import (
	"context"
	"math"
	"sync"
	"time"
)

// tellEvery is when a handler's instance first says that the handler is at work, and how often at most from then on.
const tellEvery = time.Second

// maxNote bounds the note of a progress, in characters.
const maxNote = 200

// Progress says how far the handler is: share from 0 to 1, and what it is doing. At most one message a second goes out,
// with the newest word, and none before the handler has run for a second. It never blocks, and outside of a handler's
// context it does nothing.
func Progress(ctx context.Context, share float64, note string) {
	if t := tellerOf(ctx); t != nil && !math.IsNaN(share) {
		t.say(min(max(share, 0), 1), shortenTo(note, maxNote))
	}
}

// Result says what there is to say of the handler's success; it goes with the completed receipt, the first 2 000
// characters of it. The last call counts. Outside of a handler's context it does nothing.
func Result(ctx context.Context, text string) {
	if t := tellerOf(ctx); t != nil {
		t.mu.Lock()
		defer t.mu.Unlock()
		t.result = shorten(text)
	}
}

type tellerKey struct{}

func tellerOf(ctx context.Context) *teller {
	t, _ := ctx.Value(tellerKey{}).(*teller)
	return t
}

// word is what a teller sends: received where share is nil, else the progress.
type word struct {
	share *float64
	note  string
}

// teller tells beside the handler that it is at work. Its timer is set, or its message under way, unless it is idle.
type teller struct {
	ctx  context.Context //nolint:containedctx // of its messages; it ends with the handler
	stop context.CancelFunc
	send func(context.Context, word) error

	mu     sync.Mutex
	timer  *time.Timer
	idle   bool
	closed bool
	last   time.Time
	next   *word // not sent yet
	result string
	busy   sync.WaitGroup
}

// newTeller starts to tell: at once, or when the handler has run for a second.
func newTeller(ctx context.Context, atOnce bool, send func(context.Context, word) error) *teller {
	t := &teller{send: send, next: &word{}}
	t.ctx, t.stop = context.WithCancel(context.WithoutCancel(ctx))
	first := tellEvery
	if atOnce {
		first = 0
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.timer = time.AfterFunc(first, t.tell)
	return t
}

func (t *teller) say(share float64, note string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.next = &word{share: &share, note: note}
	if t.idle && !t.closed {
		t.idle = false
		t.timer.Reset(max(0, tellEvery-time.Since(t.last)))
	}
}

// tell sends the newest word. One that was not sent is tried again in a second, unless there is a newer one by then.
func (t *teller) tell() {
	w := t.take()
	if w == nil {
		return
	}
	defer t.busy.Done()
	err := t.send(t.ctx, *w)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.last = time.Now()
	if err != nil && t.next == nil {
		t.next = w
	}
	if t.idle = t.next == nil; !t.idle && !t.closed {
		t.timer.Reset(tellEvery)
	}
}

func (t *teller) take() *word {
	t.mu.Lock()
	defer t.mu.Unlock()
	w := t.next
	if t.closed || w == nil {
		return nil
	}
	t.next = nil
	t.busy.Add(1)
	return w
}

// close ends telling; after it nothing is under way any more.
func (t *teller) close() {
	t.mu.Lock()
	t.closed = true
	t.timer.Stop()
	t.mu.Unlock()
	t.stop()
	t.busy.Wait()
}

func (t *teller) resultText() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.result
}
