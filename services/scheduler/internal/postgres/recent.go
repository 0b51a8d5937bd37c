package postgres

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// ErrNoBackfill is the answer for a backfill that is unknown, or has left the ledger.
var ErrNoBackfill = errors.New("no such backfill")

// recentSQL is also what the test explains.
const recentSQL = `SELECT u.name, f.* FROM unnest($1::text[]) AS u(name) CROSS JOIN LATERAL (
	SELECT id, due, state, reason, missed, manual, duration_ms FROM fires WHERE schedule = u.name ORDER BY due DESC, id DESC LIMIT $2) AS f`

// addRecent fills the newest n fires of each schedule: one statement, which reads no more rows than it answers.
func (s *Store) addRecent(ctx context.Context, all []api.Schedule, names []string, n int) error {
	type row struct {
		Name string
		api.Recent
	}
	rows, err := heads(ctx, s.db, func(r pgx.CollectableRow) (f row, err error) {
		err = r.Scan(&f.Name, &f.ID, &f.Due, &f.State, &f.Reason, &f.Missed, &f.Manual, &f.DurationMS)
		f.Due = f.Due.UTC()
		return f, err
	}, recentSQL, names, n)
	if err != nil {
		return fmt.Errorf("read recent fires: %w", err)
	}
	of := make(map[string][]api.Recent, len(names))
	for _, f := range rows {
		of[f.Name] = append(of[f.Name], f.Recent)
	}
	for i := range all {
		all[i].Recent = of[all[i].Name]
		slices.SortFunc(all[i].Recent, func(a, b api.Recent) int { return cmp.Or(b.Due.Compare(a.Due), strings.Compare(b.ID, a.ID)) })
	}
	return nil
}

// Backfilled counts the fires of a backfill, of which there are MaxBackfill at most; ErrNoBackfill.
func (s *Store) Backfilled(ctx context.Context, id string) (api.Backfilled, error) {
	b := api.Backfilled{ID: id}
	err := s.db.Pool().QueryRow(ctx, `SELECT min(schedule), min(service), min(requested_by), min(due), max(due), count(*),
			count(*) FILTER (WHERE phase = 'waiting'), count(*) FILTER (WHERE phase = 'running'), count(*) FILTER (WHERE phase = 'done'),
			count(*) FILTER (WHERE phase = 'failed'), count(*) FILTER (WHERE phase = 'skipped')
		FROM fires WHERE backfill = $1 AND backfill <> '' HAVING count(*) > 0`, id).
		Scan(&b.Schedule, &b.Service, &b.RequestedBy, &b.From, &b.To, &b.Fires, &b.Waiting, &b.Running, &b.Done, &b.Failed, &b.Skipped)
	if pg.IsNoRows(err) {
		return api.Backfilled{}, ErrNoBackfill
	}
	if err != nil {
		return api.Backfilled{}, fmt.Errorf("read backfill %q: %w", id, err)
	}
	b.From, b.To = b.From.UTC(), b.To.UTC()
	return b, nil
}
