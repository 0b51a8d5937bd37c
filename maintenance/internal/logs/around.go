package logs

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// Same is what the records around one have in common with it.
type Same string

// What they may have in common.
const (
	SameInstance Same = "instance"
	SameService  Same = "service"
	SameTrace    Same = "trace"
	SameMesh     Same = "mesh" // nothing: all that may be seen
)

// Context is a record between those before and after it, the oldest first.
type Context struct {
	Before []Stored
	Record Stored
	After  []Stored
	Gaps   []Gap
}

// farthest from a record that its context lies.
const farthest = 24 * time.Hour

// Around finds up to n records before and after the one of the key. Errors: ErrUnknown, ErrTooSlow, ErrBusy.
func Around(ctx context.Context, s Store, scope Scope, at Key, n int, same Same) (c Context, err error) {
	if c.Record, err = one(ctx, s, scope, at); err != nil {
		return c, err
	}
	expr, err := alike(&c.Record, same)
	if err != nil {
		return c, err
	}
	q := Query{Expr: expr, Scope: scope, Since: at.TS.Add(-farthest), Until: at.TS.Add(farthest), After: &at, Limit: n}
	before, err := page(ctx, s, q)
	if err != nil {
		return c, err
	}
	q.Oldest = true
	after, err := page(ctx, s, q)
	if err != nil {
		return c, err
	}
	slices.Reverse(before.Records)
	c.Before, c.After = before.Records, after.Records
	first, last := at.TS, at.TS.Add(time.Microsecond)
	if len(c.Before) > 0 {
		first = c.Before[0].Key.TS
	}
	if n := len(c.After); n > 0 {
		last = c.After[n-1].Key.TS
	}
	c.Gaps, err = gapsIn(ctx, s, q, first, last)
	return c, err
}

// one finds the record of the key.
func one(ctx context.Context, s Store, scope Scope, at Key) (Stored, error) {
	q := Query{Scope: scope, Since: at.TS, Until: at.TS.Add(time.Microsecond), Oldest: true, After: &Key{at.TS, at.ID - 1}, Limit: 1}
	found, err := page(ctx, s, q)
	if err != nil {
		return Stored{}, err
	}
	if len(found.Records) == 0 || found.Records[0].ID != at.ID {
		return Stored{}, ErrUnknown
	}
	return found.Records[0], nil
}

func alike(r *Stored, same Same) (query.Expr, error) {
	equal := func(field, value string) query.Expr {
		return query.Compare{Field: field, Kind: query.Plain, Op: query.Equal, Value: value, Exact: true}
	}
	switch same {
	case SameInstance:
		return query.And{equal("service", r.Service), equal("instance", r.Instance)}, nil
	case SameService:
		return equal("service", r.Service), nil
	case SameTrace:
		if r.TraceID == "" {
			return query.Or{}, nil // it has none, and nothing belongs to it
		}
		return query.Compare{Field: "trace_id", Kind: query.Hex, Op: query.Equal, Value: r.TraceID}, nil
	case SameMesh:
		return query.And{}, nil
	default:
		return nil, fmt.Errorf("%q is nothing that records have in common: %s, %s, %s or %s", same, SameInstance, SameService, SameTrace, SameMesh)
	}
}
