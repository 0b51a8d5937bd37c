package logs

import (
	"context"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// maxGaps that one answer carries, the newest.
const maxGaps = 100

// gapsOf finds the gaps in the time of an answer: from where the query begins to where the next page does, or to its
// end when there is none.
func gapsOf(ctx context.Context, s Store, q Query, next *Key) ([]Gap, error) {
	since, until := q.Since, q.Until
	start, end := &until, &since
	if q.Oldest {
		start, end = &since, &until
	}
	if q.After != nil {
		*start = q.After.TS
	}
	if next != nil {
		*end = next.TS
	}
	return gapsIn(ctx, s, q, since, until)
}

func gapsIn(ctx context.Context, s Store, q Query, since, until time.Time) ([]Gap, error) {
	scope := q.Scope
	if q.Expr != nil {
		scope = scope.narrow(query.Services(q.Expr))
	}
	return s.Gaps(ctx, scope, since, until, maxGaps)
}

// narrow bounds a scope to the services that a query names.
func (s Scope) narrow(services []string) Scope {
	if services == nil {
		return s
	}
	if s.All {
		return Scope{Services: services}
	}
	return Scope{Services: slices.DeleteFunc(slices.Clone(services), func(n string) bool { return !slices.Contains(s.Services, n) })}
}

// Sees reports whether records of the service may be seen.
func (s Scope) Sees(service string) bool { return s.All || slices.Contains(s.Services, service) }
