// Package flow is what both drivers do with a message on its way out and on its way in: complete it, encode
// it, trace it, count it, run the handler without letting a panic through, and decide what comes after a try.
package flow

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"runtime/debug"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
	tracing "github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// PublishTimeout bounds a publish whose context has no deadline.
const PublishTimeout = 5 * time.Second

// Flow of one client over one driver. Safe for concurrent use.
type Flow struct {
	Client  bus.Client // with defaults
	Metrics *Metrics
	system  string
	quiet   quiets

	tracer   trace.Tracer
	incoming *tracing.Incoming
	edge     *telemetry.Edge // to the broker; nil: there is none, or it is in this process
}

// New registers the client's metrics. system is the messaging.system of the conventions.
func New(system string, c bus.Client) (*Flow, error) {
	c = c.WithDefaults()
	m, err := newMetrics(system, c.Registerer)
	if err != nil {
		return nil, fmt.Errorf("register bus metrics of %s: %w", c.Service, err)
	}
	f := &Flow{Client: c, Metrics: m, system: system, tracer: c.TracerProvider.Tracer(scope),
		incoming: tracing.NewIncoming(scope, c.TracerProvider, c.Propagator)}
	if c.Edges != nil && system == telemetry.NodeRabbitMQ {
		f.edge = c.Edges.To(telemetry.NodeRabbitMQ, "amqp")
	}
	return f, nil
}

// passed counts a publish on its edge. That nobody takes the message, or that it is too large, is not the broker's fault.
func (f *Flow) passed(ctx context.Context, took time.Duration, errorType string) {
	if f.edge != nil {
		f.edge.Observe(ctx, took, errorType != "" && errorType != "unroutable" && errorType != "too_large")
	}
}

// Message is a publication that is complete and encoded.
type Message struct {
	bus.Publication
	Body []byte
}

// Publish completes and encodes p, and sends it inside a producer span whose context is in the headers; a light one without.
func (f *Flow) Publish(ctx context.Context, p bus.Publication, send func(context.Context, Message) error) error {
	ctx, cancel := Deadline(ctx)
	defer cancel()
	f.complete(&p.Event)
	if p.Light {
		return f.publishQuietly(ctx, p, send)
	}
	ctx, m, ended, err := f.begin(ctx, p)
	if err == nil {
		err = send(ctx, m)
	}
	ended(err)
	return err
}

// Begin is the first part of Publish, for who sends many at once: ended, which is to be called whatever comes of it, is the last one.
// ctx has a Deadline.
func (f *Flow) Begin(ctx context.Context, p bus.Publication) (m Message, ended func(error), err error) {
	f.complete(&p.Event)
	_, m, ended, err = f.begin(ctx, p)
	return m, ended, err
}

func (f *Flow) begin(ctx context.Context, p bus.Publication) (context.Context, Message, func(error), error) {
	mark(ctx, &p)
	ctx, span := f.startPublish(ctx, p)
	body, err := encoded(p)
	if err == nil {
		f.Client.Propagator.Inject(ctx, carrier(p.Event.Headers))
	}
	return ctx, Message{p, body}, span.end, err
}

func encoded(p bus.Publication) ([]byte, error) {
	switch {
	case p.Encoded == nil:
		return bus.Encode(p.Event)
	case len(p.Encoded) > bus.MaxSize:
		return nil, bus.ErrTooLarge
	}
	return p.Encoded, nil
}

// Deadline bounds what has none.
func Deadline(ctx context.Context) (context.Context, context.CancelFunc) {
	if _, ok := ctx.Deadline(); ok {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, PublishTimeout)
}

func (f *Flow) complete(e *bus.Event) {
	if e.ID == "" {
		e.ID = uuid.Must(uuid.NewV7()).String()
	}
	if e.Source == "" {
		e.Source = f.Client.Source()
	}
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
	headers := make(map[string]string, len(e.Headers)+2)
	maps.Copy(headers, e.Headers)
	e.Headers = headers
}

// Process tries d once inside a consumer span that continues the sender's trace; what every instance gets without one. A panic
// is an error.
func (f *Flow) Process(ctx context.Context, s bus.Subscription, d bus.Delivery) error {
	if isQuiet(s) {
		return f.processQuietly(ctx, s, d)
	}
	ctx, span := f.startProcess(ctx, s, d)
	ctx, leave := f.enter(ctx, &d)
	defer leave()
	began := time.Now()
	err := f.try(ctx, s.Handler, d)
	f.ended(ctx, s.Queue, d, time.Since(began), err)
	span.cut = ctx.Err() != nil
	span.end(err)
	return err
}

func (f *Flow) try(ctx context.Context, h bus.Handler, d bus.Delivery) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
			f.Client.Logger.ErrorContext(ctx, "event handler panicked", slog.String("event_id", d.ID),
				slog.String("event_type", d.Type), slog.Any("err", err), slog.String("stack", string(debug.Stack())))
		}
	}()
	return h(ctx, d)
}
