package bustest

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// Benchmark measures one event at a time from Publish to its handler's end and the confirm, and reports how
// many times the limit that is: limit does once what the transport itself cannot do without.
func Benchmark(b *testing.B, broker Broker, limit func() error) {
	c, err := broker.Open(bus.Client{Service: "lab", Instance: "bench"})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = c.Close(context.Background()) })
	eventually(b, patience, "a connection", func() bool { return c.Ready() == nil })
	received := make(chan struct{}, 1)
	if _, err := c.Subscribe(b.Context(), bus.Subscription{Queue: "lab.bench", Exchange: bus.Events, Keys: []string{"bench"},
		Handler: func(context.Context, bus.Delivery) error { received <- struct{}{}; return nil }}); err != nil {
		b.Fatal(err)
	}
	p := to("bench", bus.Event{Type: "bench", Data: json.RawMessage(`{"id":"0191","name":"a record of ordinary size","tags":["a","b"]}`)})
	b.ReportAllocs()
	for b.Loop() {
		if err := c.Publish(b.Context(), p); err != nil {
			b.Fatal(err)
		}
		<-received
	}
	own := b.Elapsed() / time.Duration(b.N)
	b.ReportMetric(float64(own)/float64(mean(b, limit)), "x_limit")
}

func mean(b *testing.B, limit func() error) time.Duration {
	n := max(b.N, 100)
	began := time.Now()
	for range n {
		if err := limit(); err != nil {
			b.Fatal(err)
		}
	}
	return max(time.Since(began)/time.Duration(n), 1)
}
