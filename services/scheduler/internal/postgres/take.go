package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// takenGrace is how long after its deadline a fire that was taken and not heard of again is given up.
const takenGrace = time.Minute

// Offered counts, of those schedules, the fires that wait for somebody to take them. Schedules without any are left out.
func (s *Store) Offered(ctx context.Context, schedules []string) (map[string]int, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT schedule, count(*) FROM fires
		WHERE schedule = ANY($1::text[]) AND state = 'published' AND target = 'poll' GROUP BY schedule`, schedules)
	if err != nil {
		return nil, fmt.Errorf("read offered fires: %w", err)
	}
	offered := map[string]int{}
	var name string
	var n int
	if _, err := pgx.ForEachRow(rows, []any{&name, &n}, func() error { offered[name] = n; return nil }); err != nil {
		return nil, fmt.Errorf("read offered fires: %w", err)
	}
	return offered, nil
}

// Take gives the oldest offered fire of a schedule to instance, and to nobody else; ok is false where there is none.
// Several may ask at once: none waits for another.
func (s *Store) Take(ctx context.Context, name, instance string) (f timed.Fire, ok bool, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		f, ok, err = take(ctx, tx, name, instance)
		return err
	})
	if err != nil {
		return timed.Fire{}, false, fmt.Errorf("take a fire of %q: %w", name, err)
	}
	return f, ok, nil
}

func take(ctx context.Context, tx pgx.Tx, name, instance string) (f timed.Fire, ok bool, err error) {
	var deadline int64
	var spec string
	err = tx.QueryRow(ctx, `UPDATE fires f SET state = 'received', instance = $2, attempt = greatest(f.attempt, 1),
			received_at = coalesce(f.received_at, clock_timestamp()), started_at = clock_timestamp(),
			expires_at = least(f.expires_at, clock_timestamp() + (f.deadline_ms + $3) * interval '1 ms')
		FROM schedules s WHERE s.name = f.schedule AND f.id = (
			SELECT id FROM fires WHERE schedule = $1 AND state = 'published' AND target = 'poll'
			ORDER BY due, id LIMIT 1 FOR UPDATE SKIP LOCKED)
		RETURNING f.id, f.schedule, f.due, f.manual, f.attempt, f.attempts, f.deadline_ms, f.done_when, s.spec`,
		name, instance, takenGrace.Milliseconds()).
		Scan(&f.ID, &f.Schedule, &f.Due, &f.Manual, &f.Attempt, &f.Attempts, &deadline, &f.DoneWhen, &spec)
	if pg.IsNoRows(err) {
		return timed.Fire{}, false, nil
	}
	f.Due, f.Deadline, f.Payload = f.Due.UTC(), millis(deadline), readSpec(spec).Payload
	return f, err == nil, err
}
