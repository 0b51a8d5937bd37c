package amqp_test

import (
	"testing"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/bustest"
)

// BenchmarkPublishReceive is one event from Publish to its handler and the confirm. The limit is a raw
// publish to a quorum queue, confirmed.
func BenchmarkPublishReceive(b *testing.B) {
	b.Run("amqp", func(b *testing.B) {
		url := amqptest.New(b)
		bustest.Benchmark(b, vhost{url}, rawPublish(b, url))
	})
}

func rawPublish(b *testing.B, url string) func() error {
	b.Helper()
	conn, err := amqp091.Dial(url)
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = conn.Close() })
	ch, err := conn.Channel()
	if err != nil {
		b.Fatal(err)
	}
	if err := ch.Confirm(false); err != nil {
		b.Fatal(err)
	}
	if _, err := ch.QueueDeclare("raw", true, false, false, false, amqp091.Table{amqp091.QueueTypeArg: amqp091.QueueTypeQuorum}); err != nil {
		b.Fatal(err)
	}
	return func() error {
		c, err := ch.PublishWithDeferredConfirm("", "raw", true, false, amqp091.Publishing{DeliveryMode: amqp091.Persistent, Body: make([]byte, 300)})
		if err == nil {
			c.Wait()
		}
		return err
	}
}
