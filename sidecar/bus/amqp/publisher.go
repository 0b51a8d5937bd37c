package amqp

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// confirmTimeout is how long the broker may take to answer for a message; then it is asked whether it is
// there at all, and the connection closed if not: a peer that is gone without a word is found by heartbeats
// only after three times that. A queue without a leader is silent, too, but must not stop all others.
const confirmTimeout = 5 * time.Second

var errSilent = errors.New("no confirm within 5 s, and no other answer")

// publisher owns one channel, in confirm mode or not. One goroutine writes, because a write to a broker that reads
// nothing blocks and cannot be cancelled: callers wait for it no longer than their context. Another one
// collects returned messages; the broker sends a return before the confirm of the same message.
type publisher struct {
	session  *session
	ch       *amqp091.Channel
	confirms bool
	requests chan request        // buffered: many callers at once do not take turns with the writer
	sent     chan sent           // buffered: what waits for its confirm, oldest first
	returns  chan amqp091.Return // unbuffered: a return is in hand before its confirm is dispatched
	fence    chan struct{}
	done     chan struct{} // no more returns

	mu       sync.Mutex
	returned map[int64]struct{}
}

type request struct {
	exchange, key string
	msg           amqp091.Publishing
	written       chan written // buffered
}

// maxSent messages are watched at a time. With more unconfirmed, a silent broker is found by those.
const maxSent = 1024

type sent struct {
	confirm *amqp091.DeferredConfirmation
	at      time.Time
}

type written struct {
	confirm *amqp091.DeferredConfirmation // nil: none comes
	err     error
}

func newPublisher(s *session, confirms bool) (*publisher, error) {
	ch, err := s.conn.Channel()
	if err != nil {
		return nil, fmt.Errorf("open publisher: %w", err)
	}
	p := &publisher{session: s, ch: ch, confirms: confirms, requests: make(chan request, 64), returned: map[int64]struct{}{},
		fence: make(chan struct{}), done: make(chan struct{})}
	if confirms {
		if err := ch.Confirm(false); err != nil {
			return nil, fmt.Errorf("open publisher: %w", err)
		}
		p.sent = make(chan sent, maxSent)
	}
	p.returns = ch.NotifyReturn(make(chan amqp091.Return))
	closed := ch.NotifyClose(make(chan *amqp091.Error, 1))
	s.bus.running.Go(p.write)
	s.bus.running.Go(p.collect)
	s.bus.running.Go(p.guard)
	s.bus.running.Go(func() { p.watch(closed) })
	return p, nil
}

// watch ends the session with its publisher: the next one declares what was missing.
func (p *publisher) watch(closed <-chan *amqp091.Error) {
	if err := <-closed; err != nil {
		p.session.kill(fmt.Errorf("publisher's channel closed: %w", err))
	}
}

// publish returns nil when the broker has taken the message; without confirms, when it is on its way.
func (p *publisher) publish(ctx context.Context, exchange, key string, msg amqp091.Publishing) error {
	req, err := p.hand(ctx, exchange, key, msg)
	if err != nil {
		return err
	}
	return p.answer(ctx, req)
}

// hand a message to who writes; messages of one caller are written in their order.
func (p *publisher) hand(ctx context.Context, exchange, key string, msg amqp091.Publishing) (request, error) {
	req := request{exchange, key, msg, make(chan written, 1)}
	if err := p.session.gate.pass(ctx, p.session.dead); err != nil {
		return req, err
	}
	select {
	case p.requests <- req:
		return req, nil
	case <-p.session.dead:
		return req, p.lost()
	case <-ctx.Done():
		return req, overdue(ctx)
	}
}

// answer of the broker to what was handed over.
func (p *publisher) answer(ctx context.Context, req request) error {
	select {
	case w := <-req.written:
		if w.err != nil {
			return fmt.Errorf("%w: %w", bus.ErrNotTaken, w.err)
		}
		if w.confirm == nil {
			return nil
		}
		return p.await(ctx, w.confirm, req)
	case <-p.session.dead:
		return p.lost()
	case <-ctx.Done():
		return overdue(ctx)
	}
}

func (p *publisher) await(ctx context.Context, c *amqp091.DeferredConfirmation, req request) error {
	if !isDone(c) {
		select {
		case <-c.Done():
		case <-ctx.Done():
			return overdue(ctx)
		}
	}
	if p.wasReturned(int64(c.DeliveryTag)) {
		return fmt.Errorf("%w: %s %s", bus.ErrUnroutable, req.exchange, req.key)
	}
	if !c.Acked() {
		return p.lost()
	}
	return nil
}

func (p *publisher) lost() error {
	if cause := p.session.cause(); cause != nil {
		return fmt.Errorf("%w: %w", bus.ErrNotTaken, cause)
	}
	return fmt.Errorf("%w: refused", bus.ErrNotTaken)
}

func overdue(ctx context.Context) error {
	return fmt.Errorf("%w: no confirm in time: %w", bus.ErrNotTaken, ctx.Err())
}

func (p *publisher) write() {
	for {
		select {
		case req := <-p.requests:
			p.session.raw.together(func() { p.burst(req) })
		case <-p.session.dead:
			return
		}
	}
}

// burst sends all that is there.
func (p *publisher) burst(req request) {
	for {
		req.written <- p.send(req)
		select {
		case req = <-p.requests:
		default:
			return
		}
	}
}

// send is called by one goroutine only, so the next sequence number is this message's.
func (p *publisher) send(req request) written {
	if p.confirms {
		req.msg.Headers[headerTag] = int64(p.ch.GetNextPublishSeqNo())
	}
	c, err := p.ch.PublishWithDeferredConfirm(req.exchange, req.key, p.confirms, false, req.msg)
	if err != nil || c == nil {
		return written{err: err}
	}
	select {
	case p.sent <- sent{c, time.Now()}:
	default:
	}
	return written{confirm: c}
}

// guard closes a connection whose broker keeps silent about a message, whether or not somebody still waits for it.
func (p *publisher) guard() {
	for {
		select {
		case m := <-p.sent:
			p.attend(m)
		case <-p.session.dead:
			return
		}
	}
}

// attend waits for a message's confirm. A broker that said it is blocked may take its time.
func (p *publisher) attend(m sent) {
	if isDone(m.confirm) {
		return
	}
	timer := time.NewTimer(time.Until(m.at.Add(confirmTimeout)))
	defer timer.Stop()
	for {
		select {
		case <-m.confirm.Done():
			return
		case <-p.session.dead:
			return
		case <-timer.C:
			if _, blocked := p.session.gate.state(); blocked {
				timer.Reset(confirmTimeout)
				continue
			}
			if !p.session.answers() {
				p.session.kill(errSilent)
			}
			return
		}
	}
}

func isDone(c *amqp091.DeferredConfirmation) bool {
	select {
	case <-c.Done():
		return true
	default:
		return false
	}
}

func (p *publisher) collect() {
	defer close(p.done)
	for {
		select {
		case r, ok := <-p.returns:
			if !ok {
				return
			}
			if tag, ok := r.Headers[headerTag].(int64); ok {
				p.mu.Lock()
				p.returned[tag] = struct{}{}
				p.mu.Unlock()
			}
		case p.fence <- struct{}{}:
		}
	}
}

// wasReturned passes the fence first: then collect has noted every return that came before the confirm.
func (p *publisher) wasReturned(tag int64) bool {
	select {
	case <-p.fence:
	case <-p.done:
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	_, was := p.returned[tag]
	delete(p.returned, tag)
	return was
}
