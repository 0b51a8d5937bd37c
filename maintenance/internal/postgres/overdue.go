package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"sort"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/overdue"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// plan is a row of plans with the ends that are ahead of it.
type plan struct {
	overdue.Plan
	timing timing.Timing // the zero value, which is never due, where the spec cannot be read
	ends   []overdue.End
}

const planColumns = `name, service, spec, revision, paused, retired, from_at, last_due, last_state, last_reason`

func scanPlan(row pgx.CollectableRow) (*plan, error) {
	var p plan
	var spec string
	var last *time.Time
	err := row.Scan(&p.Name, &p.Service, &spec, &p.Revision, &p.Paused, &p.Retired, &p.From, &last, &p.Last.State, &p.Last.Reason)
	if err != nil {
		return nil, err
	}
	_ = json.Unmarshal([]byte(spec), &p.Spec) // it was written here
	p.From = p.From.UTC()
	if last != nil {
		p.Last.Due, p.Last.Until = last.UTC(), last.UTC()
	}
	p.read()
	return &p, nil
}

// read understands the spec. What this release does not understand is never overdue here.
func (p *plan) read() { p.timing, _ = timing.Parse(p.Spec.Schedule(p.Name).When()) }

// Planned takes news of plans, in any order and more than once.
func (s *Store) Planned(ctx context.Context, changes []overdue.Change) error {
	names := make([]string, len(changes))
	for i, c := range changes {
		names[i] = c.Name
	}
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		known, err := lockPlans(ctx, tx, names)
		if err != nil {
			return err
		}
		changed := map[string]*plan{}
		for _, c := range changes {
			have, ok := known[c.Name]
			if !ok {
				have = &plan{}
			}
			after, news := overdue.Apply(have.Plan, ok, c)
			if !news {
				continue
			}
			have.Plan = after
			have.read()
			have.ends = have.Ended(have.timing, have.ends)
			known[c.Name], changed[c.Name] = have, have
		}
		return savePlans(ctx, tx, changed)
	})
	if err != nil {
		return fmt.Errorf("take news of schedules: %w", err)
	}
	return nil
}

// Ended takes what became of due times, by schedule. strangers is how many of the schedules are not known.
func (s *Store) Ended(ctx context.Context, ends map[string][]overdue.End) (strangers int, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		known, err := lockPlans(ctx, tx, slices.Collect(maps.Keys(ends)))
		if err != nil {
			return err
		}
		strangers = len(ends) - len(known)
		for name, p := range known {
			p.ends = p.Ended(p.timing, append(p.ends, ends[name]...))
		}
		return savePlans(ctx, tx, known)
	})
	if err != nil {
		return 0, fmt.Errorf("take the ends of timed events: %w", err)
	}
	return strangers, nil
}

// lockPlans reads and holds those that are known, in one order for all.
func lockPlans(ctx context.Context, tx pg.Tx, names []string) (map[string]*plan, error) {
	names = slices.Compact(sorted(names))
	known := make(map[string]*plan, len(names))
	// One lock a name, known or not: two replicas that hear of a new one at once take turns.
	_, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('plan/' || n, 0)) FROM unnest($1::text[]) AS n ORDER BY n`, names)
	if err != nil {
		return nil, err
	}
	rows, err := tx.Query(ctx, `SELECT `+planColumns+` FROM plans WHERE name = ANY ($1) ORDER BY name FOR UPDATE`, names)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, scanPlan)
	if err != nil {
		return nil, err
	}
	for _, p := range all {
		known[p.Name] = p
	}
	return known, readEnds(ctx, tx, known)
}

func sorted(names []string) []string {
	names = slices.Clone(names)
	sort.Strings(names)
	return names
}

func readEnds(ctx context.Context, q querier, known map[string]*plan) error {
	rows, err := q.Query(ctx, `SELECT name, due, until, state, reason FROM plan_ends WHERE name = ANY ($1) ORDER BY name, due`,
		slices.Collect(maps.Keys(known)))
	if err != nil {
		return err
	}
	var name string
	var e overdue.End
	_, err = pgx.ForEachRow(rows, []any{&name, &e.Due, &e.Until, &e.State, &e.Reason}, func() error {
		end := e
		end.Due, end.Until = e.Due.UTC(), e.Until.UTC()
		known[name].ends = append(known[name].ends, end)
		return nil
	})
	return err
}

type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// savePlans writes plans and the ends that are ahead of them.
func savePlans(ctx context.Context, tx pg.Tx, all map[string]*plan) error {
	if len(all) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	names := slices.Sorted(maps.Keys(all))
	batch.Queue(`DELETE FROM plan_ends WHERE name = ANY ($1)`, names)
	for _, name := range names {
		p := all[name]
		spec, err := json.Marshal(p.Spec)
		if err != nil {
			return fmt.Errorf("write the spec of %s: %w", name, err)
		}
		batch.Queue(`INSERT INTO plans (name, service, spec, revision, paused, retired, from_at, late_at, last_due, last_state, last_reason)
			VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
			ON CONFLICT (name) DO UPDATE SET service = $2, spec = $3, revision = $4, paused = $5, retired = $6, from_at = $7, late_at = $8,
				last_due = $9, last_state = $10, last_reason = $11, changed_at = now()`,
			p.Name, p.Service, string(spec), p.Revision, p.Paused, p.Retired, p.From, nullTime(p.LateAt(p.timing)),
			nullTime(p.Last.Due), p.Last.State, p.Last.Reason)
		for _, e := range p.ends {
			batch.Queue(`INSERT INTO plan_ends (name, due, until, state, reason) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING`,
				p.Name, e.Due, e.Until, e.State, e.Reason)
		}
	}
	return tx.SendBatch(ctx, batch).Close()
}

func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// ForgetPlans drops what was retired long ago.
func (s *Store) ForgetPlans(ctx context.Context) error {
	if _, err := s.db.Pool().Exec(ctx, `DELETE FROM plans WHERE retired AND changed_at < now() - interval '30 days'`); err != nil {
		return fmt.Errorf("forget retired schedules: %w", err)
	}
	return nil
}
