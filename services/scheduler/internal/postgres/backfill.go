package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// clocksDiffer is how far ahead the clock of who asks may be: his now is the past in a moment.
const clocksDiffer = time.Minute

// MaxBackfill due times go into one backfill.
const MaxBackfill = 10_000

// What stands against a backfill.
var (
	ErrTooMany = fmt.Errorf("the range has more than %d due times", MaxBackfill)
	ErrFuture  = errors.New("the range ends in the future")
)

// Backfill is a range of a schedule's past that is to be fired now.
type Backfill struct {
	Name     string
	From, To time.Time // due times from From on and before To
	Again    bool      // also what is done or under way
	DryRun   bool
	By       string
}

// Backfill puts the due times of a range into the ledger, waiting: the planner releases them by the schedule's own rate
// and overlap policy. The timing is that of now, the payload that of the moment of firing. Those that are done, or under
// way, by plan or by an earlier backfill, are left out unless Again; those that the planner has still to decide about always. All or nothing; two of one schedule follow each other.
func (s *Store) Backfill(ctx context.Context, b Backfill) (answer api.Backfill, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		answer, err = s.backfill(ctx, tx, b)
		return err
	})
	if pg.IsNoRows(err) {
		return api.Backfill{}, ErrNotFound
	}
	if err != nil {
		return api.Backfill{}, fmt.Errorf("backfill schedule %q: %w", b.Name, err)
	}
	return answer, nil
}

func (s *Store) backfill(ctx context.Context, tx pgx.Tx, b Backfill) (api.Backfill, error) {
	var now time.Time
	err := tx.QueryRow(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('backfill/' || current_schema() || '/' || $1, 0)), clock_timestamp()`,
		b.Name).Scan(nil, &now)
	if err != nil {
		return api.Backfill{}, fmt.Errorf("wait for other backfills: %w", err)
	}
	if b.To.After(now.Add(clocksDiffer)) {
		return api.Backfill{}, ErrFuture
	}
	row, err := runnable(ctx, tx, b.Name)
	if err != nil {
		return api.Backfill{}, err
	}
	due, err := dueIn(row.spec(), b.From, b.To)
	if err != nil {
		return api.Backfill{}, err
	}
	missing, err := absent(ctx, tx, b, due)
	if err != nil {
		return api.Backfill{}, err
	}
	missing = row.decided(missing)
	answer := api.Backfill{Fires: len(missing), Present: len(due) - len(missing), DryRun: b.DryRun}
	if b.DryRun || len(missing) == 0 {
		return answer, nil
	}
	answer.ID = strings.ToLower(rand.Text()[:12])
	if err := insertBackfill(ctx, tx, b, row, answer.ID, missing); err != nil {
		return api.Backfill{}, err
	}
	return answer, s.look(ctx, tx, []string{b.Name})
}

// runnable reads a schedule that is not retired, and keeps it so until the transaction ends, which writes to it: a lock that
// is shared with a run by hand, and raised then, could end in a circle.
func runnable(ctx context.Context, tx pgx.Tx, name string) (schedule, error) {
	rows, err := tx.Query(ctx, `SELECT `+scheduleColumns+` FROM schedules WHERE name = $1 AND retired_at IS NULL FOR NO KEY UPDATE`, name)
	if err != nil {
		return schedule{}, err
	}
	return pgx.CollectExactlyOneRow(rows, scanSchedule)
}

// dueIn lists the due times of a range; ErrTooMany.
func dueIn(s timed.Schedule, from, to time.Time) (all []time.Time, err error) {
	when, err := timing.Parse(s.When())
	if err != nil {
		return nil, err
	}
	for due := when.Next(from.Add(-time.Nanosecond)); !due.IsZero() && due.Before(to); due = when.Next(due) {
		if len(all) == MaxBackfill {
			return nil, ErrTooMany
		}
		all = append(all, due)
	}
	return all, nil
}

// decided are those of the due times that the planner has come to: about the others it will decide itself, and would fire them too.
func (r schedule) decided(due []time.Time) []time.Time {
	if r.NextDue == nil {
		return due
	}
	n, _ := slices.BinarySearchFunc(due, *r.NextDue, time.Time.Compare)
	return due[:n]
}

// absent leaves out what the ledger has as done or under way.
func absent(ctx context.Context, tx pgx.Tx, b Backfill, due []time.Time) (missing []time.Time, err error) {
	if b.Again || len(due) == 0 {
		return due, nil
	}
	rows, err := tx.Query(ctx, `SELECT u.due FROM unnest($2::timestamptz[]) AS u(due) WHERE NOT EXISTS (
		SELECT 1 FROM fires f WHERE f.schedule = $1 AND f.due = u.due AND (NOT f.manual OR f.backfill <> '')
			AND f.state NOT IN ('failed', 'skipped')) ORDER BY u.due`, b.Name, due)
	if err != nil {
		return nil, fmt.Errorf("read what is there: %w", err)
	}
	return pgx.CollectRows(rows, pgx.RowTo[time.Time])
}

// insertBackfill writes one waiting row for each due time. When they expire is known when they are released.
func insertBackfill(ctx context.Context, tx pgx.Tx, b Backfill, row schedule, id string, due []time.Time) error {
	spec := row.spec()
	ids := make([]string, len(due))
	for i, at := range due {
		ids[i] = timed.FireID(b.Name, at) + "#backfill-" + id
	}
	_, err := tx.Exec(ctx, `INSERT INTO fires (id, schedule, service, due, until, manual, backfill, state, reason,
			attempts, backoff_ms, done_when, target, deadline_ms, expires_at, requested_by)
		SELECT u.id, $3, $4, u.due, u.due, true, $5, 'waiting', $6, $7, $8, $9, $10, $11,
			clock_timestamp() + $12::bigint * interval '1 ms', $13
		FROM unnest($1::text[], $2::timestamptz[]) AS u(id, due)`,
		ids, due, b.Name, row.Service, id, api.WaitsBackfill, spec.Attempts, spec.Backoff.Milliseconds(), spec.DoneWhen,
		spec.Target, spec.Deadline.Milliseconds(), (spec.Window + spec.Deadline).Milliseconds(), b.By)
	if err != nil {
		return fmt.Errorf("write the backfill: %w", err)
	}
	return nil
}
