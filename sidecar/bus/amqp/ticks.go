package amqp

import (
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// tickPause is how long the broker waits at most to hear which events of an exclusive queue are over.
const tickPause = time.Second

// ticks tells the broker of events of an exclusive queue that are over, many at once. Nothing of such a queue is delivered
// again, so that this only lets the broker send more than the prefetch; one by one it would cost the broker as much as
// the events themselves, in the moment in which it is telling everybody else. Not safe for concurrent use.
type ticks struct {
	most  int // that may be open until the broker is told at once
	open  int
	last  amqp091.Delivery
	timer *time.Timer
}

func newTicks(prefetch int) *ticks {
	t := &ticks{most: (prefetch + 1) / 2, timer: time.NewTimer(tickPause)}
	t.timer.Stop()
	return t
}

func (t *ticks) due() <-chan time.Time { return t.timer.C }

func (t *ticks) stop() { t.timer.Stop() }

func (t *ticks) add(d amqp091.Delivery) {
	t.last = d
	switch t.open++; {
	case t.open >= t.most:
		t.flush()
	case t.open == 1:
		t.timer.Reset(tickPause)
	}
}

func (t *ticks) flush() {
	t.timer.Stop()
	if t.open > 0 {
		_ = t.last.Ack(true) // a dead channel has no queue any more
	}
	t.open = 0
}
