package ratelimit

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// clock is set by hand.
type clock struct{ at time.Time }

func (c *clock) now() time.Time { return c.at }

func (c *clock) pass(d time.Duration) { c.at = c.at.Add(d) }

func newClock() *clock { return &clock{at: time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)} }

func TestW4_LimitIsExact(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := NewLocal(c.now)
	key := Key{Name: "user:a", Limit: Limit{Period: 100 * time.Millisecond, Burst: 5}}
	for i := range 5 {
		d := l.Take(t.Context(), key)
		if !d.Allowed || d.Remaining != 4-i || d.Limit != 5 {
			t.Fatalf("request %d: %+v", i, d)
		}
	}
	d := l.Take(t.Context(), key)
	if d.Allowed || d.RetryAfter != 100*time.Millisecond || d.Reset != 500*time.Millisecond {
		t.Fatalf("above the burst: %+v", d)
	}
	c.pass(99 * time.Millisecond)
	if l.Take(t.Context(), key).Allowed {
		t.Fatal("allowed a millisecond early")
	}
	c.pass(time.Millisecond)
	if !l.Take(t.Context(), key).Allowed {
		t.Fatal("refused when its time had come")
	}
	c.pass(time.Hour)
	allowed := 0
	for range 10 {
		if l.Take(t.Context(), key).Allowed {
			allowed++
		}
	}
	if allowed != 5 {
		t.Fatalf("%d allowed after a long rest, want the burst of 5", allowed)
	}
}

// TestW4_NeverMoreThanRateAndBurst: in any stretch of time no more pass than burst + time/period.
func TestW4_NeverMoreThanRateAndBurst(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		l := NewLocal(c.now)
		limit := Limit{Period: time.Duration(rapid.IntRange(1, 1000).Draw(t, "period")) * time.Millisecond, Burst: rapid.IntRange(1, 20).Draw(t, "burst")}
		began, passed := c.at, 0
		for _, gap := range rapid.SliceOfN(rapid.IntRange(0, 2000), 1, 100).Draw(t, "gaps") {
			c.pass(time.Duration(gap) * time.Millisecond)
			d := l.Take(t.Context(), Key{Name: "x", Limit: limit})
			if d.Allowed {
				passed++
			} else if d.RetryAfter <= 0 || d.RetryAfter > limit.Period {
				t.Fatalf("told to come again in %v, the period is %v", d.RetryAfter, limit.Period)
			}
			if most := limit.Burst + int(c.at.Sub(began)/limit.Period); passed > most {
				t.Fatalf("%d passed, at most %d may", passed, most)
			}
		}
	})
}

func TestW4_OneCallerDoesNotDisturbAnother(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := NewLocal(c.now)
	limit := Limit{Period: 100 * time.Millisecond, Burst: 2}
	refused := 0
	for range 100 {
		for range 10 {
			l.Take(t.Context(), Key{Name: "user:a", Limit: limit})
		}
		if !l.Take(t.Context(), Key{Name: "user:b", Limit: limit}).Allowed {
			refused++
		}
		c.pass(100 * time.Millisecond)
	}
	t.Logf("METRIC neighbour_refused=%d limit=0", refused)
	if refused != 0 {
		t.Errorf("b was refused %d times for what a did", refused)
	}
}

// TestAllOrNothing: a refusal by one bucket takes nothing from the others.
func TestAllOrNothing(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := NewLocal(c.now)
	user := Key{Name: "user:a", Limit: Limit{Period: time.Second, Burst: 1}}
	address := Key{Name: "address:x", Limit: Limit{Period: time.Second, Burst: 3}}
	l.Take(t.Context(), address, user)
	for range 5 {
		if d := l.Take(t.Context(), address, user); d.Allowed || d.Key != "user:a" {
			t.Fatalf("%+v", d)
		}
	}
	if d := l.Take(t.Context(), address); !d.Allowed || d.Remaining != 1 {
		t.Errorf("the address paid for refusals: %+v", d)
	}
}

func TestDeadBucketsAreDropped(t *testing.T) {
	t.Parallel()
	c := newClock()
	l := NewLocal(c.now)
	for i := range 100_000 {
		l.Take(t.Context(), Key{Name: fmt.Sprint(i), Limit: Limit{Period: time.Millisecond, Burst: 2}})
		c.pass(time.Millisecond)
	}
	if n := len(l.buckets); n > 2*firstSweep {
		t.Errorf("%d buckets are kept", n)
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]Limit{
		"0": {}, "10": {Period: 100 * time.Millisecond, Burst: 20}, "10/5": {Period: 100 * time.Millisecond, Burst: 5}, "1/1": {Period: time.Second, Burst: 1},
	} {
		if got, err := Parse(text); err != nil || got != want {
			t.Errorf("%s: %+v, %v", text, got, err)
		}
	}
	for _, text := range []string{"", "x", "-1", "10/", "10/0", "10/x", "0/5", "1.5", "99999999", "1/99999999", "10/5/2"} {
		if _, err := Parse(text); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
