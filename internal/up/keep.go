package up

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// private is a server of our own.
type private interface {
	Start(ctx context.Context) error
	Done() <-chan struct{}
}

// keep watches over the private servers until the returned stop, which waits for it to end.
func (m *meshup) keep() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	var running sync.WaitGroup
	if s := m.servers.postgres; s != nil {
		running.Go(func() { keepOne(ctx, s, m.tellOf(ctx, "PostgreSQL")) })
	}
	if s := m.servers.rabbit; s != nil {
		running.Go(func() { keepOne(ctx, s, m.tellOf(ctx, "RabbitMQ")) })
	}
	return func() { cancel(); running.Wait() }
}

// tellOf says what becomes of a server, on the terminal and in the log.
func (m *meshup) tellOf(ctx context.Context, server string) func(level slog.Level, what string, err error) {
	return func(level slog.Level, what string, err error) {
		if err != nil {
			what += ": " + err.Error()
		}
		m.progress.printf("  ! %s %s\n", server, what)
		m.shippers.log().Log(ctx, level, "private server "+what, slog.String("server", server))
	}
}

// startPause comes between two starts of a server that does not come up.
const startPause = time.Second

// keepOne starts a server that ended unasked again, with its data, on its ports: the services recover by themselves once it
// answers. A server that cannot be started is tried for ever, and told of once.
func keepOne(ctx context.Context, s private, tell func(level slog.Level, what string, err error)) {
	for {
		select {
		case <-ctx.Done():
			return
		case <-s.Done():
		}
		if ctx.Err() != nil {
			return
		}
		tell(slog.LevelError, "ended, it starts again", nil)
		if !again(ctx, s, tell) {
			return
		}
		tell(slog.LevelInfo, "is back", nil)
	}
}

// again reports whether the server is back; false when ctx ended first.
func again(ctx context.Context, s private, tell func(level slog.Level, what string, err error)) bool {
	for told := false; ; told = true {
		err := s.Start(ctx)
		if err == nil {
			return true
		}
		if !told && ctx.Err() == nil {
			tell(slog.LevelError, "does not start", err)
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(startPause):
		}
	}
}
