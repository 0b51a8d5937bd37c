package ratelimit

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

//go:embed gcra.lua
var script string

// keyPrefix keeps our keys apart on a server that is shared.
const keyPrefix = "signalbox:gateway:rate:"

// Redis keeps buckets in Redis: all replicas count together. Safe for concurrent use.
type Redis struct {
	client *redis.Client
	script *redis.Script
	Edge   *telemetry.Edge // to the server; nil: it is not counted. Set before use
}

// NewRedis parses the URL; it does not connect. A call never waits longer than a quarter of a second:
// the limiter stands before every request.
func NewRedis(url string) (*Redis, error) {
	o, err := redis.ParseURL(url)
	if err != nil {
		return nil, errors.New("it is not a Redis URL, redis://[user:password@]host:port[/number]")
	}
	o.MaxRetries = -1
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = 250*time.Millisecond, 250*time.Millisecond, 250*time.Millisecond, 250*time.Millisecond
	o.ContextTimeoutEnabled = true
	return &Redis{client: redis.NewClient(o), script: redis.NewScript(script)}, nil
}

// Take takes a place in all buckets, or in none.
func (r *Redis) Take(ctx context.Context, keys ...Key) (Decision, error) {
	names := make([]string, len(keys))
	args := make([]any, 0, 2*len(keys))
	for i, k := range keys {
		names[i] = keyPrefix + k.Name
		args = append(args, k.Limit.Period.Microseconds(), k.Limit.Burst)
	}
	began := time.Now()
	answer, err := r.script.Run(ctx, r.client, names, args...).Int64Slice()
	if r.Edge != nil {
		r.Edge.Observe(ctx, time.Since(began), err != nil && ctx.Err() == nil)
	}
	if err != nil {
		return Decision{}, fmt.Errorf("take a place in redis: %w", err)
	}
	if len(answer) != 1+2*len(keys) {
		return Decision{}, fmt.Errorf("take a place in redis: %d numbers in the answer", len(answer))
	}
	all := make([]Decision, len(keys))
	for i, k := range keys {
		all[i] = describe(k, answer[2*i+1] == 1, answer[2*i+2], answer[0])
	}
	return tightest(all), nil
}

// Ping says whether the server answers.
func (r *Redis) Ping(ctx context.Context) error { return r.client.Ping(ctx).Err() }

// Close lets go of the connections. Closing twice is closing once.
func (r *Redis) Close() error {
	if err := r.client.Close(); err != nil && !errors.Is(err, redis.ErrClosed) {
		return fmt.Errorf("close redis: %w", err)
	}
	return nil
}
