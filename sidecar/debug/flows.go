package debug

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Settings of Flows.
type Settings struct {
	// Sign makes a grant of the service's own, servicetoken.Signer.SignGrant; nil, or failing: what matches here logs
	// here alone.
	Sign func(payload []byte) (token string, err error)
	// Verify returns the payload of a grant that a service of the mesh has signed, servicetoken.Bundle.VerifyGrant;
	// nil: no token is believed.
	Verify     func(token string) (payload []byte, err error)
	Registerer prometheus.Registerer // nil: no metrics
	Clock      func() time.Time      // nil: time.Now
	// Began is told of each flow that begins, with its context; nil: nobody is. It must not block.
	Began func(ctx context.Context)
	// Spent is told when a lease's budget is spent on this instance; nil: nobody is. It must not block.
	Spent func(leaseID string, lines, bytes int64)
	// Shed is told when such a lease is gone from this instance, of the lines that its flows would have written since;
	// nil: nobody is. It must not block.
	Shed func(leaseID string, lines int64)
}

// Flows of one sidecar. All methods are safe for concurrent use, and do nothing on nil.
type Flows struct {
	settings Settings
	now      func() time.Time
	reader   reader
	accounts accounts
	metrics  *metrics

	conditions atomic.Pointer[[]*condition] // strongest first; nil: no lease holds
	under      atomic.Int64                 // flows under way
	strangers  strangers                    // while one is
	shed       atomic.Uint64                // lines that spent budgets have kept back

	mu   sync.Mutex
	held map[string]*account // of the leases that hold here
}

// NewFlows makes Flows without a lease.
func NewFlows(s Settings) *Flows {
	f := &Flows{settings: s, now: s.Clock, reader: reader{verify: s.Verify}, held: map[string]*account{}, strangers: newStrangers()}
	if f.now == nil {
		f.now = time.Now
	}
	f.metrics = newMetrics(s.Registerer, func() float64 { return float64(f.under.Load()) })
	return f
}

// Active is false when no flow is under way here: one atomic load, which is all that a disabled line asks then.
func (f *Flows) Active() bool { return f != nil && f.under.Load() > 0 }

// Stranger says without a walk through ctx that it belongs to no flow: because it was asked about before, and Lets has
// found that out. While Active, it is all that a disabled line of another request asks.
func (f *Flows) Stranger(ctx context.Context) bool { return f != nil && f.strangers.knows(ctx) }

// Lets says whether the flow of ctx logs a line of level l. A line that only a spent budget keeps back is counted where it
// is asked for first. It allocates nothing.
func (f *Flows) Lets(ctx context.Context, l slog.Level, first bool) bool {
	if !f.Active() {
		return false
	}
	one := flowOf(ctx)
	if one == nil {
		f.remember(ctx)
		return false
	}
	if l < one.Level || one.over.Load() || one.account.dropped.Load() || !f.now().Before(one.Until) {
		return false
	}
	spent := one.account.spent.Load()
	if spent && first {
		f.keepBack(one)
	}
	return !spent
}

// Holds says whether ctx belongs to a flow under way, however much of its budget is left. It allocates nothing.
func (f *Flows) Holds(ctx context.Context) bool {
	if !f.Active() {
		return false
	}
	one := flowOf(ctx)
	return one != nil && one.holds(f.now())
}

// remember that ctx is in no flow, unless the last one has ended meanwhile: then nobody would forget it.
func (f *Flows) remember(ctx context.Context) {
	f.strangers.add(ctx)
	if f.under.Load() == 0 {
		f.strangers.forget(ctx)
	}
}

func (f *Flows) keepBack(one *flow) {
	one.account.shed.Add(1)
	f.shed.Add(1)
}

// Shed counts the lines that spent budgets have kept back since the start.
func (f *Flows) Shed() uint64 {
	if f == nil {
		return 0
	}
	return f.shed.Load()
}

// Pay takes a line of so many bytes from the budget of the lease that lets it through; false: it does not fit any more,
// and is not to be written.
func (f *Flows) Pay(ctx context.Context, bytes int) bool {
	one := flowOf(ctx)
	if f == nil || one == nil {
		return true
	}
	paid, last := one.account.take(bytes)
	if !paid {
		f.keepBack(one)
	}
	if last && f.settings.Spent != nil {
		lines, size := one.account.sum()
		f.settings.Spent(one.LeaseID, lines, size)
	}
	return paid
}

// Token of the flow of ctx for whoever sends something on; "" outside of one.
func (f *Flows) Token(ctx context.Context) string { return Token(ctx) }

// Lease that the flow of ctx is due to, for the lines that it lets through; "" outside of one.
func (f *Flows) Lease(ctx context.Context) string { return Lease(ctx) }

// Enter begins a flow by the token that something came with ("": none does). A token that does not hold is counted and
// ignored. The returned end ends the flow; it may be called more than once.
func (f *Flows) Enter(ctx context.Context, token string) (_ context.Context, end func()) {
	return f.enter(ctx, token, true)
}

// Resume is Enter for what was entered before, as by who decides after a handler has failed: it counts nothing.
func (f *Flows) Resume(ctx context.Context, token string) (_ context.Context, end func()) {
	return f.enter(ctx, token, false)
}

func (f *Flows) enter(ctx context.Context, token string, count bool) (context.Context, func()) {
	if token == "" || f == nil {
		return ctx, nothing
	}
	if one := flowOf(ctx); one != nil && one.token == token && !one.over.Load() {
		return ctx, nothing
	}
	one, err := f.admit(token)
	switch {
	case err != nil && count:
		f.metrics.reject(err)
		return ctx, nothing
	case err != nil:
		return ctx, nothing
	case count:
		f.metrics.entered.Inc()
	}
	return f.begin(ctx, one)
}

// admit reads the token of a flow.
func (f *Flows) admit(token string) (*flow, error) {
	now := f.now()
	c, err := f.reader.read(token, now)
	if err != nil {
		return nil, err
	}
	account := f.accounts.of(c.Lease, c.Lines, c.Bytes)
	if account.dropped.Load() {
		return nil, errExpired
	}
	until := now.Add(time.Duration(c.Expires-now.UnixMilli()) * time.Millisecond)
	return &flow{Grant: Grant{LeaseID: c.Lease, Level: slog.Level(c.Level), Until: until}, token: token, account: account}, nil
}

// begin counts the flow in, and its end out.
func (f *Flows) begin(ctx context.Context, one *flow) (context.Context, func()) {
	f.under.Add(1)
	ctx = context.WithValue(ctx, flowKey{}, one)
	if f.settings.Began != nil {
		f.settings.Began(ctx)
	}
	return ctx, func() {
		if one.over.CompareAndSwap(false, true) {
			if f.under.Add(-1) == 0 {
				f.strangers.clear()
			}
		}
	}
}

func nothing() {}
