package socket

import (
	"context"
	"net/http"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// inboxSize is how many messages may wait for the handler; then the other end is not read from.
const inboxSize = 16

// Handler handles one message. ctx has its span, the caller whom the route's rule has admitted, and a deadline. An error is logged
// and counted, and makes the trace one of an error, unless it is a *problem.Error that its sender is to blame for; it ends neither
// the connection, nor does the other end hear of it. Event.Source is what the other end says of itself: who it is, ctx says.
type Handler func(ctx context.Context, c *Conn, e bus.Event) error

// Options of a connection.
type Options struct {
	Handle   Handler       // nil: what comes is counted, and nothing else
	MaxBytes int64         // of a message that comes; 0: 64 KiB. A larger one ends the connection with 1009
	Queue    int           // messages that may wait to be written; 0: 64
	Ping     time.Duration // between pings; 0: 20 s
	Patience time.Duration // in which a ping is to be answered, and a message to be written; 0: 10 s. Then the connection is broken off
	Timeout  time.Duration // of handling a message; 0: 30 s

	// Origins are pages, such as https://studio.example.org, that may connect, beside those of the host itself. Of Accept. A
	// request that came through the gateway has none: it was asked there.
	Origins []string
	// Header of the request, such as a user's token. Of Dial.
	Header http.Header
}

func (o Options) withDefaults() Options {
	if o.MaxBytes <= 0 {
		o.MaxBytes = 64 << 10
	}
	o.MaxBytes = min(o.MaxBytes, bus.MaxSize)
	o.Queue = orElse(o.Queue, 64)
	o.Ping = orElse(o.Ping, 20*time.Second)
	o.Patience = orElse(o.Patience, 10*time.Second)
	o.Timeout = orElse(o.Timeout, 30*time.Second)
	return o
}

func orElse[T int | time.Duration](v, otherwise T) T {
	if v <= 0 {
		return otherwise
	}
	return v
}
