package bus

import (
	"errors"
	"fmt"
	"strings"
)

const defaultPrefetch = 20

// maxName keeps queue names, with what drivers append to them, under AMQP's 255 bytes.
const maxName = 200

// ErrNoQueue is returned for a queue that nobody has declared.
var ErrNoQueue = errors.New("no such queue")

// ErrNotConsuming is what Ready wraps when a queue cannot be consumed at the moment.
var ErrNotConsuming = errors.New("queue is not consumed")

// Checked returns the subscription with its defaults, or why it cannot be.
func (s Subscription) Checked() (Subscription, error) {
	if s.Prefetch <= 0 {
		s.Prefetch = defaultPrefetch
	}
	switch {
	case s.Queue == "" || len(s.Queue) > maxName || strings.HasPrefix(s.Queue, "amq."):
		return s, fmt.Errorf("subscribe %.40q: a queue's name has 1 to %d bytes and no amq. before it", s.Queue, maxName)
	case s.Handler == nil:
		return s, fmt.Errorf("subscribe %q: no handler", s.Queue)
	case s.Exchange == Control:
		s.Keys = []string{""} // a fanout has no keys
		return s, nil
	case s.Exchange == Direct:
		s.Keys = nil // reached by its name alone
		return s, nil
	case s.Exchange != Events && s.Exchange != Schedule:
		return s, fmt.Errorf("subscribe %q: unknown exchange %q", s.Queue, s.Exchange)
	case len(s.Keys) == 0:
		return s, fmt.Errorf("subscribe %q: no keys of %s", s.Queue, s.Exchange)
	}
	return s, nil
}
