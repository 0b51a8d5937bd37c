package amqp

import (
	"slices"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// settleWait is how long the broker waits at most to hear which messages of a durable queue are handled, while others of
// the same consumer still are.
const settleWait = 5 * time.Millisecond

// settled tells the broker of messages of a durable queue that are handled, many at once: one acknowledgement costs a quorum
// queue as much as one message, however many it stands for. One that is alone waits for nothing. What is handled and
// not acknowledged when the process dies is delivered again, as ever. Safe for concurrent use.
type settled struct {
	ch     *amqp091.Channel
	socket *socket
	rush   *rush
	most   int // that may be open until the broker is told at once

	sending sync.Mutex // held while it tells, in order: what all before a message stands for must not come after a later one
	mu      sync.Mutex
	running map[uint64]struct{} // delivery tags that are not to be acknowledged yet, or never
	open    []uint64            // handled, and not told
	timer   *time.Timer         // set while something is open
}

func newSettled(ch *amqp091.Channel, socket *socket, prefetch int) *settled {
	s := &settled{ch: ch, socket: socket, rush: newRush(prefetch), most: (prefetch + 3) / 4, running: map[uint64]struct{}{}}
	s.timer = time.AfterFunc(time.Hour, s.flush)
	s.timer.Stop()
	return s
}

func (s *settled) stop() { s.timer.Stop() }

// begin with a message. One that never ends is never acknowledged.
func (s *settled) begin(tag uint64) {
	s.rush.come()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.running[tag] = struct{}{}
}

func (s *settled) end(tag uint64) {
	s.rush.gone()
	if s.ended(tag) {
		s.flush()
	}
}

// ended says whether the broker is to be told at once.
func (s *settled) ended(tag uint64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.running, tag)
	s.open = append(s.open, tag)
	if len(s.running) == 0 || len(s.open) >= s.most {
		return true
	}
	if len(s.open) == 1 {
		s.timer.Reset(settleWait)
	}
	return false
}

// flush tells the broker of all that is open. On a dead channel nothing comes of it: the broker delivers that again.
func (s *settled) flush() {
	s.sending.Lock()
	defer s.sending.Unlock()
	upTo, others := s.take()
	s.socket.together(func() {
		if upTo > 0 {
			_ = s.ch.Ack(upTo, true)
		}
		for _, tag := range others {
			_ = s.ch.Ack(tag, false)
		}
	})
}

// take what is open: the last one of those before which everything is handled, and the others.
func (s *settled) take() (upTo uint64, others []uint64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.timer.Stop()
	oldest := ^uint64(0)
	for tag := range s.running {
		oldest = min(oldest, tag)
	}
	for _, tag := range s.open {
		if tag < oldest {
			upTo = max(upTo, tag)
		} else {
			others = append(others, tag)
		}
	}
	s.open = s.open[:0]
	slices.Sort(others)
	return upTo, others
}
