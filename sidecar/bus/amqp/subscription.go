package amqp

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

var errLost = errors.New("consumer's channel closed")

// subscription consumes its queue in whatever session there is.
type subscription struct {
	bus.Subscription
	bus *Bus

	ctx      context.Context // of its handlers
	cancel   context.CancelFunc
	stopping chan struct{}
	once     sync.Once
	done     chan struct{} // run has ended and no handler is left
	inFlight sync.WaitGroup

	mu    sync.Mutex
	err   error // why it does not consume at the moment
	first chan error
}

// Subscribe waits for the broker's answer when connected; else the subscription is made with the connection.
func (b *Bus) Subscribe(ctx context.Context, s bus.Subscription) (func(context.Context) error, error) {
	s, err := s.Checked()
	if err != nil {
		return nil, err
	}
	sub := &subscription{Subscription: s, bus: b, stopping: make(chan struct{}), done: make(chan struct{}), first: make(chan error, 1)}
	sub.ctx, sub.cancel = context.WithCancel(b.ctx)
	if !b.add(sub) {
		sub.cancel()
		return nil, bus.ErrClosed
	}
	if _, err := b.line.current(); err == nil {
		err = sub.established(ctx)
		if err != nil {
			return nil, errors.Join(err, b.remove(ctx, sub))
		}
	}
	return func(ctx context.Context) error { return b.remove(ctx, sub) }, nil
}

func (b *Bus) add(sub *subscription) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.subs[sub] = struct{}{}
	go sub.run() // its end is sub.done: a handler that never returns must not hold up Close
	return true
}

func (b *Bus) remove(ctx context.Context, sub *subscription) error {
	b.mu.Lock()
	delete(b.subs, sub)
	b.mu.Unlock()
	return sub.stop(ctx)
}

// established waits for the first try's end. What the broker refuses for good is an error; what a lost
// connection or an impatient ctx leaves open is the loop's to finish.
func (s *subscription) established(ctx context.Context) error {
	select {
	case err := <-s.first:
		if refused, ok := errors.AsType[*amqp091.Error](err); ok && isRefusal(refused.Code) {
			return err
		}
	case <-ctx.Done():
	}
	return nil
}

func isRefusal(code int) bool {
	return code == amqp091.PreconditionFailed || code == amqp091.AccessRefused || code == amqp091.ResourceLocked || code == amqp091.NotFound
}

func (s *subscription) stop(ctx context.Context) error {
	s.once.Do(func() { close(s.stopping) })
	defer s.cancel()
	select {
	case <-s.done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("handlers of %q are still running: %w", s.Queue, ctx.Err())
	}
}

// run keeps the queue consumed until stop or Close.
func (s *subscription) run() {
	defer func() {
		s.inFlight.Wait()
		close(s.done)
	}()
	seek, cancel := context.WithCancel(s.ctx)
	defer cancel()
	go func() { // a stop ends the waiting for a session, not the handlers
		select {
		case <-s.stopping:
			cancel()
		case <-seek.Done():
		}
	}()
	for seek.Err() == nil {
		session, err := s.bus.line.session(seek)
		if err != nil {
			return
		}
		if err := s.consume(session); err != nil && seek.Err() == nil {
			s.troubled(session, err)
			_ = pause.For(seek, leastPause/4+jitter()/4)
		}
	}
}

func (s *subscription) troubled(session *session, err error) {
	s.report(err)
	if session.isDead() {
		return // said once, by the supervisor
	}
	s.bus.flow.Client.Logger.WarnContext(s.ctx, "queue is not consumed, trying again", slog.String("queue", s.Queue), slog.Any("err", err))
}

func (s *subscription) report(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.err = err
	select {
	case s.first <- err:
	default:
	}
}

func (s *subscription) trouble() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.err
}

// consume handles deliveries of one channel of its own until it closes (an error) or stop drained it (nil).
func (s *subscription) consume(session *session) error {
	ch, err := session.conn.Channel()
	if err != nil {
		return fmt.Errorf("open consumer: %w", err)
	}
	deliveries, err := s.open(ch)
	if err != nil {
		return errors.Join(err, closeChannel(ch))
	}
	s.report(nil)
	done, handled := newAcks(s.Prefetch), newSettled(ch, session.raw, s.Prefetch)
	defer done.stop()
	defer handled.stop()
	for {
		select {
		case d, ok := <-deliveries:
			if !ok {
				return errors.Join(errLost, closeChannel(ch))
			}
			s.take(session, d, done, handled)
		case <-done.due():
			done.flush()
		case <-s.stopping:
			return s.leave(session, ch, deliveries, done, handled)
		}
	}
}

func (s *subscription) open(ch *amqp091.Channel) (<-chan amqp091.Delivery, error) {
	if err := declareQueue(ch, s.Subscription); err != nil {
		return nil, err
	}
	if err := ch.Qos(s.Prefetch, 0, false); err != nil {
		return nil, fmt.Errorf("limit consumer of %q: %w", s.Queue, err)
	}
	deliveries, err := ch.Consume(s.Queue, consumerTag, false, s.Exclusive, false, false, nil)
	if err != nil {
		return nil, fmt.Errorf("consume %q: %w", s.Queue, err)
	}
	return deliveries, nil
}

// consumerTag is unique within its channel, which has one consumer.
const consumerTag = "work"

// leave takes no more, finishes what was delivered, and closes the channel: nothing is redelivered.
func (s *subscription) leave(session *session, ch *amqp091.Channel, deliveries <-chan amqp091.Delivery, done *acks, handled *settled) error {
	if err := ch.Cancel(consumerTag, false); err != nil {
		return fmt.Errorf("stop consumer of %q: %w", s.Queue, err)
	}
	for d := range deliveries {
		s.take(session, d, done, handled)
	}
	s.inFlight.Wait()
	handled.flush()
	return closeChannel(ch)
}

func closeChannel(ch *amqp091.Channel) error {
	if err := ch.Close(); err != nil && !errors.Is(err, amqp091.ErrClosed) {
		return err
	}
	return nil
}

// take handles an exclusive queue's events in order, a durable queue's side by side: prefetch bounds them.
func (s *subscription) take(session *session, d amqp091.Delivery, done *acks, handled *settled) {
	if s.Exclusive {
		s.tryOnce(d)
		done.add(d)
		return
	}
	handled.begin(d.DeliveryTag)
	s.inFlight.Go(func() { s.handle(session, d, handled) })
}

// rest is the pause before another try to move a message on that the broker did not take.
const rest = time.Second
