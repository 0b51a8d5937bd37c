package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

// States that a list of schedules can be bound to.
const (
	IsOK      = "ok"      // not paused, late or failing
	IsPaused  = "paused"  //
	IsFailing = "failing" // the last fire that ended has failed, and is of the last 24 h
	IsEdited  = "edited"  // declared, and edited by people
	IsLate    = "late"    // due, and not planned: longer ago than plan.Grace
)

// ScheduleFilter bounds a page of schedules. Empty fields do not bound.
type ScheduleFilter struct {
	Scope   Scope
	Service string
	Names   []string // only these
	Text    string   // in the name, in lower case
	State   string
	Brief   bool   // without the history of each
	Recent  int    // so many of the newest fires of each
	After   string // only names after this one
	Limit   int
}

// Schedules are one page of what is not retired, by name, with the history of each unless that is not wanted.
func (s *Store) Schedules(ctx context.Context, f ScheduleFilter) ([]api.Schedule, error) {
	w := where{}
	w.and(`retired_at IS NULL`)
	w.scope(f.Scope)
	if f.Service != "" {
		w.and(`service = ` + w.arg(f.Service))
	}
	if len(f.Names) > 0 {
		w.and(`name = ANY(` + w.arg(f.Names) + `::text[])`)
	}
	if f.Text != "" {
		w.and(`strpos(name, ` + w.arg(f.Text) + `) > 0`)
	}
	if f.After != "" {
		w.and(`name > ` + w.arg(f.After))
	}
	w.state(f.State)
	all, names, err := s.bareSchedules(ctx, w.text()+` ORDER BY name LIMIT `+w.arg(f.Limit), w.args...)
	if err == nil && !f.Brief {
		err = s.addHistory(ctx, all, names)
	}
	if err == nil && f.Recent > 0 {
		err = s.addRecent(ctx, all, names, f.Recent)
	}
	return all, err
}

func (w *where) state(state string) {
	const failing = `name IN (SELECT schedule FROM fires WHERE phase = 'failed' AND due > now() - interval '24 h')
		AND (SELECT state FROM fires f WHERE f.schedule = schedules.name AND f.state IN ('done', 'failed')
			ORDER BY due DESC, id DESC LIMIT 1) = 'failed'`
	const late = `(NOT paused AND coalesce(look_at <= now() - interval '10 s', false))`
	switch state {
	case IsPaused:
		w.and(`paused`)
	case IsEdited:
		w.and(`declared <> '' AND edited <> ''`)
	case IsLate:
		w.and(late)
	case IsFailing:
		w.and(failing)
	case IsOK:
		w.and(`NOT paused AND NOT ` + late + ` AND NOT (` + failing + `)`)
	}
}

// Schedule of that name; ErrNotFound when it is unknown or retired.
func (s *Store) Schedule(ctx context.Context, name string) (api.Schedule, error) {
	found, names, err := s.bareSchedules(ctx, `WHERE retired_at IS NULL AND name = $1`, name)
	if err != nil {
		return api.Schedule{}, err
	}
	if len(found) == 0 {
		return api.Schedule{}, ErrNotFound
	}
	err = s.addHistory(ctx, found, names)
	return found[0], err
}

// bareSchedules have no history.
func (s *Store) bareSchedules(ctx context.Context, where string, args ...any) (all []api.Schedule, names []string, err error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT `+scheduleColumns+` FROM schedules `+where, args...)
	if err != nil {
		return nil, nil, fmt.Errorf("read schedules: %w", err)
	}
	stored, err := pgx.CollectRows(rows, scanSchedule)
	if err != nil {
		return nil, nil, fmt.Errorf("read schedules: %w", err)
	}
	all, names = make([]api.Schedule, len(stored)), make([]string, len(stored))
	for i, row := range stored {
		all[i], names[i] = row.api(), row.Name
	}
	return all, names, nil
}
