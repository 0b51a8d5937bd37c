package flow

import (
	"context"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// What goes to every instance at once, and what they all answer, makes metrics and no span, as a probe does: a change on so many
// instances would be so many spans, made while the others wait for the same processors. Nor is it of any flow.

// isQuiet says so of the control exchange's events, and of answers, which come to one instance's own queue.
func isQuiet(s bus.Subscription) bool {
	return s.Exchange == bus.Control || s.Exchange == bus.Direct && s.Exclusive
}

// quiets are the metrics of what has gone well, by queue or by exchange, looked up once.
type quiets struct {
	processed sync.Map // queue → counted
	published sync.Map // exchange → counted
}

type counted struct {
	total   prometheus.Counter
	seconds prometheus.Observer
}

func (c counted) add(took time.Duration) {
	c.total.Inc()
	c.seconds.Observe(took.Seconds())
}

func (f *Flow) processQuietly(ctx context.Context, s bus.Subscription, d bus.Delivery) error {
	d.Debug = ""
	began := time.Now()
	err := f.try(ctx, s.Handler, d)
	took := time.Since(began)
	if err != nil {
		f.processed(s, errorType(err)).add(took)
		return err
	}
	known, ok := f.quiet.processed.Load(s.Queue)
	if !ok {
		known, _ = f.quiet.processed.LoadOrStore(s.Queue, f.processed(s, ""))
	}
	known.(counted).add(took)
	return nil
}

func (f *Flow) processed(s bus.Subscription, kind string) counted {
	from := destination(s.Exchange)
	return counted{f.Metrics.Consumed.WithLabelValues("process", from, s.Queue, kind),
		f.Metrics.Process.WithLabelValues("process", "process", from, s.Queue, kind)}
}

func (f *Flow) publishQuietly(ctx context.Context, p bus.Publication, send func(context.Context, Message) error) error {
	began := time.Now()
	body, err := encoded(p)
	if err == nil {
		err = send(ctx, Message{p, body})
	}
	took := time.Since(began)
	if err != nil {
		f.published(p.Exchange, errorType(err)).add(took)
		return err
	}
	known, ok := f.quiet.published.Load(p.Exchange)
	if !ok {
		known, _ = f.quiet.published.LoadOrStore(p.Exchange, f.published(p.Exchange, ""))
	}
	known.(counted).add(took)
	return nil
}

func (f *Flow) published(exchange, kind string) counted {
	to := destination(exchange)
	return counted{f.Metrics.Sent.WithLabelValues("publish", to, kind), f.Metrics.Operation.WithLabelValues("publish", "send", to, kind)}
}
