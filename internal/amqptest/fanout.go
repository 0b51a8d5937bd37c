package amqptest

import (
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"
)

// FanOut is the limit of everything that tells many at once: it publishes one message of so many bytes to a fanout
// exchange with n consumers, each on a connection of its own as in n services, and returns the time until the last of
// them has it. Nothing is confirmed, acknowledged or looked at.
func FanOut(t testing.TB, url string, n, bytes int) func() time.Duration {
	t.Helper()
	const exchange = "bare"
	got := make(chan time.Time, n)
	open := func() *amqp091.Channel {
		conn, err := amqp091.Dial(url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		ch, err := conn.Channel()
		if err != nil {
			t.Fatal(err)
		}
		return ch
	}
	from := open()
	if err := from.ExchangeDeclare(exchange, amqp091.ExchangeFanout, false, true, false, false, nil); err != nil {
		t.Fatal(err)
	}
	for range n {
		consume(t, open(), exchange, got)
	}
	return func() time.Duration {
		began := time.Now()
		if err := from.PublishWithContext(t.Context(), exchange, "", false, false, amqp091.Publishing{Body: make([]byte, bytes)}); err != nil {
			t.Fatal(err)
		}
		var last time.Time
		for range n {
			if at := <-got; at.After(last) {
				last = at
			}
		}
		return last.Sub(began)
	}
}

func consume(t testing.TB, ch *amqp091.Channel, exchange string, got chan<- time.Time) {
	t.Helper()
	q, err := ch.QueueDeclare("", false, true, true, false, nil)
	if err == nil {
		err = ch.QueueBind(q.Name, "", exchange, false, nil)
	}
	if err != nil {
		t.Fatal(err)
	}
	deliveries, err := ch.Consume(q.Name, "", true, true, false, false, nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for range deliveries {
			got <- time.Now()
		}
	}()
}
