package debug

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
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

// condition of one lease.
type condition struct {
	Condition
	lease   lease.Lease
	account *account

	mu    sync.Mutex
	stamp stamp
}

// stamp is a token and what it grants.
type stamp struct {
	token string
	until time.Time
	renew time.Time // when another one is made
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
func (f *Flows) Stranger(ctx context.Context) bool { return f.strangers.knows(ctx) }

// Level that the flow of ctx logs at; false outside of one, and when its grant is over. It allocates nothing.
func (f *Flows) Level(ctx context.Context) (slog.Level, bool) {
	if !f.Active() {
		return 0, false
	}
	one := flowOf(ctx)
	if one == nil || !one.holds(f.now()) {
		return 0, false
	}
	return one.Level, true
}

// Lets says whether the flow of ctx logs a line of level l. A line that only a spent budget keeps back is counted where it
// is asked for first.
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

// Matching says whether any lease holds here, so that Match is worth its Request: one atomic load.
func (f *Flows) Matching() bool { return f != nil && f.conditions.Load() != nil }

// Match begins a flow, and stamps it, when a lease's conditions hold for the request and it does not log at that level
// already. Of several leases the lowest level wins among those that have a budget left; without one the flow only counts
// what it keeps back. end is as with Enter.
func (f *Flows) Match(ctx context.Context, r Request) (_ context.Context, end func()) {
	if !f.Matching() {
		return ctx, nothing
	}
	now := f.now()
	best := f.best(&r, now)
	if best == nil {
		return ctx, nothing
	}
	if one := flowOf(ctx); one != nil && one.Level <= best.Level && one.holds(now) {
		return ctx, nothing
	}
	s := f.stamped(best, now)
	f.metrics.stamped.Inc()
	return f.begin(ctx, &flow{Grant: Grant{LeaseID: best.lease.ID, Level: best.Level, Until: s.until}, token: s.token, account: best.account})
}

func (f *Flows) best(r *Request, now time.Time) (best *condition) {
	all := f.conditions.Load()
	if all == nil {
		return nil
	}
	for _, c := range *all {
		if (best == nil || c.before(best)) && c.Holds(r) && !c.account.dropped.Load() && (c.lease.Kept() || now.Before(c.lease.Until)) {
			best = c
		}
	}
	return best
}

// before says whether the lease wins over another.
func (c *condition) before(other *condition) bool {
	if spent := c.account.spent.Load(); spent != other.account.spent.Load() {
		return !spent
	}
	return c.Level < other.Level
}

// stamped is the lease's token of the moment. Without a signature the grant is for this sidecar alone.
func (f *Flows) stamped(c *condition, now time.Time) stamp {
	c.mu.Lock()
	defer c.mu.Unlock()
	if now.Before(c.stamp.renew) && now.Before(c.stamp.until) {
		return c.stamp
	}
	life := lifetime
	if !c.lease.Kept() {
		life = min(life, c.lease.Until.Sub(now))
	}
	c.stamp = stamp{until: now.Add(life), renew: now.Add(fresh)}
	token, err := f.sign(claims{Lease: c.lease.ID, Level: int(c.Level), Issued: now.UnixMilli(),
		Expires: now.UnixMilli() + life.Milliseconds(), Lines: c.lease.Lines, Bytes: c.lease.Bytes})
	if err == nil && len(token) <= MaxToken {
		c.stamp.token = token
	}
	return c.stamp
}

var errNoKey = errors.New("there is no key to sign with")

func (f *Flows) sign(c claims) (string, error) {
	if f.settings.Sign == nil {
		return "", errNoKey
	}
	payload, err := c.encode()
	if err != nil {
		return "", err
	}
	return f.settings.Sign(payload)
}

// begin counts the flow in, and its end out.
func (f *Flows) begin(ctx context.Context, one *flow) (context.Context, func()) {
	f.under.Add(1)
	return context.WithValue(ctx, flowKey{}, one), func() {
		if one.over.CompareAndSwap(false, true) {
			if f.under.Add(-1) == 0 {
				f.strangers.clear()
			}
		}
	}
}

func nothing() {}

// Apply is Flows as the effect of leases of kind "debug".
func (f *Flows) Apply(all []lease.Lease) (refused map[string]error) {
	refused = map[string]error{}
	held := map[string]*account{}
	var conditions []*condition
	for _, l := range all {
		c, err := Parse(l.Value)
		if err != nil {
			refused[l.ID] = err
			continue
		}
		account := f.accounts.of(l.ID, l.Lines, l.Bytes)
		account.dropped.Store(false)
		held[l.ID] = account
		conditions = append([]*condition{{Condition: c, lease: l, account: account}}, conditions...)
	}
	f.put(conditions, held)
	return refused
}

// put changes the leases, and ends the flows of those that have gone.
func (f *Flows) put(conditions []*condition, held map[string]*account) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, account := range f.held {
		if held[id] != nil {
			continue
		}
		if account.dropped.Store(true); account.spent.Load() && f.settings.Shed != nil {
			f.settings.Shed(id, account.shed.Load())
		}
	}
	f.held = held
	if len(conditions) == 0 {
		f.conditions.Store(nil)
		return
	}
	f.conditions.Store(&conditions)
}
