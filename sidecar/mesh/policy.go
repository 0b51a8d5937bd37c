package mesh

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// Policy is how this service calls another: the value of a policy lease. What it leaves out is the default.
type Policy struct {
	Destination string         `json:"destination,omitempty"`  // a service; "": all that have no policy of their own
	TimeoutMS   int64          `json:"timeout_ms,omitempty"`   // bounds every call that is no stream; 0: 10 s for those that have no deadline
	Retries     *int           `json:"retries,omitempty"`      // of one call, at most
	RetryBudget *float64       `json:"retry_budget,omitempty"` // retries by share of calls
	Breaker     *BreakerPolicy `json:"breaker,omitempty"`
	Off         bool           `json:"off,omitempty"` // no retries and no circuit breaker
}

// BreakerPolicy is when a circuit breaker opens, and for how long. 0 is the default.
type BreakerPolicy struct {
	Failures float64 `json:"failures,omitempty"` // share of calls within ten seconds
	Calls    uint    `json:"calls,omitempty"`    // fewer calls within ten seconds say nothing
	OpenMS   int64   `json:"open_ms,omitempty"`
}

// Bounds of what a policy or a fault may say.
const (
	maxTimeoutMS = int64(10 * time.Minute / time.Millisecond)
	maxRetries   = 5
	maxCalls     = 10_000
	minOpenMS    = 100
	maxDelayMS   = int64(time.Minute / time.Millisecond)
)

// ParsePolicy reads the value of a policy lease. An unknown field, and a value out of bounds, is an error that names it.
func ParsePolicy(value string) (Policy, error) {
	var p Policy
	if err := lease.Decode(value, &p); err != nil {
		return Policy{}, fmt.Errorf("read policy: %w", err)
	}
	if err := p.check(); err != nil {
		return Policy{}, fmt.Errorf("policy: %w", err)
	}
	return p, nil
}

// String is the canonical form, which ParsePolicy reads.
func (p Policy) String() string { return text(p) }

func (p Policy) check() error {
	switch {
	case !named(p.Destination):
		return fmt.Errorf("destination %.80q is no name of a service", p.Destination)
	case p.TimeoutMS < 0 || p.TimeoutMS > maxTimeoutMS:
		return fmt.Errorf("timeout_ms %d: 1 to %d are possible", p.TimeoutMS, maxTimeoutMS)
	case p.Retries != nil && (*p.Retries < 0 || *p.Retries > maxRetries):
		return fmt.Errorf("retries %d: 0 to %d are possible", *p.Retries, maxRetries)
	case p.RetryBudget != nil && !(*p.RetryBudget >= 0 && *p.RetryBudget <= 1):
		return fmt.Errorf("retry_budget %v: a share from 0 to 1 is expected", *p.RetryBudget)
	case p.Off && (p.Retries != nil || p.RetryBudget != nil || p.Breaker != nil):
		return errors.New("off leaves nothing to say about retries and breaker")
	case p == Policy{Destination: p.Destination}:
		return errors.New("it says nothing: give timeout_ms, retries, retry_budget, breaker or off")
	case p.Breaker != nil:
		return p.Breaker.check()
	}
	return nil
}

func (b BreakerPolicy) check() error {
	switch {
	case b == BreakerPolicy{}:
		return errors.New("breaker says nothing: give failures, calls or open_ms")
	case !(b.Failures >= 0 && b.Failures <= 1):
		return fmt.Errorf("breaker.failures %v: a share above 0, up to 1, is expected", b.Failures)
	case b.Calls > maxCalls:
		return fmt.Errorf("breaker.calls %d: 1 to %d are possible", b.Calls, maxCalls)
	case b.OpenMS != 0 && (b.OpenMS < minOpenMS || b.OpenMS > maxTimeoutMS):
		return fmt.Errorf("breaker.open_ms %d: %d to %d are possible", b.OpenMS, minOpenMS, maxTimeoutMS)
	}
	return nil
}

func text(v any) string {
	raw, err := json.Marshal(v)
	if err != nil {
		return "" // numbers that JSON has no form for do not pass check
	}
	return string(raw)
}

// named says whether it can be a service's name; "" is all of them.
func named(service string) bool {
	if len(service) > 63 || service != "" && (service[0] == '-' || service[len(service)-1] == '-') {
		return false
	}
	for _, c := range service {
		if !(c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '-') {
			return false
		}
	}
	return true
}
