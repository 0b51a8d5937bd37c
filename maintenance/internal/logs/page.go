package logs

import (
	"context"
	"errors"
	"time"
)

// Searcher finds records.
type Searcher interface {
	// Search finds the records of q that are visible in the snapshot; "" is now. Errors: ErrTooSlow.
	Search(ctx context.Context, q Query, snapshot string) ([]Stored, error)
}

// Budget is the time that one page may take.
const Budget = 5 * time.Second

// spans of time that a page looks into, one after the other, from where it begins: what people look for
// is mostly near, and what has been found is not lost when a farther slice takes too long.
func spans() []time.Duration { return []time.Duration{time.Hour, 8 * time.Hour, 3 * 24 * time.Hour} }

// Page finds the first q.Limit records of q. next is where the following page begins, nil after the last
// record. partial says that time was up before the page was full: next is how far it has looked.
// Errors: ErrTooSlow when not even the first slice could be looked through.
func Page(ctx context.Context, s Searcher, q Query) (found []Stored, next *Key, partial bool, err error) {
	start := time.Now()
	limit := q.Limit
	for n, w := range windows(q) {
		one := w
		one.Limit, one.Within = limit+1-len(found), Budget-time.Since(start)
		if n > 0 && one.Within < Budget/10 {
			return found, boundary(w), true, nil
		}
		part, err := s.Search(ctx, one, "")
		if n > 0 && (errors.Is(err, ErrTooSlow) || errors.Is(err, ErrBusy)) {
			return found, boundary(w), true, nil
		}
		if err != nil {
			return nil, nil, false, err
		}
		if found = append(found, part...); len(found) > limit {
			return found[:limit], &found[limit-1].Key, false, nil
		}
	}
	return found, nil, false, nil
}

// windows cuts the query's time into slices, in the order asked for.
func windows(q Query) (all []Query) {
	if q.After != nil && q.Oldest && q.After.TS.After(q.Since) {
		q.Since = q.After.TS
	}
	if q.After != nil && !q.Oldest && q.After.TS.Before(q.Until) {
		q.Until = q.After.TS.Add(time.Microsecond)
	}
	for _, d := range spans() {
		if q.Until.Sub(q.Since) <= d {
			break
		}
		near, far := q, q
		if q.Oldest {
			near.Until, far.Since = q.Since.Add(d), q.Since.Add(d)
		} else {
			near.Since, far.Until = q.Until.Add(-d), q.Until.Add(-d)
		}
		all, q = append(all, near), far
	}
	return append(all, q)
}

// boundary is a key that stands before everything in the window, in its order: ids begin with 1.
func boundary(w Query) *Key {
	if w.Oldest {
		return &Key{TS: w.Since}
	}
	return &Key{TS: w.Until}
}
