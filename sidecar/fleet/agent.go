// Package fleet is the agent in every sidecar that keeps one instance and view-service of one mind.
//
// It syncs at the start, with every heartbeat, when a revision is missing, and last at a clean stop: it says
// what is so here and takes what should be. Between heartbeats, signed control messages bring changes at
// once. A lease's time runs out on this process's own monotonic clock, so a level comes back with view-service,
// bus and network gone.
//
//	control message ──verify──▶ leases ──▶ effects     Sync ⇄ view-service
//	                              ▲  │                      │
//	                              │  └─ expiry (own clock)  │
//	                              └─────────────────────────┘
package fleet

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// authority signs control messages; nobody else's count.
const authority = "view-service"

// Settings of an Agent.
type Settings struct {
	Service     string
	Instance    string
	Version     string
	Environment string
	Epoch       string
	PID         int
	PublicAddr  string
	PrivateAddr string
	StartedAt   time.Time

	Client fleetv1.FleetServiceClient
	Bus    bus.Bus // nil: changes come with the heartbeat only
	// Verify returns the payload of a message that signer has signed; nil: no message counts.
	Verify func(token, signer string) ([]byte, error)
	// Sign signs acknowledgements with the service's key; nil: none is sent, since none would be believed.
	Sign func(payload []byte) (token string, err error)
	// Answer makes an acknowledgement for the asker with that key, and nobody else; nil: all are signed.
	Answer func(payload []byte, key string) (answer string, err error)
	// Effects by kind of lease; a kind without one is refused.
	Effects map[string]lease.Effect
	// Notices take what else is said on the control exchange, by the event's type, one at a time; they do not block.
	Notices map[string]bus.Handler

	States func() []level.State // may be nil
	// Effective is a logger's level as it is now; may be nil.
	Effective func(logger string) slog.Level
	Health    func() health.Report   // may be nil
	Ledger    func() []logging.Class // may be nil
	// Edges is what has passed between this service and others; may be nil.
	Edges func() []telemetry.EdgeCounts
	// Usage is what this process takes of its machine; may be nil.
	Usage func() telemetry.Usage

	// Used is what was let through by each lease with a budget that is in effect, in earlier processes too; nil: a budget begins
	// anew with each process.
	Used func() map[string]lease.Use
	// StateFile keeps leases and events over a restart; "": they are forgotten until view-service is heard.
	StateFile string
	clocks    clocks // none: the machine's

	// Suppressed is what no level let through so far; may be nil.
	Suppressed func() []level.Suppressed
	// Sampling is the share of new traces, as set and as it is; may be nil.
	Sampling func() (configured, effective float64)
	// SettingsHash is the same where the effective settings are.
	SettingsHash string

	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Agent of one instance. Safe for concurrent use.
type Agent struct {
	settings Settings
	leases   *leases
	events   *journal
	keeper   *keeper
	rates    rates
	metrics  *metrics
	now      chan struct{} // a Sync is wanted at once
	soon     atomic.Bool   // or in a moment
	syncing  chan struct{} // held by the one Sync under way
	replies  chan reply    // to control messages
	stopping atomic.Bool

	listening chan struct{} // of this Run: closed when control messages come in

	mu       sync.Mutex
	synced   time.Time // of the last Sync that worked
	failing  error
	interval time.Duration
}

const (
	defaultHeartbeat = 5 * time.Second
	syncTimeout      = 3 * time.Second
	listenPatience   = 2 * time.Second
	firstRetry       = 100 * time.Millisecond
	breath           = 50 * time.Millisecond // until a change that was answered is reported too, and up to as long again
	maxReplies       = 64                    // that wait
	lost             = 3                     // heartbeats without a Sync until Progress complains
)

// New makes an agent, registers its metrics, and takes up the leases of StateFile.
func New(s Settings) *Agent {
	if s.Logger == nil {
		s.Logger = slog.New(slog.DiscardHandler)
	}
	a := &Agent{settings: s, now: make(chan struct{}, 1), syncing: make(chan struct{}, 1), replies: make(chan reply, maxReplies), interval: defaultHeartbeat, synced: time.Now(), failing: errNotYet}
	a.leases = newLeases(s.Service, s.Instance, s.Effects)
	a.metrics = newMetrics(s.Registerer, a.leases.count)
	a.events = &journal{lost: a.metrics.lost}
	a.keeper = newKeeper(s.StateFile, s.clocks, a.metrics, s.Logger)
	a.leases.note, a.leases.save, a.leases.effective = a.tell, a.keeper.want, s.Effective
	a.resume()
	return a
}

var errNotYet = errors.New("view-service has not answered yet")

// Run syncs, listens and lets leases expire, until ctx ends.
func (a *Agent) Run(ctx context.Context) error {
	var parts sync.WaitGroup
	defer parts.Wait()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	parts.Go(func() { a.leases.expire(ctx) })
	parts.Go(func() { a.keeper.run(ctx, a.record) })
	if a.settings.Bus != nil {
		a.listening = make(chan struct{})
		parts.Go(func() { a.answer(ctx) })
		parts.Go(func() { a.listen(ctx) })
		a.awaitListening(ctx)
	}
	return a.beat(ctx)
}

// awaitListening has the first Sync wait until changes reach this instance, or it would be counted among those that
// are silent; but not for long: without a bus the heartbeat brings them.
func (a *Agent) awaitListening(ctx context.Context) {
	patience := time.NewTimer(listenPatience)
	defer patience.Stop()
	select {
	case <-a.listening:
	case <-patience.C:
	case <-ctx.Done():
	}
}

// Stop says goodbye: the last Sync, tried once, within ctx; an error: it was not heard. Whatever is said afterwards says
// so too.
func (a *Agent) Stop(ctx context.Context) error {
	a.stopping.Store(true)
	return a.Sync(ctx)
}

// Progress is nil while view-service hears this instance, else what is wrong, for /hc.
func (a *Agent) Progress() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if silent := time.Since(a.synced); silent > lost*a.interval {
		return fmt.Errorf("no sync for %s: %w", silent.Round(time.Second), a.failing)
	}
	return nil
}

// beat syncs at once, and again after each heartbeat, or earlier when one failed or is wanted.
func (a *Agent) beat(ctx context.Context) error {
	retry := firstRetry
	for {
		wait := a.heartbeat()
		if err := a.Sync(ctx); err != nil {
			wait, retry = min(retry, wait), min(2*retry, wait)
		} else {
			retry = firstRetry
		}
		if err := pause.Until(ctx, wait, a.now); err != nil {
			return err
		}
	}
}

func (a *Agent) heartbeat() time.Duration {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.interval
}

// Wanted asks for a Sync at once, because something has changed here or was missed; several wishes are one. It never
// blocks.
func (a *Agent) Wanted() {
	select {
	case a.now <- struct{}{}:
	default:
	}
}

// wantedSoon asks for a Sync in a moment: after a change that all instances answer at once, and not all in the same
// instant. Several wishes are one. It never blocks.
func (a *Agent) wantedSoon() {
	if a.soon.Swap(true) {
		return
	}
	time.AfterFunc(breath+rand.N(breath), func() {
		a.soon.Store(false)
		a.Wanted()
	})
}

// Note has an event of this instance told to view-service, where it becomes a row of the audit. It never blocks.
func (a *Agent) Note(e Event) { a.tell(e) }

// Lease that is held here, by its id.
func (a *Agent) Lease(id string) (lease.Lease, bool) { return a.leases.lease(id) }

// Spent says that a lease has fallen back because its budget was used up. It never blocks.
func (a *Agent) Spent(leaseID string, lines, bytes int64) {
	a.leases.spend(tally{leaseID, lines, bytes})
}

func (a *Agent) tell(all ...Event) {
	if len(all) == 0 {
		return
	}
	a.events.add(all...)
	a.keeper.want()
	a.wantedSoon()
}
