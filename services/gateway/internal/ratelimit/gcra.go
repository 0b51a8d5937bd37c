// Package ratelimit is the generic cell rate algorithm. A bucket is one number, its theoretical
// arrival time (TAT): every request moves it on by the period of the rate; a request that would move
// it further than the burst ahead of now is refused and moves nothing. There is no window at whose
// edges twice the rate could pass.
package ratelimit

import (
	"errors"
	"strconv"
	"strings"
	"time"
)

// Limit is a rate with the burst that may come at once. The zero Limit is no limit.
type Limit struct {
	Period time.Duration // between two requests at the steady rate
	Burst  int
}

// On reports whether there is a limit.
func (l Limit) On() bool { return l.Period > 0 && l.Burst > 0 }

// Parse reads "RATE" or "RATE/BURST", both whole numbers, the rate a second; without a burst it is
// twice the rate. "0" is no limit.
func Parse(text string) (Limit, error) {
	first, second, both := strings.Cut(text, "/")
	rate, err := strconv.Atoi(first)
	if err != nil || rate < 0 || rate > 1_000_000 {
		return Limit{}, errors.New("the rate must be a whole number of requests a second up to 1000000, 0 for no limit")
	}
	if rate == 0 && !both {
		return Limit{}, nil
	}
	burst := 2 * rate
	if both {
		burst, err = strconv.Atoi(second)
	}
	if err != nil || rate == 0 || burst < 1 || burst > 10_000_000 {
		return Limit{}, errors.New("the burst must be a whole number between 1 and 10000000")
	}
	return Limit{Period: time.Second / time.Duration(rate), Burst: burst}, nil
}

// Key is one bucket and its limit.
type Key struct {
	Name  string // "address:192.0.2.1"
	Limit Limit
}

// Decision is the answer to one Take. Limit, Remaining and Reset are those of the bucket nearest to
// its end.
type Decision struct {
	Allowed    bool
	Key        string        // that bucket
	Limit      int           // its burst
	Remaining  int           // requests that it would take at once now
	Reset      time.Duration // until it is empty again
	RetryAfter time.Duration // 0 when allowed
}

// judge is the pure rule: times are microseconds of whichever clock holds the TAT.
func judge(l Limit, tat, now int64) (allowed bool, next int64) {
	period := l.Period.Microseconds()
	next = max(tat, now) + period
	return next-now <= period*int64(l.Burst), next
}

// describe tells of a bucket whose TAT is tat after the decision.
func describe(k Key, allowed bool, tat, now int64) Decision {
	period := k.Limit.Period.Microseconds()
	ahead := max(tat-now, 0)
	d := Decision{
		Allowed: allowed, Key: k.Name, Limit: k.Limit.Burst,
		Remaining: int(max((period*int64(k.Limit.Burst)-ahead)/period, 0)),
		Reset:     time.Duration(ahead) * time.Microsecond,
	}
	if !allowed {
		d.Remaining = 0
		d.RetryAfter = time.Duration(ahead-period*int64(k.Limit.Burst-1)) * time.Microsecond
	}
	return d
}

// tightest is the decision that the caller is told: a refusal first, then the fewest places left.
func tightest(all []Decision) Decision {
	best := all[0]
	for _, d := range all[1:] {
		if (!d.Allowed && best.Allowed) || (d.Allowed == best.Allowed && worse(d, best)) {
			best = d
		}
	}
	return best
}

func worse(a, b Decision) bool {
	if !a.Allowed {
		return a.RetryAfter > b.RetryAfter
	}
	return a.Remaining < b.Remaining
}
