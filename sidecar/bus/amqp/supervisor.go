package amqp

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net"
	"time"

	amqp091 "github.com/rabbitmq/amqp091-go"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

const (
	heartbeat   = 5 * time.Second
	dialTimeout = 5 * time.Second
	// leastPause is the least time between two tries of one client; as much again is jitter. So however many
	// clients lose one broker, no second sees more connects than there are clients.
	leastPause = time.Second
)

// supervise connects, and connects again, until Close.
func (b *Bus) supervise() {
	wait, troubled := time.Duration(0), ""
	for pause.For(b.ctx, wait) == nil {
		began := time.Now()
		s, err := b.connect()
		if err != nil {
			b.line.set(nil, err)
			troubled = b.complain(troubled, err)
			wait = leastPause + jitter()
			continue
		}
		troubled = ""
		b.serve(s)
		wait = jitter()
		if time.Since(began) < 2*leastPause {
			wait += leastPause
		}
	}
}

// complain says the same thing once.
func (b *Bus) complain(before string, err error) string {
	if text := err.Error(); text != before && b.ctx.Err() == nil {
		b.flow.Client.Logger.WarnContext(b.ctx, "bus is not reachable, trying again", slog.Any("err", err))
		return text
	}
	return before
}

func jitter() time.Duration { return rand.N(leastPause) }

// serve offers the session until it is dead or the bus closed.
func (b *Bus) serve(s *session) {
	m := b.flow.Metrics
	m.Connected.Set(1)
	m.Connects.Inc()
	b.line.set(s, nil)
	b.flow.Client.Logger.InfoContext(b.ctx, "bus connected")
	select {
	case <-s.dead:
		b.line.set(nil, s.cause())
		b.flow.Client.Logger.WarnContext(b.ctx, "bus connection lost", slog.Any("err", s.cause()))
	case <-b.ctx.Done():
	}
	m.Connected.Set(0)
	m.Blocked.Set(0)
	s.close()
}

// connect makes a session: connection, topology, publishers.
func (b *Bus) connect() (*session, error) {
	var raw *socket
	conn, err := amqp091.DialConfig(b.url, amqp091.Config{
		Heartbeat: heartbeat,
		Properties: amqp091.Table{
			"product":         "signalbox",
			"connection_name": b.flow.Client.Service + "/" + b.flow.Client.Instance,
		},
		Dial: func(network, addr string) (net.Conn, error) {
			plain, err := dial(b.ctx, network, addr)
			raw = &socket{Conn: plain}
			return raw, err
		},
	})
	if err != nil {
		return nil, fmt.Errorf("connect to the broker: %w", err)
	}
	s := newSession(b, conn, raw)
	if err := s.open(b.flow.Client.RetryDelays); err != nil {
		s.close()
		return nil, fmt.Errorf("prepare the broker: %w", err)
	}
	return s, nil
}

// dial bounds TCP and handshake by dialTimeout, and by the bus's life; the library clears the deadline.
func dial(ctx context.Context, network, addr string) (net.Conn, error) {
	d := net.Dialer{Timeout: dialTimeout}
	conn, err := d.DialContext(ctx, network, addr)
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(dialTimeout))
}
