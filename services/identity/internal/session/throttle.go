package session

import (
	"context"
	"net/netip"
	"time"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/account"
	"github.com/signalbox-mesh/signalbox/services/identity/internal/audit"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Failures that are free before waiting begins. Many people may sit behind one address.
const (
	freeByName    = 5
	freeByAddress = 50
)

// Strike names what a failed sign-in counts against, and how many failures are free.
type Strike struct {
	Key  []byte // SHA-256
	Free int
}

// Strikes counts failures. From the last free one on, each failure blocks its key for 1 s, 2 s, 4 s …
// up to 15 min; an hour without a failure starts over.
type Strikes interface {
	Wait(ctx context.Context, keys []Strike, now time.Time) (time.Duration, error) // 0: free to try
	Add(ctx context.Context, keys []Strike, now time.Time) error
	Forget(ctx context.Context, key []byte) error
}

// Throttled is too_many with the time after which to try again. It is a *problem.Error to errors.As.
type Throttled struct {
	Wait    time.Duration
	problem *problem.Error
}

func (t *Throttled) Error() string { return t.problem.Error() }

func (t *Throttled) Unwrap() error { return t.problem }

// RetryAfter is the wait in whole seconds, at least one.
func (t *Throttled) RetryAfter() time.Duration {
	return max(t.Wait.Truncate(time.Second)+time.Second, time.Second)
}

func (s *Sessions) throttle(ctx context.Context, keys []Strike, from netip.Addr) error {
	wait, err := s.Strikes.Wait(ctx, keys, s.Now())
	if err != nil || wait <= 0 {
		return err
	}
	s.Metrics.signIn("throttled")
	s.Trail.Record(ctx, audit.Entry{Action: "sign-in", Outcome: audit.Refused, From: from, Detail: "throttled"})
	return &Throttled{Wait: wait, problem: problem.New(problem.TooMany, "too many failed sign-ins; try again later")}
}

// strikeKeys are the name's and the address's; names that nobody can have count like any other.
func strikeKeys(name string, from netip.Addr) (nameKey string, keys []Strike) {
	nameKey, ok := account.NameKey(name)
	counted := nameKey
	if !ok {
		counted = "\x00" + name
	}
	return nameKey, []Strike{
		{Key: digest("name:" + counted), Free: freeByName},
		{Key: digest("address:" + network(from)), Free: freeByAddress},
	}
}

// network is what one customer of a provider has: a single IPv4 address, or an IPv6 /64.
func network(a netip.Addr) string {
	if a.Is6() {
		p, err := a.Prefix(64)
		if err == nil {
			return p.String()
		}
	}
	return a.String()
}
