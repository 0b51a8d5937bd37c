package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// sweep has the planner look at what waits where nobody else will have it look: a pass leaves out what others hold at that
// moment, be it the waiting fire itself or its schedule, and what they do with it need not be an end. It costs an index
// look-up for each schedule with waiting fires. A schedule that is held now is swept the next time.
func (s *Store) sweep(ctx context.Context, tx pgx.Tx) error {
	_, err := tx.Exec(ctx, `WITH RECURSIVE named AS (
			(SELECT schedule FROM fires WHERE phase = 'waiting' ORDER BY schedule LIMIT 1)
			UNION ALL SELECT (SELECT f.schedule FROM fires f WHERE f.phase = 'waiting' AND f.schedule > named.schedule ORDER BY f.schedule LIMIT 1)
				FROM named WHERE named.schedule IS NOT NULL),
		idle AS (SELECT name FROM schedules WHERE name IN (SELECT schedule FROM named)
			AND release_at IS NULL AND NOT paused AND retired_at IS NULL FOR UPDATE SKIP LOCKED)
		UPDATE schedules s SET release_at = greatest(clock_timestamp(), s.release_after) FROM idle WHERE s.name = idle.name`)
	if err != nil {
		return fmt.Errorf("look for waiting fires that nobody looks at: %w", err)
	}
	return nil
}

// deadlocked reports that the server has ended the transaction because it and another one waited for each other. The
// session is as good as before.
func deadlocked(err error) bool {
	refused, ok := errors.AsType[*pgconn.PgError](err)
	return ok && refused.Code == "40P01"
}
