package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Scope bounds a read to some services; All lifts the bound.
type Scope struct {
	Services []string
	All      bool
}

// Schedules lists what is not retired, by name, with the last fire of each.
func (s *Store) Schedules(ctx context.Context, scope Scope) ([]api.Schedule, error) {
	return s.schedules(ctx, `WHERE retired_at IS NULL AND ($1 OR service = ANY($2::text[])) ORDER BY name`, scope.All, scope.Services)
}

// Schedule of that name; ErrNotFound when it is unknown or retired.
func (s *Store) Schedule(ctx context.Context, name string) (api.Schedule, error) {
	found, err := s.schedules(ctx, `WHERE retired_at IS NULL AND name = $1`, name)
	if err != nil {
		return api.Schedule{}, err
	}
	if len(found) == 0 {
		return api.Schedule{}, ErrNotFound
	}
	return found[0], nil
}

// Spec of a schedule, to ask for its coming due times.
func (s *Store) Spec(ctx context.Context, name string) (timed.Schedule, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT `+scheduleColumns+` FROM schedules WHERE name = $1 AND retired_at IS NULL`, name)
	if err != nil {
		return timed.Schedule{}, fmt.Errorf("read schedule %q: %w", name, err)
	}
	row, err := pgx.CollectExactlyOneRow(rows, scanSchedule)
	if pg.IsNoRows(err) {
		return timed.Schedule{}, ErrNotFound
	}
	if err != nil {
		return timed.Schedule{}, fmt.Errorf("read schedule %q: %w", name, err)
	}
	return row.spec(), nil
}

func (s *Store) schedules(ctx context.Context, where string, args ...any) ([]api.Schedule, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT `+scheduleColumns+` FROM schedules `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read schedules: %w", err)
	}
	stored, err := pgx.CollectRows(rows, scanSchedule)
	if err != nil {
		return nil, fmt.Errorf("read schedules: %w", err)
	}
	all := make([]api.Schedule, len(stored))
	names := make([]string, len(stored))
	for i, row := range stored {
		all[i], names[i] = row.api(), row.Name
	}
	return all, s.addHistory(ctx, all, names)
}

// addHistory fills the last fire and the success rate of each schedule.
func (s *Store) addHistory(ctx context.Context, all []api.Schedule, names []string) error {
	last, err := s.lastFires(ctx, names)
	if err != nil {
		return err
	}
	rates, err := s.successRates(ctx, names)
	if err != nil {
		return err
	}
	for i := range all {
		if f, ok := last[all[i].Name]; ok {
			all[i].LastFire = &f
		}
		if rate, ok := rates[all[i].Name]; ok {
			all[i].SuccessRate = &rate
		}
	}
	return nil
}

func (s *Store) lastFires(ctx context.Context, names []string) (map[string]api.Fire, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT `+fireColumns+` FROM unnest($1::text[]) AS u(name)
		CROSS JOIN LATERAL (SELECT * FROM fires WHERE schedule = u.name ORDER BY due DESC, id DESC LIMIT 1) AS last`, names)
	if err != nil {
		return nil, fmt.Errorf("read last fires: %w", err)
	}
	fires, err := pgx.CollectRows(rows, scanFire)
	if err != nil {
		return nil, fmt.Errorf("read last fires: %w", err)
	}
	last := make(map[string]api.Fire, len(fires))
	for _, f := range fires {
		last[f.Schedule] = f
	}
	return last, nil
}

func (s *Store) successRates(ctx context.Context, names []string) (map[string]float64, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT schedule, avg((state = 'done')::int)::float8 FROM fires
		WHERE schedule = ANY($1::text[]) AND due > now() - interval '24 h' AND state IN ('done', 'failed') GROUP BY schedule`, names)
	if err != nil {
		return nil, fmt.Errorf("read success rates: %w", err)
	}
	rates := map[string]float64{}
	var name string
	var rate float64
	_, err = pgx.ForEachRow(rows, []any{&name, &rate}, func() error { rates[name] = rate; return nil })
	if err != nil {
		return nil, fmt.Errorf("read success rates: %w", err)
	}
	return rates, nil
}

// FireFilter bounds a page of the ledger. Empty fields do not bound.
type FireFilter struct {
	Scope    Scope
	Schedule string
	State    api.State
	Before   time.Time // with BeforeID: only rows after this one in the order (due, id) descending
	BeforeID string
	Limit    int
}

// Fires are one page of the ledger, newest due time first.
func (s *Store) Fires(ctx context.Context, f FireFilter) ([]api.Fire, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT `+fireColumns+` FROM fires
		WHERE ($1 OR service = ANY($2::text[])) AND ($3 = '' OR schedule = $3) AND ($4 = '' OR state = $4)
		  AND ($5::timestamptz IS NULL OR (due, id) < ($5, $6))
		ORDER BY due DESC, id DESC LIMIT $7`,
		f.Scope.All, f.Scope.Services, f.Schedule, f.State, nullable(f.Before), f.BeforeID, f.Limit)
	if err != nil {
		return nil, fmt.Errorf("read fires: %w", err)
	}
	fires, err := pgx.CollectRows(rows, scanFire)
	if err != nil {
		return nil, fmt.Errorf("read fires: %w", err)
	}
	return fires, nil
}
