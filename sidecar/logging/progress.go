package logging

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

// Epoch identifies this run of this instance; sortable in time.
func (l *Logs) Epoch() string { return l.epoch }

// Class is the ledger's state of one spool class of the current epoch.
type Class struct {
	Name   string // debug info warn error
	Issued uint64 // highest sequence given out, 0: none
	Acked  uint64 // highest sequence that the store has committed
	Closed bool
}

// Ledger reports all classes of the current epoch; none without a spool.
func (l *Logs) Ledger() []Class {
	if l.spool == nil {
		return nil
	}
	var all []Class
	for _, s := range l.spool.Current().States() {
		all = append(all, Class{Name: s.Class.String(), Issued: s.Issued, Acked: s.Acked, Closed: s.Closed})
	}
	return all
}

// Progress is nil while shipping makes progress (or has nothing to do), else what is wrong, for /hc.
func (l *Logs) Progress() error {
	if l.shipper == nil {
		return nil
	}
	return l.shipper.Progress()
}

// Drain waits until the store has all that is spooled by now, while Ship runs; ctx bounds the wait. What
// is left when it ends is shipped by the next start.
func (l *Logs) Drain(ctx context.Context) error {
	for l.waiting() > 0 {
		if err := pause.For(ctx, 10*time.Millisecond); err != nil {
			return fmt.Errorf("%d records left to ship: %w", l.waiting(), err)
		}
	}
	return nil
}

// Drained says that nothing waits to be shipped.
func (l *Logs) Drained() bool { return l.waiting() == 0 }

func (l *Logs) waiting() int {
	n := 0
	if l.spool != nil {
		for _, s := range l.spool.Current().States() {
			n += s.Pending
		}
	}
	return n
}
