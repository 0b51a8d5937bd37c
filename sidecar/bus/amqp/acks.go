package amqp

import (
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// ackPause is how long the broker waits at most to hear which events of an exclusive queue are over.
const ackPause = time.Second

// acks tells the broker of events of an exclusive queue that are over, many at once. Nothing of such a queue is delivered
// again, so that this only lets the broker send more than the prefetch; one by one it would cost the broker as much as
// the events themselves, in the moment in which it is telling everybody else. Not safe for concurrent use.
type acks struct {
	most  int // that may be open until the broker is told at once
	open  int
	last  amqp091.Delivery
	timer *time.Timer
}

func newAcks(prefetch int) *acks {
	a := &acks{most: (prefetch + 1) / 2, timer: time.NewTimer(ackPause)}
	a.timer.Stop()
	return a
}

func (a *acks) due() <-chan time.Time { return a.timer.C }

func (a *acks) stop() { a.timer.Stop() }

func (a *acks) add(d amqp091.Delivery) {
	a.last = d
	switch a.open++; {
	case a.open >= a.most:
		a.flush()
	case a.open == 1:
		a.timer.Reset(ackPause)
	}
}

func (a *acks) flush() {
	a.timer.Stop()
	if a.open > 0 {
		_ = a.last.Ack(true) // a dead channel has no queue any more
	}
	a.open = 0
}
