package profile

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	profilev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/profile/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// Settings of a Collector.
type Settings struct {
	Service  string
	Instance string
	Client   profilev1.ProfileServiceClient
	Runtime  *Runtime // of the process; nil: one of its own
	Dir      string   // for what waits to be uploaded; it is the collector's alone
	MaxSize  int64    // bytes of one profile; 0: MaxSize

	Logger     *slog.Logger          // nil: silent
	Registerer prometheus.Registerer // nil: metrics are not seen
}

// maxWaiting is how many captures may wait to be uploaded.
const maxWaiting = 4

// remembered is how many leases are known to have been seen to, so that none is captured twice.
const remembered = 256

var (
	errClosed  = errors.New("the instance is stopping")
	errCrashed = errors.New("the process ended without notice while it captured this profile; a new lease has it try again")
	errWaiting = errors.New("profiles captured before wait for view-service to take them")
)

// Collector of one instance; the effect of leases of kind "profile". Safe for concurrent use.
type Collector struct {
	settings Settings
	metrics  metrics
	ctx      context.Context //nolint:containedctx // of what runs in the background
	cancel   context.CancelFunc
	running  sync.WaitGroup

	mu      sync.Mutex
	closed  bool
	swept   bool
	left    []string // files that an earlier process has not removed: it may have died of its capture
	current *capture
	waiting int
	seen    map[string]error // by lease: nil: it was or is being captured
	order   []string         // of seen, the oldest first
}

// New makes a collector and registers its metrics. It touches no disk before the first lease.
func New(s Settings) *Collector {
	if s.Runtime == nil {
		s.Runtime = NewRuntime(0)
	}
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	if s.MaxSize == 0 {
		s.MaxSize = MaxSize
	}
	c := &Collector{settings: s, metrics: newMetrics(s.Registerer), seen: map[string]error{}}
	c.ctx, c.cancel = context.WithCancel(context.Background())
	return c
}

// Apply implements lease.Effect: it begins to capture for a lease that is new, and ends what is captured for one that is
// gone. A lease that was refused stays so.
func (c *Collector) Apply(all []lease.Lease) map[string]error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.current != nil && !slices.ContainsFunc(all, func(l lease.Lease) bool { return l.ID == c.current.lease.ID }) {
		c.current.finish()
	}
	refused := map[string]error{}
	for _, l := range all {
		why, known := c.seen[l.ID]
		if !known {
			why = c.begin(l)
			c.remember(l.ID, why)
		}
		if why != nil {
			refused[l.ID] = why
		}
	}
	return refused
}

// remember bounds what is known of leases; one that still holds is hardly among the oldest. c.mu is held.
func (c *Collector) remember(id string, why error) {
	c.seen[id], c.order = why, append(c.order, id)
	if len(c.order) > remembered {
		delete(c.seen, c.order[0])
		c.order = c.order[1:]
	}
}

// begin starts a capture, or says why not. c.mu is held.
func (c *Collector) begin(l lease.Lease) error {
	q, err := Parse(l.Value)
	if err != nil {
		return err
	}
	if err := c.free(); err != nil {
		c.metrics.count(q.Kind, resultRefused)
		return err
	}
	one, err := c.open(l, q)
	if err != nil {
		c.metrics.count(q.Kind, resultRefused)
		return err
	}
	c.current = one
	c.running.Go(func() { c.see(one) })
	return nil
}

func (c *Collector) free() error {
	switch {
	case c.closed:
		return errClosed
	case c.current != nil:
		return fmt.Errorf("this instance captures a %s profile just now, for lease %s", c.current.request.Kind, c.current.lease.ID)
	case c.waiting >= maxWaiting:
		return errWaiting
	}
	return nil
}

// see sees a capture through to the end of its upload.
func (c *Collector) see(one *capture) {
	defer one.file.remove()
	one.wait(c.ctx)
	err := one.end()
	c.mu.Lock()
	c.current = nil
	c.waiting++
	c.mu.Unlock()
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.waiting--
	}()
	c.deliver(one, err)
}

func (c *Collector) deliver(one *capture, captured error) {
	log := c.settings.Logger.With(slog.String("profile", one.request.Kind), slog.String("lease_id", one.lease.ID))
	if c.ctx.Err() != nil {
		c.metrics.count(one.request.Kind, resultLost)
		return
	}
	if captured != nil {
		c.metrics.count(one.request.Kind, resultFailed)
		log.WarnContext(c.ctx, "profile cannot be captured", slog.Any("err", captured))
		return
	}
	c.metrics.bytes.Add(float64(one.size))
	if err := c.upload(c.ctx, one); err != nil {
		c.metrics.count(one.request.Kind, resultLost)
		log.WarnContext(c.ctx, "profile is lost", slog.Any("err", err), slog.Int64("bytes", one.size))
		return
	}
	c.metrics.count(one.request.Kind, resultStored)
	log.InfoContext(c.ctx, "profile captured and stored", slog.Int64("bytes", one.size),
		slog.Duration("of", one.until.Sub(one.from).Round(time.Millisecond)))
}

// Close ends what runs, without uploading it; the runtime's profilers are off, or as before, when it returns. Idempotent.
func (c *Collector) Close(ctx context.Context) error {
	c.mu.Lock()
	c.closed = true
	c.mu.Unlock()
	c.cancel()
	done := make(chan struct{})
	go func() { defer close(done); c.running.Wait() }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("wait for the profile that is being captured: %w", ctx.Err())
	}
}
