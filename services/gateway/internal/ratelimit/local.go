package ratelimit

import (
	"context"
	"sync"
	"time"
)

// Local keeps buckets in this process: each replica counts for itself. Safe for concurrent use.
type Local struct {
	now func() time.Time

	mu      sync.Mutex
	buckets map[string]int64 // TAT in microseconds
	sweepAt int              // number of buckets at which the dead ones are dropped
}

const firstSweep = 1024

// NewLocal makes one; now nil is time.Now.
func NewLocal(now func() time.Time) *Local {
	if now == nil {
		now = time.Now
	}
	return &Local{now: now, buckets: map[string]int64{}, sweepAt: firstSweep}
}

// Take takes a place in all buckets, or in none. keys must not be empty.
func (l *Local) Take(_ context.Context, keys ...Key) Decision {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now().UnixMicro()
	allowed, next := true, make([]int64, len(keys))
	for i, k := range keys {
		ok, tat := judge(k.Limit, l.buckets[k.Name], now)
		allowed, next[i] = allowed && ok, tat
	}
	all := make([]Decision, len(keys))
	for i, k := range keys {
		ok, _ := judge(k.Limit, l.buckets[k.Name], now)
		if allowed {
			l.buckets[k.Name] = next[i]
		}
		all[i] = describe(k, ok, l.buckets[k.Name], now)
	}
	l.sweep(now)
	return tightest(all)
}

// sweep drops buckets that are empty anyway once there are many, so that callers cannot fill the
// memory with addresses; the bound then follows what is left.
func (l *Local) sweep(now int64) {
	if len(l.buckets) < l.sweepAt {
		return
	}
	for name, tat := range l.buckets {
		if tat <= now {
			delete(l.buckets, name)
		}
	}
	l.sweepAt = max(firstSweep, 2*len(l.buckets))
}
