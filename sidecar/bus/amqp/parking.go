package amqp

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

// Parked looks without taking: what it was shown goes back. Two who look at the same time each see a part.
func (b *Bus) Parked(ctx context.Context, queue string, limit int) ([]bus.Parked, error) {
	var all []bus.Parked
	err := b.parking(ctx, queue, func(_ *session, l *lot) error {
		for len(all) < limit {
			d, ok, err := l.next(ctx)
			if err != nil || !ok {
				return err
			}
			all = append(all, parked(d))
		}
		return nil
	})
	return all, err
}

// Replay moves them one by one: confirmed in the work queue, then acknowledged here. What is parked after it
// began stays, so that a message which fails at once does not go round for ever.
func (b *Bus) Replay(ctx context.Context, queue string, ids ...string) (int, error) {
	began, n := time.Now(), 0
	err := b.parking(ctx, queue, func(s *session, l *lot) error {
		for {
			d, ok, err := l.next(ctx)
			if err != nil || !ok {
				return err
			}
			p := parked(d)
			if len(ids) > 0 && !slices.Contains(ids, p.ID) || p.ParkedAt.After(began) {
				continue
			}
			if err := s.back.publish(ctx, bus.Direct, queue, onward(d, nil)); err != nil {
				return err
			}
			if err := l.taken(d); err != nil {
				return err
			}
			n++
		}
	})
	return n, err
}

// parking opens a channel for work on the parking place.
func (b *Bus) parking(ctx context.Context, queue string, work func(*session, *lot) error) error {
	s, err := b.line.session(ctx)
	if err != nil {
		return err
	}
	ch, err := s.conn.Channel()
	if err != nil {
		return fmt.Errorf("open parking place of %q: %w", queue, err)
	}
	l := &lot{ch: ch, queue: parkedName(queue)}
	err = work(s, l)
	if err == nil {
		err = l.giveBack(ctx)
	}
	if gone, ok := errors.AsType[*amqp091.Error](err); ok && gone.Code == amqp091.NotFound {
		err = bus.ErrNoQueue
	}
	if err != nil {
		err = fmt.Errorf("parking place of %q: %w", queue, err)
	}
	return errors.Join(err, closeChannel(ch))
}

// lot is a parking place while one looks through it.
type lot struct {
	ch    *amqp091.Channel
	queue string
	held  []uint64 // delivery tags, ascending
}

func (l *lot) next(ctx context.Context) (amqp091.Delivery, bool, error) {
	if err := ctx.Err(); err != nil {
		return amqp091.Delivery{}, false, err
	}
	d, ok, err := l.ch.Get(l.queue, false)
	if ok {
		l.held = append(l.held, d.DeliveryTag)
	}
	return d, ok, err
}

func (l *lot) taken(d amqp091.Delivery) error {
	l.held = slices.DeleteFunc(l.held, func(tag uint64) bool { return tag == d.DeliveryTag })
	return d.Ack(false)
}

const (
	giveBackLimit = time.Second
	giveBackPoll  = 2 * time.Millisecond
)

// giveBack requeues what is held and waits until the broker shows it, which it does a moment later:
// who looks again, or replays, sees it.
func (l *lot) giveBack(ctx context.Context) error {
	if len(l.held) == 0 {
		return nil
	}
	if err := l.ch.Nack(l.held[len(l.held)-1], true, true); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, giveBackLimit)
	defer cancel()
	for {
		q, err := l.ch.QueueDeclarePassive(l.queue, true, false, false, false, nil)
		if err != nil || q.Messages >= len(l.held) || pause.For(ctx, giveBackPoll) != nil {
			return err
		}
	}
}
