package amqp

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/internal/flow"
)

// Bus is one client's connection to RabbitMQ.
type Bus struct {
	url  string
	flow *flow.Flow
	line *line

	ctx     context.Context // of everything in the background; ends with Close
	cancel  context.CancelFunc
	running sync.WaitGroup
	closing sync.Once
	ended   chan struct{}
	endErr  error

	mu     sync.Mutex
	subs   map[*subscription]struct{}
	closed bool // no new subscriptions
}

// Open starts connecting to url (amqp:// or amqps://, with the vhost) and never fails because the broker is
// away: Ready says how it stands. An error is the operator's, and holds no part of the URL.
func Open(url string, c bus.Client) (*Bus, error) {
	if err := checkURL(url); err != nil {
		return nil, err
	}
	f, err := flow.New("rabbitmq", c)
	if err != nil {
		return nil, err
	}
	b := &Bus{url: url, flow: f, line: newLine(), ended: make(chan struct{}), subs: map[*subscription]struct{}{}}
	b.ctx, b.cancel = context.WithCancel(context.Background())
	b.running.Go(b.supervise)
	return b, nil
}

// checkURL never quotes the URL: a password may be in it.
func checkURL(raw string) error {
	u, err := url.Parse(raw)
	if err != nil || u.Scheme != "amqp" && u.Scheme != "amqps" || u.Host == "" {
		return errors.New("bus url: want amqp://user:password@host:port/vhost, or amqps")
	}
	if _, err := amqp091.ParseURI(raw); err != nil {
		return errors.New("bus url: port or vhost is malformed")
	}
	return nil
}

// Publish waits for a connection if there is none, and for the broker's confirm.
func (b *Bus) Publish(ctx context.Context, p bus.Publication) error {
	calm(ctx)
	return b.flow.Publish(ctx, p, func(ctx context.Context, m flow.Message) error {
		s, err := b.line.session(ctx)
		if err != nil {
			return err
		}
		out := s.out
		if m.Light {
			out = s.thin
		}
		return out.publish(ctx, m.Exchange, m.Key, outgoing(m))
	})
}

// Ready is nil when connected, not blocked, and with every subscription in place.
func (b *Bus) Ready() error {
	s, err := b.line.current()
	if err != nil {
		return err
	}
	if reason, blocked := s.gate.state(); blocked {
		return fmt.Errorf("blocked by the broker: %s", reason)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for sub := range b.subs {
		if err := sub.trouble(); err != nil {
			return fmt.Errorf("%w: %s: %w", bus.ErrNotConsuming, sub.Queue, err)
		}
	}
	return nil
}

// Close drains the subscriptions, then disconnects; when ctx ends first, it disconnects at once.
func (b *Bus) Close(ctx context.Context) error {
	b.closing.Do(func() {
		b.endErr = b.drain(ctx)
		b.line.close()
		b.cancel()
		b.running.Wait()
		close(b.ended)
	})
	<-b.ended
	return b.endErr
}

func (b *Bus) drain(ctx context.Context) error {
	ctx, cancel := b.patience(ctx)
	defer cancel()
	b.mu.Lock()
	b.closed = true
	subs := b.subs
	b.subs = map[*subscription]struct{}{}
	b.mu.Unlock()
	errs := make(chan error, len(subs))
	for sub := range subs {
		go func() { errs <- sub.stop(ctx) }()
	}
	var all error
	for range subs {
		all = errors.Join(all, <-errs)
	}
	return all
}

// patience is short with a broker that reads nothing: no consumer can be cancelled then.
func (b *Bus) patience(ctx context.Context) (context.Context, context.CancelFunc) {
	if s, err := b.line.current(); err == nil {
		if _, blocked := s.gate.state(); blocked {
			return context.WithTimeout(ctx, closeTimeout)
		}
	}
	return ctx, func() {}
}
