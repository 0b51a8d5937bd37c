package amqp_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// Of many at once each has its own end, and the broker gets them in their order.
func TestPublishAll(t *testing.T) {
	const many, unroutable, large, given = 300, 50, 60, 70
	b := open(t, amqptest.New(t), "lab-1")
	ready(t, b)
	got := make(chan string, many)
	_, err := b.Subscribe(t.Context(), bus.Subscription{Queue: "lab.work", Exchange: bus.Events, Keys: []string{"lab.#"}, Prefetch: 1,
		Handler: func(_ context.Context, d bus.Delivery) error { got <- d.ID; return nil }})
	if err != nil {
		t.Fatal(err)
	}
	all, want := make([]bus.Publication, many), []string(nil)
	for i := range all {
		all[i] = event()
		all[i].Event.ID = fmt.Sprintf("n%d", i)
		switch i {
		case unroutable:
			all[i].Key = "nobody.made"
		case large:
			all[i].Event.Data = json.RawMessage(`"` + string(slices.Repeat([]byte("x"), bus.MaxSize)) + `"`)
		case given:
			all[i].Encoded = []byte(`{"specversion":"1.0","id":"as it is","source":"/lab","type":"lab.made"}`)
			want = append(want, "as it is")
		default:
			want = append(want, all[i].Event.ID)
		}
	}
	told := map[int]error{}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // the usual deadline is for all of them together
	defer cancel()
	b.PublishAll(ctx, all, func(i int, err error) {
		if _, twice := told[i]; twice {
			t.Errorf("told twice of %d", i)
		}
		told[i] = err
	})
	for i := range all {
		end := map[int]error{unroutable: bus.ErrUnroutable, large: bus.ErrTooLarge}[i]
		if err, ended := told[i]; !ended || !errors.Is(err, end) {
			t.Errorf("%d: %v, want %v", i, err, end)
		}
	}
	var ids []string
	for range want {
		select {
		case id := <-got:
			ids = append(ids, id)
		case <-time.After(20 * time.Second):
			t.Fatalf("%d of %d came", len(ids), len(want))
		}
	}
	if !slices.Equal(ids, want) {
		t.Errorf("came as %v", ids)
	}
}

// Without a broker everything ends with the deadline, and may be published again.
func TestPublishAllWithoutABroker(t *testing.T) {
	p, url := newProxy(t, amqptest.New(t))
	b := open(t, url, "lab-1")
	ready(t, b)
	p.cut(true)
	wait.For(t, 20*time.Second, "the loss of the connection", func() bool { return b.Ready() != nil })
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	ended := 0
	b.PublishAll(ctx, slices.Repeat([]bus.Publication{event()}, 100), func(_ int, err error) {
		if ended++; !errors.Is(err, bus.ErrNotTaken) {
			t.Errorf("%v, want %v", err, bus.ErrNotTaken)
		}
	})
	if ended != 100 {
		t.Errorf("%d of 100 ended", ended)
	}
}
