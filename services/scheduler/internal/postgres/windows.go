package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Window is a maintenance window as its lease has it.
type Window struct {
	ID       string
	Revision int64
	Service  string // "": of all
	From     time.Time
	Until    time.Time
	By       string
}

// endedForGood is the revision of a window that was ended: nothing opens it again.
const endedForGood = 1<<63 - 1

// OpenWindow keeps a maintenance window, or what became of one; what is older than what is known changes nothing. What it
// holds, or held, is looked at anew.
func (s *Store) OpenWindow(ctx context.Context, tx pg.Tx, w Window) error {
	_, err := tx.Exec(ctx, `INSERT INTO windows (id, revision, service, from_at, until_at, by) VALUES ($1, $2, $3, $4::timestamptz, greatest($4::timestamptz, $5::timestamptz), $6)
		ON CONFLICT (id) DO UPDATE SET revision = $2, until_at = greatest(windows.from_at, $5::timestamptz), by = $6 WHERE windows.revision <= $2`,
		storable(w.ID, maxName), w.Revision, storable(w.Service, maxName), w.From, w.Until, storable(w.By, maxName))
	if err != nil {
		return fmt.Errorf("keep the maintenance window %s: %w", w.ID, err)
	}
	return s.lookBehind(ctx, tx, w.Service)
}

// EndWindow ends a window at the given time, if it has not ended before it by itself. Its end may be told before its begin.
func (s *Store) EndWindow(ctx context.Context, tx pg.Tx, w Window) error {
	_, err := tx.Exec(ctx, `INSERT INTO windows (id, revision, service, from_at, until_at, by) VALUES ($1, $2, $3, $4::timestamptz, $4::timestamptz, $5)
		ON CONFLICT (id) DO UPDATE SET revision = $2, until_at = greatest(windows.from_at, least(windows.until_at, $4::timestamptz))`,
		storable(w.ID, maxName), int64(endedForGood), storable(w.Service, maxName), w.Until, storable(w.By, maxName))
	if err != nil {
		return fmt.Errorf("end the maintenance window %s: %w", w.ID, err)
	}
	return s.lookBehind(ctx, tx, w.Service)
}

// lookBehind makes due at once what a window of the service holds: the next pass says whether one still does.
func (s *Store) lookBehind(ctx context.Context, tx pgx.Tx, service string) error {
	_, err := tx.Exec(ctx, `WITH held AS (
			SELECT name FROM schedules WHERE retired_at IS NULL AND ($1 = '' OR service = $1)
				AND (look_at > next_due OR release_at > coalesce(release_after, clock_timestamp())) ORDER BY name FOR NO KEY UPDATE),
		again AS (UPDATE schedules s SET look_at = next_due, release_at = greatest(least(release_at, clock_timestamp()), release_after)
			FROM held WHERE s.name = held.name RETURNING 1)
		SELECT pg_notify($2, '') WHERE EXISTS (SELECT 1 FROM again)`, storable(service, maxName), s.channel())
	if err != nil {
		return fmt.Errorf("look at what windows held: %w", err)
	}
	return nil
}
