package logs

import (
	"cmp"
	"context"
	"slices"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// maxValues that are told apart; what comes later goes to Others.
const maxValues = 100_000

// Top are the most frequent values of a field.
type Top struct {
	Field    string // canonical
	Values   []Value
	Distinct int   // values told apart
	Total    int64 // of the records that match
	Missing  int64 // of them without the field
	Others   int64 // values that are not listed; a record may have several of an attribute
	Reach
	Gaps []Gap
}

// Value of a field and how often it stands there.
type Value struct {
	Value string
	Count int64
	Share float64 // of all records that match
}

// Frequent finds the values of the field among the records of q, at most q.Limit; 0 is 10. Errors: *query.Error for a
// field that cannot be one; ErrTooSlow when not even the first block could be looked through, ErrBusy.
func Frequent(ctx context.Context, s Store, q Query, field string) (Top, error) {
	e, err := query.Parse(field + "=*")
	if err != nil {
		return Top{}, err
	}
	f, ok := e.(query.Exists)
	if !ok {
		return Top{}, &query.Error{Detail: "the name of one field is expected"}
	}
	t := &topper{field: f, counts: map[string]int64{}}
	scan := q
	scan.Oldest, scan.After = false, nil
	err = s.View(ctx, q.Within, func(v View) error {
		rest, err := v.Scan(ctx, scan, block.Reads(f), t)
		t.out.Reach = reach(rest)
		return err
	})
	if err != nil {
		return Top{}, err
	}
	out := t.finish(cmp.Or(q.Limit, 10))
	out.Gaps, err = gapsIn(ctx, s, q, q.Since, q.Until)
	return out, err
}

type topper struct {
	field  query.Exists
	counts map[string]int64
	out    Top
}

// Wants every block.
func (t *topper) Wants(*block.Head) bool { return true }

// Visit counts values.
func (t *topper) Visit(c *Chunk) error {
	with, last := int64(0), -1
	c.Values(t.field, c.Match, func(i int, value string) {
		if i != last {
			with, last = with+1, i
		}
		if _, known := t.counts[value]; known || len(t.counts) < maxValues {
			t.counts[value]++
		} else {
			t.out.Others++
		}
	})
	n := int64(c.Match.Count())
	t.out.Total, t.out.Missing = t.out.Total+n, t.out.Missing+n-with
	return nil
}

func (t *topper) finish(limit int) Top {
	t.out.Field, t.out.Distinct = t.field.Field, len(t.counts)
	all := make([]Value, 0, len(t.counts))
	for v, n := range t.counts {
		all = append(all, Value{v, n, float64(n) / float64(t.out.Total)})
	}
	slices.SortFunc(all, func(a, b Value) int { return cmp.Or(cmp.Compare(b.Count, a.Count), cmp.Compare(a.Value, b.Value)) })
	limit = min(limit, len(all))
	for _, v := range all[limit:] {
		t.out.Others += v.Count
	}
	t.out.Values = all[:limit]
	return t.out
}
