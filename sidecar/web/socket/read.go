package socket

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	runtime "runtime/debug"
	"time"

	"github.com/coder/websocket"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
)

var errPanic = errors.New("handler panicked")

// read takes in messages until the connection ends, and says how it did: with the other end's code, ours, or 1006 where it broke.
func (c *Conn) read() websocket.StatusCode {
	for {
		kind, frame, err := c.ws.Read(c.base)
		if err != nil {
			return c.ending(err)
		}
		m, ok := c.admit(kind, frame)
		if ok && !c.deliver(m) {
			return c.code
		}
	}
}

func (c *Conn) ending(err error) websocket.StatusCode {
	if code := websocket.CloseStatus(err); code != -1 {
		return code
	}
	if errors.Is(err, websocket.ErrMessageTooBig) {
		c.sockets.metrics.ignored.WithLabelValues(badSize).Inc()
		return websocket.StatusMessageTooBig
	}
	select {
	case <-c.leaving:
		return c.code
	default:
		return websocket.StatusAbnormalClosure
	}
}

// admit reads a frame; false: it is no message.
func (c *Conn) admit(kind websocket.MessageType, frame []byte) (m received, ok bool) {
	if kind != websocket.MessageText {
		c.sockets.metrics.ignored.WithLabelValues(badBinary).Inc()
		return m, false
	}
	var err error
	if m.event, m.context, m.odd, err = decode(frame); err != nil {
		c.sockets.metrics.ignored.WithLabelValues(badMessage).Inc()
		return m, false
	}
	if m.event.Debug != "" && !c.inside {
		c.sockets.metrics.ignored.WithLabelValues(badDebug).Inc()
		m.event.Debug = ""
	}
	return m, true
}

// deliver hands a message to the handler, which may still be at the one before; false: the connection is left.
func (c *Conn) deliver(m received) bool {
	select {
	case <-c.leaving:
		return false
	case c.inbox <- m:
		return true
	default:
	}
	c.stalled.Store(true)
	defer c.stalled.Store(false)
	select {
	case <-c.leaving:
		return false
	case c.inbox <- m:
		return true
	}
}

// handle handles what comes, one message after the other. When the connection is left, what was taken in before is handled, and
// then the writer may close.
func (c *Conn) handle() {
	defer c.finish()
	for {
		select {
		case m := <-c.inbox:
			c.process(m)
			continue
		case <-c.leaving:
		}
		select {
		case m := <-c.inbox:
			c.process(m)
		default:
			return
		}
	}
}

func (c *Conn) finish() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.shut = true
	close(c.closing)
}

func (c *Conn) process(m received) {
	ctx, cancel := context.WithTimeout(c.base, c.options.Timeout)
	defer cancel()
	ctx, ended := c.startProcess(ctx, m)
	ctx, leave := c.enter(ctx, &m.event)
	defer leave()
	began := time.Now()
	err := c.try(ctx, m.event)
	c.sockets.settings.Failures.Ended(ctx, ours(err), time.Since(began), func() string {
		return "handler of " + m.event.Type + " at " + c.destination + ": " + errorType(err)
	})
	if ours(err) && !errors.Is(err, errPanic) {
		c.sockets.settings.Logger.ErrorContext(ctx, "message could not be handled", slog.String("event_id", m.event.ID),
			slog.String("event_type", m.event.Type), slog.Any("err", err))
	}
	ended(err)
}

// enter begins the flow of a message: by its token, by that of the connection, or because a lease is for it.
func (c *Conn) enter(ctx context.Context, e *bus.Event) (context.Context, func()) {
	flows, token := c.sockets.settings.Flows, e.Debug
	e.Debug = "" // a handler has no use for it, and could let it out
	ctx, end := flows.Enter(ctx, token)
	if token == "" {
		ctx, end = flows.Resume(ctx, c.token)
	}
	if !flows.Matching() {
		return ctx, end
	}
	ctx, more := flows.Match(ctx, debug.Request{
		User: c.caller.Subject, Tenant: c.caller.Tenant, Method: "GET", Route: c.destination, Trace: trace.SpanContextFromContext(ctx).TraceID(),
	})
	return ctx, func() { more(); end() }
}

func (c *Conn) try(ctx context.Context, e bus.Event) (err error) {
	if c.options.Handle == nil {
		return nil
	}
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%w: %v", errPanic, p)
			c.sockets.settings.Logger.ErrorContext(ctx, "message handler panicked", slog.String("event_id", e.ID),
				slog.String("event_type", e.Type), slog.Any("err", err), slog.String("stack", string(runtime.Stack())))
		}
	}()
	return c.options.Handle(ctx, c, e)
}
