package socket

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/coder/websocket"
	"github.com/google/uuid"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
)

// ErrFull is why a message is not sent: the other end does not read as fast as it is written to. Whoever sends decides whether the
// message is let go, or the connection.
var ErrFull = errors.New("too many messages wait to be written")

// Conn is one connection, safe for concurrent use.
//
//	open ──Close, the other end, no pong, token over──▶ leaving ──handler has come to its end──▶ closing ──queue is written──▶ done
//
// In leaving nothing more is taken in, and a handler's answers still go out.
type Conn struct {
	sockets     *Sockets
	ws          *websocket.Conn
	options     Options
	side        string
	destination string // for spans and metrics: the route, or the service that was dialed
	caller      access.Principal
	inside      bool              // the other end is a service of the mesh
	token       string            // of the debug flow that the connection was opened in
	opened      trace.SpanContext // of the request that opened it
	began       time.Time

	base  context.Context    //nolint:containedctx // of messages: who calls, and nothing of the request that opened it
	sever context.CancelFunc // breaks the connection off, and ends base

	queue   chan outgoing
	inbox   chan received
	stalled atomic.Bool // the reader waits for the handler: it sees no pong

	leaving, done chan struct{}
	leave         sync.Once
	code          websocket.StatusCode // ours, if we have ended it; set before leaving is closed
	reason        string

	mu      sync.RWMutex
	shut    bool          // nothing more is queued
	closing chan struct{} // closed with it
}

// outgoing is a message that waits to be written.
type outgoing struct {
	body  []byte
	ended func(error)
}

// received is a message that waits to be handled.
type received struct {
	event   bus.Event
	context attributes
	odd     bool // part of the context was no text
}

func (s *Sockets) conn(ws *websocket.Conn, side, destination string, o Options) *Conn {
	c := &Conn{
		sockets: s, ws: ws, options: o.withDefaults(), side: side, destination: destination, began: time.Now(),
		inbox: make(chan received, inboxSize), leaving: make(chan struct{}), done: make(chan struct{}), closing: make(chan struct{}),
	}
	c.queue = make(chan outgoing, c.options.Queue)
	ws.SetReadLimit(c.options.MaxBytes)
	c.base, c.sever = context.WithCancel(context.Background())
	return c
}

// Caller is who has opened the connection, as the route's rule has admitted him; false: nobody, or it was dialed.
func (c *Conn) Caller() (access.Principal, bool) { return access.From(c.base) }

// Send queues an event to be written, and does not wait. ID, Source and Time are given where they are empty; Headers are not sent.
// Errors: ErrFull, ErrClosed, bus.ErrTooLarge, and those of an event that is none. What is queued is written in its order, or is
// counted when the connection breaks.
func (c *Conn) Send(ctx context.Context, e bus.Event) error {
	c.complete(&e)
	ctx, ended := c.startSend(ctx, e)
	if e.Debug = ""; c.inside {
		e.Debug = debug.Token(ctx)
	}
	a := attributes{}
	c.sockets.settings.Propagator.Inject(ctx, a)
	body, err := encode(e, a)
	if err == nil {
		err = c.enqueue(outgoing{body, ended})
	}
	if err != nil {
		ended(err)
	}
	return err
}

func (c *Conn) complete(e *bus.Event) {
	if e.ID == "" {
		e.ID = uuid.Must(uuid.NewV7()).String()
	}
	if e.Source == "" {
		e.Source = "/" + c.sockets.settings.Service + "/" + c.sockets.settings.Instance
	}
	if e.Time.IsZero() {
		e.Time = time.Now().UTC()
	}
}

func (c *Conn) enqueue(o outgoing) error {
	c.mu.RLock()
	defer c.mu.RUnlock()
	if c.shut {
		return ErrClosed
	}
	select {
	case c.queue <- o:
		return nil
	default:
		return ErrFull
	}
}

// maxReason is what a close frame has room for, in bytes.
const maxReason = 123

// Close ends the connection in order, and does not wait: Done and Wait do. code is WebSocket's (1000: done, 1008: not allowed, 4000 to
// 4999: one's own), reason is for the other end to read. The first call counts.
func (c *Conn) Close(code int, reason string) {
	c.leave.Do(func() {
		c.code, c.reason = websocket.StatusCode(code), strings.ToValidUTF8(reason[:min(len(reason), maxReason)], "")
		close(c.leaving)
	})
}

// Done is closed as soon as the connection ends, whoever ends it.
func (c *Conn) Done() <-chan struct{} { return c.leaving }

// Wait returns when the connection has ended, and no handler runs any more.
func (c *Conn) Wait() { <-c.done }

// run is the connection's life.
func (c *Conn) run() {
	defer close(c.done)
	defer c.sockets.leave(c)
	defer c.sever()
	var parts sync.WaitGroup
	parts.Go(c.handle)
	parts.Go(c.write)
	parts.Go(c.watch)
	code := c.read()
	c.Close(int(code), "")
	parts.Wait()
	c.sockets.metrics.closed.WithLabelValues(c.side, codeLabel(code)).Inc()
	c.sockets.settings.Logger.DebugContext(trace.ContextWithSpanContext(c.base, c.opened), "WebSocket closed",
		slog.String("side", c.side), slog.String("to", c.destination), slog.Int("code", int(code)), slog.Duration("after", time.Since(c.began)))
}

// watch pings, and ends the connection of a token that is over.
func (c *Conn) watch() {
	ping := time.NewTimer(c.options.Ping)
	defer ping.Stop()
	var over <-chan time.Time
	if until := c.caller.Until; !until.IsZero() {
		end := time.NewTimer(time.Until(until))
		defer end.Stop()
		over = end.C
	}
	for {
		select {
		case <-c.closing:
			return
		case <-over:
			c.Close(int(websocket.StatusPolicyViolation), "the token has ended")
		case <-ping.C:
			if !c.answers() {
				c.sever()
				return
			}
			ping.Reset(c.options.Ping)
		}
	}
}

// answers reports whether the other end is there. While the reader waits for a handler nobody sees a pong.
func (c *Conn) answers() bool {
	ctx, cancel := context.WithTimeout(context.Background(), c.options.Patience)
	defer cancel()
	return c.ws.Ping(ctx) == nil || c.stalled.Load()
}
