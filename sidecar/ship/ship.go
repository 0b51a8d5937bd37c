// Package ship sends what is spooled to a log store by OTLP/gRPC, and acknowledges it in the spool when
// the store has answered that it is committed. It retries for ever.
package ship

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"

	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// Settings are injected by the logging.
type Settings struct {
	Spool      *spool.Spool
	Registerer prometheus.Registerer
	// Trouble hears of failures, at most every ten seconds. It must not lead to a spooled record, or
	// the shipper would feed itself.
	Trouble func(err error)
	// Recovered hears of each adopted epoch that is shipped to its end, before it is removed; false: it has to hear of it
	// again. It may also be called again for an epoch that could not be removed.
	Recovered func(e *spool.Epoch) bool
	// Dropped hears why records are missing, once the store has come to the place; one loss a second at
	// most. It makes a record of it, and answers whether that is kept. nil: nobody is told.
	Dropped func(spool.Loss) bool
}

const (
	adoptEvery   = 30 * time.Second // to look for siblings that died
	troubleEvery = 10 * time.Second
	stuckAfter   = 30 * time.Second
)

// Shipper of one spool.
type Shipper struct {
	settings Settings
	metrics  *metrics
	oldest   [len(spool.Classes)]atomic.Int64 // Unix nanoseconds of the first record on its way; 0: none

	mu      sync.Mutex
	failure error     // the latest, nil after a success
	success time.Time // the latest
	adopted time.Time // the latest progress with an adopted epoch
	told    time.Time
}

// New registers the metrics; Run ships.
func New(s Settings) (*Shipper, error) {
	sh := &Shipper{settings: s}
	sh.metrics = newMetrics(sh.lag)
	if err := sh.metrics.register(s.Registerer); err != nil {
		return nil, fmt.Errorf("register metrics of the shipper: %w", err)
	}
	return sh, nil
}

// Run ships the current epoch and the adopted ones, each class of each in its own order, until ctx ends.
// It may be called again after it returned.
func (s *Shipper) Run(ctx context.Context, conn grpc.ClientConnInterface) {
	var work sync.WaitGroup
	defer work.Wait()
	for _, q := range s.settings.Spool.Current().Queues {
		work.Go(func() { _ = s.stream(conn, s.settings.Spool.Current(), q).run(ctx) })
	}
	work.Go(func() { s.report(ctx) })
	s.recover(ctx, conn)
}

// recover ships one adopted epoch after the other, and looks for more now and then.
func (s *Shipper) recover(ctx context.Context, conn grpc.ClientConnInterface) {
	for ctx.Err() == nil {
		for _, e := range s.settings.Spool.Adopted() {
			s.drain(ctx, conn, e)
		}
		if pause.For(ctx, adoptEvery) == nil {
			s.settings.Spool.Adopt()
		}
	}
}

func (s *Shipper) drain(ctx context.Context, conn grpc.ClientConnInterface, e *spool.Epoch) {
	var work sync.WaitGroup
	var ended atomic.Int32
	for _, q := range e.Queues {
		work.Go(func() {
			if errors.Is(s.stream(conn, e, q).run(ctx), io.EOF) {
				ended.Add(1)
			}
		})
	}
	work.Wait()
	if int(ended.Load()) < len(e.Queues) || !s.settings.Recovered(e) {
		return
	}
	if err := e.Remove(); err != nil {
		s.trouble(err)
	}
}

// Progress is nil while records are acknowledged, or none wait; else it says how many wait, and why. Those of
// earlier runs count too.
func (s *Shipper) Progress() error {
	for _, state := range s.settings.Spool.Current().States() {
		if waited := time.Since(state.Since); state.Pending > 0 && waited > stuckAfter {
			return fmt.Errorf("%d %s records not shipped for %s: %w",
				state.Pending, state.Class, waited.Round(time.Second), s.latest())
		}
	}
	if pending, since := s.recovering(); pending > 0 && time.Since(since) > stuckAfter {
		return fmt.Errorf("%d records of earlier runs not shipped for %s: %w",
			pending, time.Since(since).Round(time.Second), s.latest())
	}
	return nil
}

// recovering is what waits in adopted epochs, and since when nothing of it was shipped. They are shipped one
// after the other, so that the progress of one is that of all.
func (s *Shipper) recovering() (pending int, since time.Time) {
	s.mu.Lock()
	since = s.adopted
	s.mu.Unlock()
	for _, e := range s.settings.Spool.Adopted() {
		for _, state := range e.States() {
			pending += state.Pending
			if state.Since.After(since) {
				since = state.Since
			}
		}
	}
	return pending, since
}

var errNoAnswer = errors.New("no answer from the log store")

func (s *Shipper) latest() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.failure == nil {
		return errNoAnswer
	}
	return s.failure
}

// succeeded: the store has answered, for better or for worse.
func (s *Shipper) succeeded() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failure, s.success = nil, time.Now()
}

func (s *Shipper) progressed(live bool) {
	if live {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopted = time.Now()
}

// trouble remembers a failure, and tells of it.
func (s *Shipper) trouble(err error) {
	s.mu.Lock()
	s.failure = err
	s.mu.Unlock()
	s.tell(err)
}

// tell says what is wrong if nothing was said of late.
func (s *Shipper) tell(err error) {
	s.mu.Lock()
	now := s.told.IsZero() || time.Since(s.told) >= troubleEvery
	if now {
		s.told = time.Now()
	}
	s.mu.Unlock()
	if now {
		s.settings.Trouble(err)
	}
}

// lag is the age of the oldest record on its way.
func (s *Shipper) lag() float64 {
	var lag time.Duration
	for i := range s.oldest {
		if at := s.oldest[i].Load(); at != 0 {
			lag = max(lag, time.Since(time.Unix(0, at)))
		}
	}
	return lag.Seconds()
}
