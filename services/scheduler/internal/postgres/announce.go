package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// maxAnnounced schedules go into one event.
const maxAnnounced = 200

// Announce publishes the whole plan as it is, in events of maxAnnounced schedules with a transaction each: for whoever may
// have missed a change. An empty plan is an event too. What was announced before an error stays announced.
func (s *Store) Announce(ctx context.Context) (schedules int, err error) {
	for last := ""; ; {
		var page []api.Announced
		err := s.db.InTx(ctx, func(tx pg.Tx) (err error) {
			if page, err = announced(ctx, tx, last); err != nil || len(page) == 0 && last != "" {
				return err
			}
			return s.emit(ctx, tx, api.EventPlanAnnounced, "", "", api.PlanAnnounced{Schedules: page})
		})
		if err != nil {
			return schedules, fmt.Errorf("announce the plan: %w", err)
		}
		if schedules += len(page); len(page) < maxAnnounced {
			return schedules, nil
		}
		last = page[len(page)-1].Name
	}
}

// announcedSQL is also what the test explains. What is open and what waits have an index each, and each is read once for
// the whole page: asked for the first due time of one schedule, the server may go through all its fires, or all that are open.
const announcedSQL = `WITH page AS MATERIALIZED (
		SELECT ` + scheduleColumns + ` FROM schedules WHERE retired_at IS NULL AND name > $1 ORDER BY name LIMIT $2),
	running AS MATERIALIZED (SELECT schedule, min(due) AS due FROM fires
		WHERE schedule = ANY(ARRAY(SELECT name FROM page)) AND NOT manual AND phase = 'running' GROUP BY schedule),
	held AS MATERIALIZED (SELECT schedule, min(due) AS due FROM fires
		WHERE schedule = ANY(ARRAY(SELECT name FROM page)) AND NOT manual AND phase = 'waiting' GROUP BY schedule)
	SELECT page.*, coalesce(least(next_due, running.due, held.due) - interval '1 microsecond', clock_timestamp())
	FROM page LEFT JOIN running ON running.schedule = name LEFT JOIN held ON held.schedule = name ORDER BY name`

// announced reads schedules behind name, with how far each has come: up to the first due time that has not ended.
func announced(ctx context.Context, tx pg.Tx, name string) ([]api.Announced, error) {
	rows, err := tx.Query(ctx, announcedSQL, name, maxAnnounced)
	if err != nil {
		return nil, err
	}
	type row struct {
		schedule
		SettledTo time.Time
	}
	return pgx.CollectRows(rows, func(r pgx.CollectableRow) (api.Announced, error) {
		found, err := pgx.RowToStructByPos[row](r)
		return api.Announced{Schedule: found.api(), SettledTo: found.SettledTo.UTC()}, err
	})
}
