package postgres

import (
	"context"
	"fmt"
)

// Listener is what the scheduler knows of who would handle a schedule's fires.
type Listener struct {
	Handler bool // its service declares it, or its last fire was done
	Service bool // its service declares schedules
}

// Listens says who would handle a schedule's fires on the bus.
func (s *Store) Listens(ctx context.Context, name, service string) (l Listener, err error) {
	err = s.db.Pool().QueryRow(ctx, `SELECT
		EXISTS (SELECT 1 FROM schedules WHERE name = $1 AND retired_at IS NULL AND declared <> '' AND declared_at > now() - $3::bigint * interval '1 ms')
			OR coalesce((SELECT state = 'done' FROM fires WHERE schedule = $1 AND state IN ('done', 'failed') ORDER BY due DESC, id DESC LIMIT 1), false),
		EXISTS (SELECT 1 FROM schedules WHERE service = $2 AND retired_at IS NULL AND declared <> '' AND declared_at > now() - $3::bigint * interval '1 ms')`,
		name, service, retireAfter.Milliseconds()).Scan(&l.Handler, &l.Service)
	if err != nil {
		return Listener{}, fmt.Errorf("read who handles %q: %w", name, err)
	}
	return l, nil
}
