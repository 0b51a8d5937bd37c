package intake

import (
	"context"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
)

// A spool that is full sheds its oldest lines of the lowest level. A source that can wait is made to, long before.
const (
	roomBytes  = 64 << 20 // of the spool's 256 MiB
	checkEvery = 4 << 20  // estimated bytes between two looks
	recordCost = 512      // of a record beside its text: names, times, frame
	waitStep   = 20 * time.Millisecond
)

// pace counts what goes into a Sender, and holds the source back while there is no room.
type pace struct {
	sender  *Sender
	records atomic.Int64
	guess   atomic.Int64 // bytes of text added since the latest look
}

func (p *pace) take(r foreign.Record) {
	p.records.Add(1)
	size := len(r.Message)
	for _, a := range r.Attrs {
		size += len(a.Key) + 24
		if a.Value.Kind() == slog.KindString {
			size += len(a.Value.String())
		}
	}
	p.guess.Add(int64(size + recordCost))
	p.sender.Record(r)
}

// room waits until the spool has some.
func (p *pace) room(ctx context.Context) error {
	if p.guess.Load() < checkEvery {
		return ctx.Err()
	}
	for {
		st, err := p.sender.State()
		if err != nil {
			return err
		}
		if st.Bytes < roomBytes {
			p.guess.Store(0)
			return ctx.Err()
		}
		if err := sleep(ctx, waitStep); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait: %w", ctx.Err())
	}
}
