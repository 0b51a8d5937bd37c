package amqp

import (
	"fmt"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

const (
	deliveryLimit = 20 // of work queues: the net below our own count of tries
	// noLimit is for queues that are looked at again and again: looking counts as a delivery, and a newer
	// RabbitMQ has a limit of 20 where none is given.
	noLimit = 1_000_000_000
)

func parkedName(queue string) string { return queue + ".parked" }

func retryName(delay time.Duration) string {
	return fmt.Sprintf("signalbox.retry.%d", delay.Milliseconds())
}

// declare makes what all services share. Everything is idempotent.
func (s *session) declare(delays []time.Duration) error {
	ch, err := s.conn.Channel()
	if err != nil {
		return err
	}
	for name, kind := range map[string]string{
		bus.Events: amqp091.ExchangeTopic, bus.Schedule: amqp091.ExchangeTopic, bus.Control: amqp091.ExchangeFanout,
	} {
		if err := ch.ExchangeDeclare(name, kind, true, false, false, false, nil); err != nil {
			return fmt.Errorf("declare exchange %s: %w", name, err)
		}
	}
	for _, d := range delays {
		if err := declareRetry(ch, d); err != nil {
			return fmt.Errorf("declare retry of %v: %w", d, err)
		}
	}
	return ch.Close()
}

// declareRetry makes an exchange and a queue where messages sit out their delay and go back by the default
// exchange to the queue that is their routing key.
func declareRetry(ch *amqp091.Channel, delay time.Duration) error {
	name := retryName(delay)
	if err := ch.ExchangeDeclare(name, amqp091.ExchangeTopic, true, false, false, false, nil); err != nil {
		return err
	}
	_, err := ch.QueueDeclare(name, true, false, false, false, amqp091.Table{
		amqp091.QueueTypeArg:     amqp091.QueueTypeQuorum,
		"x-message-ttl":          max(delay.Milliseconds(), 1),
		"x-dead-letter-exchange": "",
		"x-dead-letter-strategy": "at-least-once",
		amqp091.QueueOverflowArg: amqp091.QueueOverflowRejectPublish,
		"x-delivery-limit":       noLimit,
	})
	if err != nil {
		return err
	}
	return ch.QueueBind(name, "#", name, false, nil)
}

// declareQueue makes the subscription's queue, its parking place, and its bindings.
func declareQueue(ch *amqp091.Channel, s bus.Subscription) error {
	if err := declareNamed(ch, s); err != nil {
		return fmt.Errorf("declare queue %q: %w", s.Queue, err)
	}
	for _, key := range s.Keys {
		if err := ch.QueueBind(s.Queue, key, s.Exchange, false, nil); err != nil {
			return fmt.Errorf("bind queue %q to %s %q: %w", s.Queue, s.Exchange, key, err)
		}
	}
	return nil
}

func declareNamed(ch *amqp091.Channel, s bus.Subscription) error {
	if s.Exclusive {
		_, err := ch.QueueDeclare(s.Queue, false, true, true, false, nil)
		return err
	}
	_, err := ch.QueueDeclare(parkedName(s.Queue), true, false, false, false, amqp091.Table{
		amqp091.QueueTypeArg: amqp091.QueueTypeQuorum, "x-delivery-limit": noLimit,
	})
	if err != nil {
		return err
	}
	_, err = ch.QueueDeclare(s.Queue, true, false, false, false, amqp091.Table{
		amqp091.QueueTypeArg:        amqp091.QueueTypeQuorum,
		"x-delivery-limit":          deliveryLimit,
		"x-dead-letter-exchange":    "",
		"x-dead-letter-routing-key": parkedName(s.Queue),
		"x-dead-letter-strategy":    "at-least-once",
		amqp091.QueueOverflowArg:    amqp091.QueueOverflowRejectPublish,
	})
	return err
}
