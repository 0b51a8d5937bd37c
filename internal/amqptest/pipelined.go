package amqptest

import (
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// Bare is what any publisher is measured against: one channel of the client library in confirm mode.
// Not safe for concurrent use.
type Bare struct {
	ch *amqp091.Channel
}

// NewBare connects to url until the end of the benchmark.
func NewBare(t testing.TB, url string) *Bare {
	t.Helper()
	conn, err := amqp091.Dial(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		t.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		t.Fatal(err)
	}
	return &Bare{ch}
}

// Publish sends body n times, mandatory and persistent, with so many in flight, and returns when all are confirmed.
func (b *Bare) Publish(t testing.TB, exchange, key string, body []byte, n, inFlight int) {
	t.Helper()
	open := make(chan *amqp091.DeferredConfirmation, inFlight)
	refused := make(chan int, 1)
	go func() {
		nacks := 0
		for c := range open {
			if !c.Wait() {
				nacks++
			}
		}
		refused <- nacks
	}()
	for range n {
		c, err := b.ch.PublishWithDeferredConfirm(exchange, key, true, false, amqp091.Publishing{
			ContentType: "application/cloudevents+json", DeliveryMode: amqp091.Persistent, MessageId: "1", Type: key, Timestamp: time.Now(), Body: body})
		if err != nil {
			t.Fatal(err)
		}
		open <- c
	}
	close(open)
	if n := <-refused; n > 0 {
		t.Fatalf("%d were not taken", n)
	}
}

// Queue declares a quorum queue that takes key.
func (b *Bare) Queue(t testing.TB, name, exchange, key string) {
	t.Helper()
	if _, err := b.ch.QueueDeclare(name, true, false, false, false, amqp091.Table{amqp091.QueueTypeArg: amqp091.QueueTypeQuorum}); err != nil {
		t.Fatal(err)
	}
	if err := b.ch.QueueBind(name, key, exchange, false, nil); err != nil {
		t.Fatal(err)
	}
}

// Purge empties a queue.
func (b *Bare) Purge(t testing.TB, queue string) {
	t.Helper()
	if _, err := b.ch.QueuePurge(queue, false); err != nil {
		t.Fatal(err)
	}
}

// Bursts publishes n messages at once, so often, to a queue that is bound to key, and returns how long after the
// beginning of its burst each one was consumed: the least that anybody waits for what is due at one instant.
func (b *Bare) Bursts(t testing.TB, exchange, key string, body []byte, n, bursts int) (took []time.Duration) {
	t.Helper()
	const queue = "bare"
	b.Queue(t, queue, exchange, key)
	if err := b.ch.Qos(n, 0, false); err != nil {
		t.Fatal(err)
	}
	deliveries, err := b.ch.Consume(queue, "", false, false, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	for range bursts {
		began, all := time.Now(), make(chan []time.Duration, 1)
		go func() {
			arrived := make([]time.Duration, 0, n)
			for d := range deliveries {
				arrived = append(arrived, time.Since(began))
				_ = d.Ack(false) // a lost channel ends the deliveries
				if len(arrived) == n {
					break
				}
			}
			all <- arrived
		}()
		b.Publish(t, exchange, key, body, n, n)
		took = append(took, <-all...)
	}
	if len(took) != n*bursts {
		t.Fatalf("%d of %d messages came", len(took), n*bursts)
	}
	return took
}
