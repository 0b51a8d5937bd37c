package amqp_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/amqp"
)

func open(t *testing.T, url, instance string) *amqp.Bus {
	t.Helper()
	b, err := amqp.Open(url, bus.Client{Service: "lab", Instance: instance})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		_ = b.Close(ctx)
	})
	return b
}

func ready(t *testing.T, b bus.Bus) {
	t.Helper()
	wait.For(t, 20*time.Second, "a connection", func() bool { return b.Ready() == nil })
}

func ok(context.Context, bus.Delivery) error { return nil }

func event() bus.Publication {
	return bus.Publication{Exchange: bus.Events, Key: "lab.made", Event: bus.Event{Type: "lab.made"}}
}

func subscribe(t *testing.T, b bus.Bus, h bus.Handler) {
	t.Helper()
	if _, err := b.Subscribe(t.Context(), bus.Subscription{Queue: "lab.work", Exchange: bus.Events, Keys: []string{"lab.#"}, Handler: h}); err != nil {
		t.Fatal(err)
	}
}

// TestB4_ThirtyClientsReconnectWithJitter: the broker is away for five seconds.
func TestB4_ThirtyClientsReconnectWithJitter(t *testing.T) {
	const clients, limit = 30, 40
	p, url := newProxy(t, amqptest.New(t))
	var all []*amqp.Bus
	for i := range clients {
		all = append(all, open(t, url, fmt.Sprintf("lab-%d", i)))
	}
	for _, b := range all {
		ready(t, b)
	}
	began := time.Now()
	p.cut(true)
	<-time.After(5 * time.Second) // the outage itself
	p.admitAll()
	back := time.Now()
	for _, b := range all {
		ready(t, b)
	}
	most := p.busiest(began)
	if most > limit {
		t.Errorf("%d connects within a second, limit %d", most, limit)
	}
	t.Logf("METRIC bus_connects_per_second_max=%d limit=%d", most, limit)
	t.Logf("METRIC bus_thirty_clients_back_seconds=%.3f limit=3", time.Since(back).Seconds())
}

// TestB3_BlackHole: the peer is gone without a word while a confirm is outstanding.
func TestB3_BlackHole(t *testing.T) {
	p, url := newProxy(t, amqptest.New(t))
	b := open(t, url, "lab-1")
	ready(t, b)
	subscribe(t, b, ok)
	p.stall(true)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	if err := b.Publish(ctx, event()); !errors.Is(err, bus.ErrNotTaken) || !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("publish into a black hole: %v", err)
	}
	t.Logf("METRIC bus_publish_black_hole_seconds=%.3f limit=0.300", time.Since(began).Seconds())
	wait.For(t, 20*time.Second, "the peer's death to be found", func() bool { return b.Ready() != nil })
	t.Logf("METRIC bus_dead_peer_found_seconds=%.3f limit=6", time.Since(began).Seconds())
	p.stall(false)
	ready(t, b)
	wait.For(t, 20*time.Second, "traffic", func() bool { return b.Publish(t.Context(), event()) == nil })
}

// TestB2_MemoryAlarm: the broker holds its publishers back.
func TestB2_MemoryAlarm(t *testing.T) {
	server := amqptest.Server(t)
	before := goleak.IgnoreCurrent()
	watermark := func(w string) {
		if _, err := server.Eval(t.Context(), `vm_memory_monitor:set_vm_memory_high_watermark(`+w+`).`); err != nil {
			t.Fatal(err)
		}
	}
	b := open(t, server.URL(), "lab-1")
	ready(t, b)
	subscribe(t, b, ok)
	watermark("0.00000001")
	var slowest time.Duration
	wait.For(t, 20*time.Second, "the alarm", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		began := time.Now()
		err := b.Publish(ctx, event())
		slowest = max(slowest, time.Since(began))
		return err != nil && b.Ready() != nil
	})
	if err := b.Ready(); err == nil || !strings.Contains(err.Error(), "blocked") {
		t.Errorf("ready: %v", err)
	}
	t.Logf("METRIC bus_publish_blocked_seconds=%.3f limit=0.300", slowest.Seconds())
	second := open(t, server.URL(), "lab-2")
	ready(t, second)
	wait.For(t, 20*time.Second, "the second client to be blocked", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer cancel()
		return second.Publish(ctx, event()) != nil && second.Ready() != nil
	})
	began := time.Now()
	_ = second.Close(t.Context())
	t.Logf("METRIC bus_close_blocked_seconds=%.3f limit=2", time.Since(began).Seconds())
	watermark("0.4")
	began = time.Now()
	wait.For(t, 20*time.Second, "traffic", func() bool { return b.Publish(t.Context(), event()) == nil })
	t.Logf("METRIC bus_unblocked_seconds=%.3f limit=2", time.Since(began).Seconds())
	if err := b.Close(t.Context()); err != nil {
		t.Errorf("close: %v", err)
	}
	goleak.VerifyNone(t, before)
}

// TestB12_BrokerAbsentAtBoot: nothing fails, and the URL's password is in no error.
func TestB12_BrokerAbsentAtBoot(t *testing.T) {
	defer goleak.VerifyNone(t, goleak.IgnoreCurrent())
	b, err := amqp.Open("amqp://user:secret-word@127.0.0.1:1/", bus.Client{Service: "lab", Instance: "lab-1"})
	if err != nil {
		t.Fatal(err)
	}
	subscribe(t, b, ok)
	wait.For(t, 10*time.Second, "the cause", func() bool { return strings.Contains(b.Ready().Error(), "refused") })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for _, err := range []error{b.Ready(), b.Publish(ctx, event())} {
		if err == nil || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("error: %v", err)
		}
	}
	if err := b.Close(t.Context()); err != nil {
		t.Errorf("close: %v", err)
	}
	for _, url := range []string{"", "http://secret-word@x", "amqp://u:secret-word@", "amqp://u:secret-word@h:port/", "amqp://u:secret-word@h/%zz"} {
		if _, err := amqp.Open(url, bus.Client{}); err == nil || strings.Contains(err.Error(), "secret-word") {
			t.Errorf("open %q: %v", url, err)
		}
	}
}
