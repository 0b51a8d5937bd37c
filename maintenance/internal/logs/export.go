package logs

import (
	"cmp"
	"context"
	"math"
)

// exportPage is how many records of an export are in memory at once.
const exportPage = 10_000

// Export gives all records of q to fn, in order, q.Limit at most; 0 is no limit. It looks page by page: what comes in
// meanwhile behind the place it has reached is part of it, and nothing is skipped or repeated. The gaps are those of
// the whole time. Errors: fn's, ErrTooSlow, ErrBusy.
func Export(ctx context.Context, s Store, q Query, fn func(Stored) error) ([]Gap, error) {
	gaps, err := gapsIn(ctx, s, q, q.Since, q.Until)
	if err != nil {
		return nil, err
	}
	for left := cmp.Or(q.Limit, math.MaxInt); left > 0; {
		q.Limit = min(exportPage, left)
		found, err := page(ctx, s, q)
		if err != nil {
			return gaps, err
		}
		for _, r := range found.Records {
			if err := fn(r); err != nil {
				return gaps, err
			}
		}
		if left -= len(found.Records); found.Next == nil {
			break
		}
		q.After = found.Next
	}
	return gaps, nil
}
