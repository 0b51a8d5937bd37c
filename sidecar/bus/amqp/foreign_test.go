package amqp_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// foreign is a client of the broker that is none of ours.
func foreign(t *testing.T, url string) *amqp091.Channel {
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
	return ch
}

// TestB11_MalformedIsParked: what is no event goes to the parking place with the reason, and is tried by nobody.
func TestB11_MalformedIsParked(t *testing.T) {
	url := amqptest.New(t)
	b := open(t, url, "lab-1")
	ready(t, b)
	got := make(chan string, 10)
	subscribe(t, b, func(_ context.Context, d bus.Delivery) error { got <- d.ID; return nil })
	ch := foreign(t, url)
	for id, body := range map[string]string{
		"no-json":     `{`,
		"new-version": `{"specversion":"9.0","id":"new-version","source":"s","type":"t"}`,
		"good":        `{"specversion":"1.0","id":"good","source":"s","type":"t","data":1}`,
	} {
		if err := ch.Publish(bus.Events, "lab.made", true, false, amqp091.Publishing{MessageId: id, Body: []byte(body), Headers: amqp091.Table{"signalbox-attempt": "x"}}); err != nil {
			t.Fatal(err)
		}
	}
	if id := <-got; id != "good" {
		t.Errorf("got %s", id)
	}
	reasons := map[string]string{}
	wait.For(t, 10*time.Second, "two parked", func() bool {
		all, err := b.Parked(t.Context(), "lab.work", 10)
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range all {
			reasons[p.ID] = p.Reason
		}
		return len(reasons) == 2
	})
	if reasons["no-json"] == "" || reasons["new-version"] != `malformed event: specversion "9.0"` {
		t.Errorf("reasons %v", reasons)
	}
}

// A queue that somebody deletes is declared again by its subscriber.
func TestDeletedQueueComesBack(t *testing.T) {
	url := amqptest.New(t)
	b := open(t, url, "lab-1")
	ready(t, b)
	got := make(chan string, 10)
	subscribe(t, b, func(_ context.Context, d bus.Delivery) error { got <- d.ID; return nil })
	if _, err := foreign(t, url).QueueDelete("lab.work", false, false, false); err != nil {
		t.Fatal(err)
	}
	wait.For(t, 10*time.Second, "the queue's return", func() bool { return b.Publish(t.Context(), event()) == nil })
	<-got
	if err := b.Ready(); err != nil {
		t.Errorf("ready: %v", err)
	}
}

// A queue that is there with other arguments is the operator's to mend: Subscribe says so.
func TestQueueOfAnotherShapeIsRefused(t *testing.T) {
	url := amqptest.New(t)
	if _, err := foreign(t, url).QueueDeclare("lab.work", true, false, false, false, nil); err != nil {
		t.Fatal(err)
	}
	b := open(t, url, "lab-1")
	ready(t, b)
	if _, err := b.Subscribe(t.Context(), bus.Subscription{Queue: "lab.work", Exchange: bus.Events, Keys: []string{"k"}, Handler: ok}); err == nil {
		t.Error("subscribed to a classic queue")
	}
	if err := b.Ready(); err != nil {
		t.Errorf("ready: %v", err)
	}
}

// TestB8_RetryPlaceMissing: somebody deletes where a failed event waits. The event is not acknowledged before
// it is elsewhere, and the place is made again.
func TestB8_RetryPlaceMissing(t *testing.T) {
	url := amqptest.New(t)
	b := open(t, url, "lab-1")
	ready(t, b)
	var tries atomic.Int64
	done := make(chan bus.Delivery, 1)
	subscribe(t, b, func(_ context.Context, d bus.Delivery) error {
		if tries.Add(1) < 3 {
			return errNotToday
		}
		done <- d
		return nil
	})
	if _, err := foreign(t, url).QueueDelete("signalbox.retry.1000", false, false, false); err != nil {
		t.Fatal(err)
	}
	if err := b.Publish(t.Context(), event()); err != nil {
		t.Fatal(err)
	}
	select {
	case d := <-done: // lost with its place, delivered again, tried, waited, tried
		if d.Attempt != 2 {
			t.Errorf("attempt %d, want 2", d.Attempt)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the event is lost")
	}
}

var errNotToday = errors.New("not today")
