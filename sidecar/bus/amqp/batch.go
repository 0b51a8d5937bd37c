package amqp

import (
	"context"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/internal/flow"
)

// handed is one of many messages, on its way or failed already.
type handed struct {
	i     int
	req   request
	err   error
	ended func(error)
}

// PublishAll hands one after the other to who writes, and waits for the answers beside it: so the broker has the first while the
// last is encoded, and no message needs a goroutine, a timer or a packet of its own.
func (b *Bus) PublishAll(ctx context.Context, all []bus.Publication, ended func(i int, err error)) {
	ctx, cancel := flow.Deadline(ctx)
	defer cancel()
	s, err := b.line.session(ctx)
	under := make(chan handed, len(all))
	go func() {
		defer close(under)
		for i, p := range all {
			under <- b.hand(ctx, s, err, i, p)
		}
	}()
	for h := range under {
		if h.err == nil {
			h.err = s.out.answer(ctx, h.req)
		}
		h.ended(h.err)
		ended(h.i, h.err)
	}
}

func (b *Bus) hand(ctx context.Context, s *session, away error, i int, p bus.Publication) handed {
	m, ended, err := b.flow.Begin(ctx, p)
	h := handed{i: i, ended: ended, err: err}
	if h.err == nil {
		h.err = away
	}
	if h.err == nil {
		h.req, h.err = s.out.hand(ctx, m.Exchange, m.Key, outgoing(m))
	}
	return h
}
