package ratelimit

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/redis"
	"github.com/signalbox-mesh/signalbox/internal/servers/redistest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

// server starts a Redis of the test's own.
func server(t *testing.T) (url string, s *redis.Server) {
	t.Helper()
	s = redistest.Server(t)
	return s.URL(), s
}

func open(t *testing.T, url string) *Redis {
	t.Helper()
	r, err := NewRedis(url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

func take(t *testing.T, r *Redis, keys ...Key) Decision {
	t.Helper()
	d, err := r.Take(t.Context(), keys...)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestW4_ReplicasCountTogether: of many requests at two gateways at once exactly the burst passes.
func TestW4_ReplicasCountTogether(t *testing.T) {
	t.Parallel()
	url, _ := server(t)
	key := Key{Name: "user:a", Limit: Limit{Period: time.Hour, Burst: 50}}
	replicas := []*Redis{open(t, url), open(t, url)}
	var mu sync.Mutex
	var wg sync.WaitGroup
	allowed := 0
	for i := range 8 {
		wg.Go(func() {
			for range 25 {
				d, err := replicas[i%2].Take(t.Context(), key)
				if err != nil {
					t.Error(err)
					return
				}
				if d.Allowed {
					mu.Lock()
					allowed++
					mu.Unlock()
				}
			}
		})
	}
	wg.Wait()
	t.Logf("METRIC allowed_of_200=%d limit=50", allowed)
	if allowed != 50 {
		t.Errorf("%d passed, want exactly 50", allowed)
	}
}

// TestRedisAnswersAsLocal: the script and the Go code are one rule.
func TestRedisAnswersAsLocal(t *testing.T) {
	t.Parallel()
	url, _ := server(t)
	r, c := open(t, url), newClock()
	local := NewLocal(c.now)
	address := Key{Name: "address:x", Limit: Limit{Period: time.Hour, Burst: 6}}
	user := Key{Name: "user:a", Limit: Limit{Period: time.Hour, Burst: 4}}
	for i, keys := range [][]Key{{address, user}, {user}, {address, user}, {address}, {address, user}, {address, user}, {user}, {address}, {address}, {address}} {
		got, want := take(t, r, keys...), local.Take(t.Context(), keys...)
		if got.Allowed != want.Allowed || got.Key != want.Key || got.Remaining != want.Remaining || got.Limit != want.Limit ||
			(got.Reset-want.Reset).Abs() > time.Minute || (got.RetryAfter-want.RetryAfter).Abs() > time.Minute {
			t.Errorf("step %d: redis %+v, local %+v", i, got, want)
		}
	}
}

func TestBucketsLeaveRedis(t *testing.T) {
	t.Parallel()
	url, _ := server(t)
	r := open(t, url)
	take(t, r, Key{Name: "user:a", Limit: Limit{Period: 20 * time.Millisecond, Burst: 1}})
	wait.For(t, 5*time.Second, "the bucket to expire", func() bool {
		n, err := r.client.DBSize(t.Context()).Result()
		return err == nil && n == 0
	})
}

// TestRedisKilled: requests go on, counted here, with one line in the log and a counter.
func TestRedisKilled(t *testing.T) {
	t.Parallel()
	url, process := server(t)
	var log bytes.Buffer
	registry := prometheus.NewRegistry()
	f := NewFallback(open(t, url), slog.New(slog.NewTextHandler(&log, nil)), registry)
	key := Key{Name: "user:a", Limit: Limit{Period: time.Hour, Burst: 3}}
	if !f.Take(t.Context(), key).Allowed || testutil.ToFloat64(f.falls) != 0 {
		t.Fatal("redis was not asked")
	}
	if err := process.Kill(); err != nil {
		t.Fatal(err)
	}
	allowed := 0
	for range 20 {
		if f.Take(t.Context(), key).Allowed {
			allowed++
		}
	}
	if allowed != 3 {
		t.Errorf("%d passed without redis, want this process's burst of 3", allowed)
	}
	if n := testutil.ToFloat64(f.falls); n != 20 {
		t.Errorf("%v fallbacks counted, want 20", n)
	}
	if n := strings.Count(log.String(), "redis is away"); n != 1 {
		t.Errorf("%d lines about it, want 1:\n%s", n, log.String())
	}
}

// absent is a Redis that is away.
type absent struct{ asked int }

func (a *absent) Take(context.Context, ...Key) (Decision, error) {
	a.asked++
	return Decision{}, context.DeadlineExceeded
}

func TestAbsentRedisIsLeftAlone(t *testing.T) {
	t.Parallel()
	c, away, log := newClock(), &absent{}, &bytes.Buffer{}
	f := NewFallback(away, slog.New(slog.NewTextHandler(log, nil)), nil)
	f.now = c.now
	for range 1000 {
		f.Take(t.Context(), Key{Name: "x", Limit: Limit{Period: time.Second, Burst: 1}})
		c.pass(25 * time.Millisecond)
	}
	if away.asked > 26 {
		t.Errorf("asked %d times in 25 s, want once a second", away.asked)
	}
	if n := strings.Count(log.String(), "redis is away"); n != 3 {
		t.Errorf("%d lines in 25 s, want 3", n)
	}
}

func TestNewRedisRefuses(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"", "localhost:6379", "http://x", "redis://x:y:z", "redis://user:secret@host:99999999/x"} {
		r, err := NewRedis(url)
		if err == nil {
			r.Close()
			t.Errorf("%q was taken", url)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the password is in %v", err)
		}
	}
}

func TestACallerWhoLeavesIsNoOutage(t *testing.T) {
	t.Parallel()
	url, _ := server(t)
	f := NewFallback(open(t, url), slog.New(slog.DiscardHandler), nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f.Take(ctx, Key{Name: "x", Limit: Limit{Period: time.Hour, Burst: 1}})
	if !f.present() || testutil.ToFloat64(f.falls) != 0 {
		t.Error("redis is taken to be away")
	}
}
