package outbox

import (
	"context"
	"errors"
	"log/slog"
	"math/rand/v2"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

const (
	pollEvery  = time.Second   // when no NOTIFY comes
	busiest    = 5 * pollEvery // without a look at what is pending
	firstPause = 100 * time.Millisecond
	lastPause  = 5 * time.Second
	// helpedConns is the least pool that two passes may share with the service's own work.
	helpedConns = 4
)

// Run relays until ctx ends, then finishes the batch it is in. Several replicas may run at once.
func (o *Outbox) Run(ctx context.Context) error {
	listening := make(chan struct{})
	go func() { defer close(listening); o.listen(ctx) }()
	defer func() { <-listening }()
	busy, helping := make(chan struct{}), make(chan struct{})
	go func() { defer close(helping); o.help(ctx, busy) }()
	defer func() { close(busy); <-helping }()
	more := func() {}
	if o.settings.DB.Pool().Config().MaxConns >= helpedConns {
		more = func() { offer(busy) }
	}
	var pace pacer
	var measured time.Time
	for ctx.Err() == nil {
		n, err := o.relay(ctx, more)
		o.complain(ctx, &pace, err)
		if since := time.Since(measured); since >= pollEvery && n == 0 || since >= busiest {
			o.measure(ctx)
			measured = time.Now()
		}
		switch {
		case err != nil:
			_ = pause.For(ctx, pace.next())
		case n == 0:
			o.doze(ctx)
		}
	}
	return ctx.Err()
}

// help relays beside Run while there is more than one pass takes: one claims and marks while the other waits for the
// broker. It says nothing of errors, for Run has them, too.
func (o *Outbox) help(ctx context.Context, busy <-chan struct{}) {
	for range busy {
		for ctx.Err() == nil {
			if n, err := o.relay(ctx, func() {}); err != nil || n < maxBatch {
				break
			}
		}
	}
}

// offer is not waited for: who helps already needs no call.
func offer(busy chan<- struct{}) {
	select {
	case busy <- struct{}{}:
	default:
	}
}

// relay is one pass: no claim while the bus could not take it.
func (o *Outbox) relay(ctx context.Context, more func()) (int, error) {
	if err := o.settings.Bus.Ready(); err != nil && !errors.Is(err, bus.ErrNotConsuming) {
		return 0, err
	}
	return o.pass(ctx, more)
}

// complain says it when relaying begins to fail, and when it goes on again.
func (o *Outbox) complain(ctx context.Context, p *pacer, err error) {
	switch {
	case ctx.Err() != nil:
	case err != nil && p.pause == 0:
		o.settings.Logger.WarnContext(ctx, "outbox is not relayed, trying again", slog.Any("err", err))
	case err == nil && p.pause > 0:
		o.settings.Logger.InfoContext(ctx, "outbox is relayed again")
		p.pause = 0
	}
}

// doze waits for a NOTIFY, at most pollEvery, and then has patience.
func (o *Outbox) doze(ctx context.Context) {
	_ = pause.Until(ctx, pollEvery, o.wake)
	_ = pause.For(ctx, o.settings.Patience)
}

// pacer doubles the pause with every failure in a row; 0: the last pass went well.
type pacer struct{ pause time.Duration }

func (p *pacer) next() time.Duration {
	p.pause = min(max(2*p.pause, firstPause), lastPause)
	return p.pause/2 + rand.N(p.pause/2)
}
