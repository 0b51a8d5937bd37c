package ratelimit

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

const (
	awayFor  = time.Second      // after a failure Redis is left alone for so long
	silence  = 10 * time.Second // between two log lines about it
	takeTime = 250 * time.Millisecond
)

// remote is a limiter that may be away.
type remote interface {
	Take(ctx context.Context, keys ...Key) (Decision, error)
}

// Fallback asks Redis and, while that is away, counts in this process. It never refuses because a
// server is down. Safe for concurrent use.
type Fallback struct {
	remote remote
	local  *Local
	log    *slog.Logger
	falls  prometheus.Counter
	now    func() time.Time

	mu     sync.Mutex
	away   time.Time // until then Redis is not asked
	spoken time.Time // the last log line
}

// NewFallback makes one. remote nil (the Redis pointer's interface, not a nil *Redis): this process only.
func NewFallback(remote remote, log *slog.Logger, r prometheus.Registerer) *Fallback {
	return &Fallback{
		remote: remote, local: NewLocal(nil), log: log, now: time.Now,
		falls: telemetry.Register(r, prometheus.NewCounter(prometheus.CounterOpts{
			Name: "signalbox_gateway_rate_limiter_fallbacks_total", Help: "Requests that this process counted by itself because Redis was away",
		})),
	}
}

// Take takes a place in all buckets, or in none. keys must not be empty.
func (f *Fallback) Take(ctx context.Context, keys ...Key) Decision {
	if f.remote == nil {
		return f.local.Take(ctx, keys...)
	}
	if f.present() {
		// A caller who goes away in the middle says nothing about Redis.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeTime)
		defer cancel()
		d, err := f.remote.Take(ctx, keys...)
		if err == nil {
			return d
		}
		f.lost(ctx, err)
	}
	f.falls.Inc()
	return f.local.Take(ctx, keys...)
}

func (f *Fallback) present() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return !f.now().Before(f.away)
}

// lost remembers the failure, and says so at most once every ten seconds.
func (f *Fallback) lost(ctx context.Context, err error) {
	f.mu.Lock()
	now := f.now()
	f.away = now.Add(awayFor)
	speak := now.Sub(f.spoken) >= silence
	if speak {
		f.spoken = now
	}
	f.mu.Unlock()
	if speak {
		f.log.WarnContext(ctx, "redis is away, each gateway counts requests by itself", slog.Any("err", err))
	}
}
