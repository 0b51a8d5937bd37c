package lease

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/logging"
)

// kept is a receipt on its way into the store.
type kept struct {
	ctx     context.Context //nolint:containedctx // of the change, for its trace
	change  string
	receipt Receipt
}

// unkept are so many receipts as may wait for the store; a change behind them keeps its own.
const unkept = 64

// keeper has receipts kept behind their answers, while Keep runs.
type keeper struct {
	receipts chan kept
	mu       sync.RWMutex
	open     bool // somebody reads receipts, or will
}

// takes says whether the receipt is kept behind the answer; else whoever asks does it.
func (k *keeper) takes(one kept) bool {
	k.mu.RLock()
	defer k.mu.RUnlock()
	if !k.open {
		return false
	}
	select {
	case k.receipts <- one:
		return true
	default:
		return false
	}
}

func (k *keeper) attend(open bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.open = open
}

// Keep stores receipts until ctx ends, and then, for Config.Wait, those that wait; what it says of them in the log it says of
// all. It is done behind the answer, which would else wait for a connection behind all the instances that report what they
// have just done.
func (s *Service) Keep(ctx context.Context) {
	s.attend(true)
	for ctx.Err() == nil {
		select {
		case one := <-s.receipts:
			s.keep(one)
		case <-ctx.Done():
		}
	}
	s.attend(false)
	for until := time.Now().Add(s.Config.Wait); ; {
		select {
		case one := <-s.receipts:
			if s.say(one); time.Now().Before(until) {
				s.learn(one)
			}
		default:
			return
		}
	}
}

func (s *Service) keep(one kept) {
	s.say(one)
	s.learn(one)
}

// say tells the log what has changed, which waits for the disk. Who did it was committed with the change, before anybody was
// told.
func (s *Service) say(one kept) {
	r, l := one.receipt, one.receipt.Lease
	logging.Audit(one.ctx, s.Logger, "lease changed", slog.String("action", one.change), slog.String("lease_id", l.ID), slog.String("kind", l.Kind),
		slog.String("target", l.target()), slog.String("value", l.Value), slog.Int64("revision", l.Revision), slog.Int("applied", r.Applied),
		slog.Int("expected", r.Expected), slog.String("user", l.OwnerName))
}

// learn has the outcomes kept with the lease; those that get lost are brought by the instances' next Syncs.
func (s *Service) learn(one kept) {
	known := one.receipt.known()
	if len(known) == 0 {
		return
	}
	ctx, cancel := context.WithTimeout(one.ctx, s.Config.Wait)
	defer cancel()
	if err := s.Store.Learn(ctx, one.receipt.Lease.ID, one.change, known); err != nil {
		s.Logger.WarnContext(ctx, "receipt not kept, the next syncs report it", slog.Any("err", err), slog.String("lease_id", one.receipt.Lease.ID))
	}
}
