package rabbitmq

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

// errEnded: the node ended before it was ready.
var errEnded = errors.New("node ended before it was ready")

// awaitReady polls until the node listens, the last thing it does when it boots, then proves that it is ours
// which does. It says nothing to the listener: a half-made AMQP connection would be the log's first warning.
func (s *Server) awaitReady(ctx context.Context, p *guard.Process) error {
	if err := poll(ctx, p, 50*time.Millisecond, func() error { return listens(ctx, s.ports.amqp) }); err != nil {
		return err
	}
	s.node = p
	return s.prove(ctx)
}

func (s *Server) awaitMapper(ctx context.Context) error {
	return poll(ctx, s.epmd, 10*time.Millisecond, func() error { return listens(ctx, s.ports.epmd) })
}

func poll(ctx context.Context, p *guard.Process, pause time.Duration, ready func() error) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for last := error(nil); ; timer.Reset(pause) {
		select {
		case <-p.Done():
			return fmt.Errorf("%w: %w", errEnded, orNil(p.Err()))
		case <-ctx.Done():
			return errors.Join(ctx.Err(), last)
		case <-timer.C:
		}
		if last = ready(); last == nil {
			return nil
		}
	}
}

func listens(ctx context.Context, port int) error {
	d := net.Dialer{Timeout: time.Second}
	conn, err := d.DialContext(ctx, "tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
	if err != nil {
		return err
	}
	return conn.Close()
}

func orNil(err error) error {
	if err == nil {
		return errors.New("exit status 0")
	}
	return err
}
