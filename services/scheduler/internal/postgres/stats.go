package postgres

import (
	"context"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// maxSample rows of each schedule, the newest of 24 h, make its figures: a schedule of every second must not make a list slow.
const maxSample = 200

// figures of one schedule's recent fires.
type figures struct {
	Name     string
	Rate     *float64
	P50, P95 *int64
}

// addHistory fills the last fire, the success rate and the durations of each schedule: two statements for a page, each
// of which reads a bounded number of rows through the index of the schedule.
func (s *Store) addHistory(ctx context.Context, all []api.Schedule, names []string) error {
	var last map[string]api.Fire
	var recent map[string]figures
	err := following(ctx, s.db, func(tx pg.Tx) (err error) {
		if last, err = lastFires(ctx, tx, names); err != nil {
			return err
		}
		recent, err = readFigures(ctx, tx, names)
		return err
	})
	if err != nil {
		return err
	}
	for i := range all {
		if f, ok := last[all[i].Name]; ok {
			all[i].LastFire = &f
		}
		f := recent[all[i].Name]
		all[i].SuccessRate, all[i].P50MS, all[i].P95MS = f.Rate, f.P50, f.P95
	}
	return nil
}

func lastFires(ctx context.Context, tx pgx.Tx, names []string) (map[string]api.Fire, error) {
	fires, err := collect(ctx, tx, scanFire, `SELECT `+fireColumns+` FROM unnest($1::text[]) AS u(name)
		CROSS JOIN LATERAL (SELECT * FROM fires WHERE schedule = u.name ORDER BY due DESC, id DESC LIMIT 1) AS last`, names)
	if err != nil {
		return nil, fmt.Errorf("read last fires: %w", err)
	}
	last := make(map[string]api.Fire, len(fires))
	for _, f := range fires {
		last[f.Schedule] = f
	}
	return last, nil
}

// figuresSQL is also what the test explains.
const figuresSQL = `SELECT u.name, avg((state = 'done')::int)::float8,
		percentile_disc(0.5) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE state = 'done'),
		percentile_disc(0.95) WITHIN GROUP (ORDER BY duration_ms) FILTER (WHERE state = 'done')
	FROM unnest($1::text[]) AS u(name) CROSS JOIN LATERAL (
		SELECT state, duration_ms FROM fires WHERE schedule = u.name AND due > now() - interval '24 h'
		ORDER BY due DESC, id DESC LIMIT $2) AS recent
	WHERE state IN ('done', 'failed') GROUP BY u.name`

func readFigures(ctx context.Context, tx pgx.Tx, names []string) (map[string]figures, error) {
	rows, err := collect(ctx, tx, pgx.RowToStructByPos[figures], figuresSQL, names, maxSample)
	if err != nil {
		return nil, fmt.Errorf("read success rates: %w", err)
	}
	all := make(map[string]figures, len(rows))
	for _, one := range rows {
		all[one.Name] = one
	}
	return all, nil
}
