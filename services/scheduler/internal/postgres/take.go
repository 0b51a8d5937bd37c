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

// takenGrace is how long after its deadline a fire that was taken and not heard of again is given up.
const takenGrace = time.Minute

// Offered counts, of those schedules, the fires that wait for somebody to take them. Schedules without any are left out.
func (s *Store) Offered(ctx context.Context, schedules []string) (map[string]int, error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT schedule, count(*) FROM fires
		WHERE schedule = ANY($1::text[]) AND phase = 'running' AND state = 'published' AND target = 'poll' GROUP BY schedule`, schedules)
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

// Taken is a fire that somebody took, and what that meant to the ledger, which is to be counted.
type Taken struct {
	timed.Fire
	Settlement Settlement
}

// Take gives the oldest offered fire of a schedule to instance, and to nobody else, as a receipt of that attempt would; ok
// is false where there is none. Several may ask at once: none waits for another.
func (s *Store) Take(ctx context.Context, name, instance string) (f Taken, ok bool, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		f, ok, err = s.take(ctx, tx, name, instance)
		return err
	})
	if err != nil {
		return Taken{}, false, fmt.Errorf("take a fire of %q: %w", name, err)
	}
	return f, ok, nil
}

func (s *Store) take(ctx context.Context, tx pgx.Tx, name, instance string) (f Taken, ok bool, err error) {
	var deadline int64
	var service, spec string
	var now time.Time
	err = tx.QueryRow(ctx, `SELECT f.id, f.schedule, f.due, f.manual, greatest(f.attempt, 1), f.attempts, f.deadline_ms, f.done_when,
			f.service, s.spec, clock_timestamp()
		FROM fires f JOIN schedules s ON s.name = f.schedule WHERE f.schedule = $1 AND f.phase = 'running' AND f.state = 'published' AND f.target = 'poll'
		ORDER BY f.due, f.id LIMIT 1 FOR UPDATE OF f SKIP LOCKED`, name).
		Scan(&f.ID, &f.Schedule, &f.Due, &f.Manual, &f.Attempt, &f.Attempts, &deadline, &f.DoneWhen, &service, &spec, &now)
	if pg.IsNoRows(err) {
		return Taken{}, false, nil
	}
	if err != nil {
		return Taken{}, false, err
	}
	f.Due, f.Deadline, f.Payload = f.Due.UTC(), millis(deadline), readSpec(spec).Payload
	f.Settlement, err = s.Settle(ctx, tx, []Settled{{Service: service, Kind: timed.Received, Receipt: timed.Receipt{
		FireID: f.ID, Schedule: f.Schedule, Due: f.Due, Attempt: f.Attempt, Service: service, Instance: instance, StartedAt: now,
	}}})
	if err != nil {
		return Taken{}, false, err
	}
	_, err = tx.Exec(ctx, `UPDATE fires SET expires_at = least(expires_at, $2) WHERE id = $1`, f.ID, now.Add(f.Deadline+takenGrace))
	return f, err == nil, err
}

// Report writes what whoever took a fire tells of it, and answers the fire as it is then. ErrNoFire; ErrNotTaken for one
// that does not reach its handler this way.
func (s *Store) Report(ctx context.Context, kind string, r timed.Receipt) (f api.Fire, result Settlement, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		f, result, err = s.report(ctx, tx, kind, r)
		return err
	})
	if err != nil {
		return api.Fire{}, Settlement{}, fmt.Errorf("report of fire %q: %w", r.FireID, err)
	}
	return f, result, nil
}

func (s *Store) report(ctx context.Context, tx pgx.Tx, kind string, r timed.Receipt) (api.Fire, Settlement, error) {
	f, err := readFire(ctx, tx, r.FireID, "FOR UPDATE")
	if err != nil {
		return api.Fire{}, Settlement{}, err
	}
	target, err := targetOf(ctx, tx, f.ID)
	switch {
	case err != nil:
		return api.Fire{}, Settlement{}, err
	case target != timed.TargetPoll:
		return api.Fire{}, Settlement{}, ErrNotTaken
	}
	r.Schedule, r.Due, r.Service = f.Schedule, f.Due, f.Service
	result, err := s.Settle(ctx, tx, []Settled{{Service: f.Service, Kind: kind, Receipt: r}})
	if err != nil {
		return api.Fire{}, Settlement{}, err
	}
	f, err = readFire(ctx, tx, r.FireID, "")
	return f, result, err
}
