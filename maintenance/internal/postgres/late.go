package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/overdue"
)

// late is the condition on a plan of which something is overdue: what a maintenance window holds is not. One of a single
// instance holds nothing.
const late = `late_at < now() AND NOT (spec::jsonb->>'in_window' IS NOT DISTINCT FROM 'hold' AND EXISTS (
	SELECT FROM leases l WHERE l.kind = 'window' AND l.instance = '' AND (l.service = plans.service OR l.service = '')
		AND l.created_at <= plans.late_at AND coalesce(l.ended_at, l.expires_at, 'infinity') > now() - interval '15 s'))`

// Overdue lists schedules with due times that should have ended, the longest overdue first.
func (s *Store) Overdue(ctx context.Context, scope logs.Scope, limit int) (all []overdue.Item, err error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT `+planColumns+`, now() FROM plans
		WHERE `+late+` AND ($1 OR service = ANY ($2)) ORDER BY late_at, name LIMIT $3`, scope.All, append([]string{}, scope.Services...), limit)
	if err != nil {
		return nil, fmt.Errorf("list what is overdue: %w", err)
	}
	known, order := map[string]*plan{}, []*plan{}
	var now time.Time
	_, err = pgx.CollectRows(rows, func(row pgx.CollectableRow) (*plan, error) {
		p, err := scanPlan(trailing{row, &now})
		if err == nil {
			known[p.Name], order = p, append(order, p)
		}
		return p, err
	})
	if err == nil {
		err = readEnds(ctx, s.db.Pool(), known)
	}
	if err != nil {
		return nil, fmt.Errorf("list what is overdue: %w", err)
	}
	for _, p := range order {
		if item, ok := p.Item(p.timing, p.ends, now); ok {
			all = append(all, item)
		}
	}
	return all, nil
}

// trailing reads one more column behind those that a scanner knows.
type trailing struct {
	pgx.CollectableRow
	last any
}

func (t trailing) Scan(into ...any) error { return t.CollectableRow.Scan(append(into, t.last)...) }

// Late is how many schedules of a service are overdue, and for how long the first.
type Late struct {
	Service   string
	Schedules int
	For       time.Duration
}

// Late tells of every service with schedules, also of those with none overdue.
func (s *Store) Late(ctx context.Context) ([]Late, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT service, count(*) FILTER (WHERE is_late), coalesce(extract(epoch FROM max(now() - late_at) FILTER (WHERE is_late)), 0)::float8
		FROM (SELECT service, late_at, coalesce(`+late+`, false) AS is_late FROM plans WHERE NOT retired) AS p GROUP BY service ORDER BY service`)
	if err != nil {
		return nil, fmt.Errorf("count what is overdue: %w", err)
	}
	return pgx.CollectRows(rows, func(row pgx.CollectableRow) (l Late, err error) {
		var seconds float64
		err = row.Scan(&l.Service, &l.Schedules, &seconds)
		l.For = time.Duration(seconds * float64(time.Second))
		return l, err
	})
}
