package rabbitmq

import (
	"context"
	"net"
	"strconv"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

// awaitReady polls until the node listens, the last thing it does when it boots, then proves that it is ours
// which does. It says nothing to the listener: a half-made AMQP connection would be the log's first warning.
func (s *Server) awaitReady(ctx context.Context, p *guard.Process) error {
	if err := p.Await(ctx, 50*time.Millisecond, func() error { return listens(ctx, s.ports.amqp) }); err != nil {
		return err
	}
	s.node = p
	return s.prove(ctx)
}

func (s *Server) awaitMapper(ctx context.Context) error {
	return s.epmd.Await(ctx, 10*time.Millisecond, func() error { return listens(ctx, s.ports.epmd) })
}

func listens(ctx context.Context, port int) error {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return conn.Close()
}
