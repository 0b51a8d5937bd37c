package postgres

import (
	"context"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// batchReleases bounds the schedules whose waiting fires one pass looks at.
const batchReleases = 200

// occupy fills in what is open and what waits of the serial ones among schedules. It stops counting where no policy
// would care any more.
func (p *pass) occupy(ctx context.Context, schedules []plan.Schedule) error {
	at := map[string]int{}
	var names []string
	for i := range schedules {
		if s := &schedules[i]; s.Serial() {
			at[s.Name] = i
			names = append(names, s.Name)
		}
	}
	if len(names) == 0 {
		return nil
	}
	rows, err := p.tx.Query(ctx, `SELECT name,
			(SELECT count(*) FROM (SELECT 1 FROM fires WHERE schedule = name AND phase = 'running' LIMIT 1) AS o),
			(SELECT count(*) FROM (SELECT 1 FROM fires WHERE schedule = name AND phase = 'waiting' AND NOT (reason = 'backfill') LIMIT $2) AS w)
		FROM unnest($1::text[]) AS name`, names, timed.MaxBuffered)
	if err != nil {
		return fmt.Errorf("count open fires: %w", err)
	}
	var name string
	var open, waiting int
	_, err = pgx.ForEachRow(rows, []any{&name, &open, &waiting}, func() error {
		s := &schedules[at[name]]
		s.Open, s.Waiting = open, waiting
		return nil
	})
	if err != nil {
		return fmt.Errorf("count open fires: %w", err)
	}
	return nil
}

// release lets waiting fires go, of the schedules whose time for it has come: before due times are decided, for what
// waits was there first, and after it. What it costs depends on what is let go,
// not on what waits.
func (p *pass) release(ctx context.Context) error {
	if !p.releases {
		return nil
	}
	p.releases, p.known = false, false
	headings, err := p.headings(ctx, `release_at <= $1 ORDER BY release_at`, p.now, batchReleases)
	if err != nil {
		return fmt.Errorf("read schedules with waiting fires: %w", err)
	}
	if len(headings) == 0 {
		return nil
	}
	schedules, err := p.specs.of(ctx, p.tx, headings)
	if err != nil {
		return err
	}
	if err := p.occupy(ctx, schedules); err != nil {
		return err
	}
	heads, err := p.heads(ctx, schedules)
	if err != nil {
		return fmt.Errorf("read waiting fires: %w", err)
	}
	causes, err := p.causes(ctx, p.now)
	if err != nil {
		return err
	}
	var r released
	for i := range schedules {
		s := &schedules[i]
		if s.Overlap == timed.OverlapCancel && !headings[i].Held && !s.NextDue.IsZero() && !s.NextDue.After(p.now) {
			continue // what is due now takes the place of what waits
		}
		n, at, after := s.Release(heads[s.Name], causes.of(s.Service), p.now)
		for _, h := range heads[s.Name][:n] {
			r.add(s, h, p.now)
			if err := p.fire(s, h.ID, h.Due, h.Manual, 1, 0); err != nil {
				return err
			}
		}
		r.look(s.Name, at, after)
	}
	return p.let(ctx, &r)
}

// heads are the first waiting fires of each schedule, one more than may be let go at once. What somebody else holds is
// being cancelled.
func (p *pass) heads(ctx context.Context, schedules []plan.Schedule) (map[string][]plan.Head, error) {
	names, most := make([]string, len(schedules)), make([]int32, len(schedules))
	for i := range schedules {
		n, _ := schedules[i].Pace()
		names[i], most[i] = schedules[i].Name, int32(n)+1
	}
	rows, err := p.tx.Query(ctx, `SELECT u.name, w.* FROM unnest($1::text[], $2::int[]) AS u(name, most) CROSS JOIN LATERAL (
			SELECT id, due, reason, manual, planned_at FROM fires WHERE schedule = u.name AND phase = 'waiting'
			ORDER BY (reason = 'backfill'), due, id LIMIT u.most FOR UPDATE SKIP LOCKED) AS w`, names, most)
	if err != nil {
		return nil, err
	}
	all := map[string][]plan.Head{}
	var name string
	var h plan.Head
	_, err = pgx.ForEachRow(rows, []any{&name, &h.ID, &h.Due, &h.Reason, &h.Manual, &h.Since}, func() error {
		h.Due = h.Due.UTC()
		all[name] = append(all[name], h)
		return nil
	})
	return all, err
}

// replace leaves out what waits of these schedules, for the sake of a newer fire; what is backfilled stays.
func (p *pass) replace(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	return p.endFires(ctx, `UPDATE fires SET state = 'skipped', reason = $2, missed = 1, ended_at = $3 WHERE id IN (
			SELECT id FROM fires WHERE schedule = ANY($1::text[]) AND phase = 'waiting' AND NOT (reason = 'backfill') FOR UPDATE SKIP LOCKED)
		RETURNING `+fireColumns, names, api.ReasonOverlap, p.now)
}

// cancel tells the open fires of these schedules to end. Those that no handler can have yet, or that are polled for,
// end at once. What somebody else holds is being settled.
func (p *pass) cancel(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	rows, err := p.tx.Query(ctx, `SELECT id FROM fires WHERE schedule = ANY($1::text[]) AND phase = 'running'
		AND target <> 'poll'`, names)
	if err != nil {
		return fmt.Errorf("read open fires: %w", err)
	}
	ids, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("read open fires: %w", err)
	}
	for _, id := range ids {
		e, err := p.store.cancelEntry(timed.Cancel{FireID: id, Reason: "for the fire after it"})
		if err != nil {
			return err
		}
		p.publish = append(p.publish, e)
	}
	return p.endFires(ctx, `UPDATE fires SET state = 'failed', reason = $2, error = 'for the fire after it', retry_at = NULL, ended_at = $3 WHERE id IN (
			SELECT id FROM fires WHERE schedule = ANY($1::text[]) AND phase = 'running' AND (state = 'planned' OR target = 'poll')
			FOR UPDATE SKIP LOCKED)
		RETURNING `+fireColumns, names, api.ReasonCancelled, p.now)
}

// endFires runs a statement that ends fires and returns them.
func (p *pass) endFires(ctx context.Context, sql string, args ...any) error {
	rows, err := p.tx.Query(ctx, sql, args...)
	if err != nil {
		return fmt.Errorf("end fires: %w", err)
	}
	ended, err := pgx.CollectRows(rows, scanFire)
	if err != nil {
		return fmt.Errorf("end fires: %w", err)
	}
	for _, f := range ended {
		p.done.Count(f)
	}
	p.ended = append(p.ended, ended...)
	return nil
}

// wake has the planner look at the waiting fires of these schedules, whose open ones have ended. It takes the lock of
// each first: so a pass that decides at this moment that a due time must wait is waited for, and seen. The order of locks
// is everywhere: fires, then schedules; a pass, which has the schedules first, never waits for fires.
func (s *Store) wake(ctx context.Context, tx pgx.Tx, names []string) error {
	if len(names) == 0 {
		return nil
	}
	slices.Sort(names)
	names = slices.Compact(names)
	if _, err := tx.Exec(ctx, `SELECT 1 FROM schedules WHERE name = ANY($1::text[]) ORDER BY name FOR NO KEY UPDATE`, names); err != nil {
		return fmt.Errorf("lock schedules: %w", err)
	}
	return s.look(ctx, tx, names)
}

// look has the planner look at what waits of these schedules, as soon as their bound per second allows.
func (s *Store) look(ctx context.Context, tx pgx.Tx, names []string) error {
	_, err := tx.Exec(ctx, `WITH woken AS (
			UPDATE schedules SET release_at = greatest(clock_timestamp(), release_after) WHERE name = ANY($1::text[]) AND retired_at IS NULL
				AND EXISTS (SELECT 1 FROM fires WHERE schedule = name AND phase = 'waiting') RETURNING 1)
		SELECT pg_notify($2, '') WHERE EXISTS (SELECT 1 FROM woken)`, names, s.channel())
	if err != nil {
		return fmt.Errorf("have the planner look at what waits: %w", err)
	}
	return nil
}

// channel of NOTIFY on which the leader is woken; names are the database's, so it holds the schema.
func (s *Store) channel() string { return "planner_" + s.db.Schema() }
