package debug

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

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
		account.carry(l.Used.Lines, l.Used.Bytes)
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

// Used tells of each lease with a budget that holds here what was let through by it, by earlier processes too.
func (f *Flows) Used(tell func(leaseID string, lines, bytes int64)) {
	if f == nil {
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	for id, account := range f.held {
		if account.bounded() {
			lines, bytes := account.sum()
			tell(id, lines, bytes)
		}
	}
}
