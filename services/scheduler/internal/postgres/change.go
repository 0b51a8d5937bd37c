package postgres

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// maxPending due times of an old timing are counted when a new one takes its place: a due time of every second for eleven
// days without a planner. That takes less than a second.
const maxPending = 1_000_000

// change is one transaction that changes schedules of one service: a declaration, or an edit. Those of one service wait
// for each other; the planner, which moves due times on, is held back by the row's lock alone.
type change struct {
	store    *Store
	tx       pgx.Tx
	by, note string
	now      time.Time // by the server's clock, read under the row's lock
}

// lockService makes changes of one service follow each other.
func (c *change) lockService(ctx context.Context, service string) error {
	err := c.tx.QueryRow(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('declare/' || current_schema() || '/' || $1, 0)), clock_timestamp()`,
		service).Scan(nil, &c.now)
	if err != nil {
		return fmt.Errorf("wait for other changes of %s: %w", service, err)
	}
	return nil
}

// lock reads a schedule as it is now, retired or not, and holds the planner off it until the transaction ends. known is
// false where there is no such row.
func (c *change) lock(ctx context.Context, name string) (have schedule, known bool, err error) {
	rows, err := c.tx.Query(ctx, `SELECT `+scheduleColumns+` FROM schedules WHERE name = $1 FOR UPDATE`, name)
	if err != nil {
		return schedule{}, false, fmt.Errorf("read schedule %q: %w", name, err)
	}
	have, err = pgx.CollectExactlyOneRow(rows, scanSchedule)
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return schedule{}, false, fmt.Errorf("read schedule %q: %w", name, err)
	}
	known = err == nil
	// The lock may have been waited for: what was planned meanwhile was before this.
	if err := c.tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&c.now); err != nil {
		return schedule{}, false, fmt.Errorf("read the clock: %w", err)
	}
	c.now = c.now.UTC()
	return have, known, nil
}

// retime gives want its next due time: that of have while the timing in force is the same, else the first one of the new
// timing after now. What the old timing would have had is nobody's any more, so that no edit fires both. One that has no
// due time any more begins anew too: what could not be read once may be readable now.
func (c *change) retime(have, want schedule) (next schedule, same bool) {
	same = have.alive() && sameTiming(have.spec(), want.spec())
	want.NextDue = have.NextDue
	if !same || have.NextDue == nil {
		want.NextDue = nullable(timing.Next(want.spec().When(), c.now))
	}
	return want, same
}

// stands still: it has no due time, and should have one.
func (c *change) standsStill(s schedule) bool {
	return s.NextDue == nil && !timing.Next(s.spec().When(), c.now).IsZero()
}

func sameTiming(a, b timed.Schedule) bool { return reflect.DeepEqual(a.When(), b.When()) }

// write stores want in the place of have, tells of it, and answers what is stored. A new one was made at the instant from which
// its due times count, not when the transaction began: the writing of many takes longer than a second between two due times may be.
func (c *change) write(ctx context.Context, have, want schedule, action string) (schedule, error) {
	want, same := c.retime(have, want)
	if have.alive() && !same {
		if err := c.endPending(ctx, have, api.ReasonEdited); err != nil {
			return schedule{}, err
		}
		if err := c.endBuffered(ctx, have.Name); err != nil {
			return schedule{}, err
		}
	}
	rows, err := c.tx.Query(ctx, `INSERT INTO schedules (name, service, origin, declared, edited, edited_by, edited_at,
			paused, paused_note, paused_by, paused_at, next_due, look_at, declared_at, created_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $12, $13, $14)
		ON CONFLICT (name) DO UPDATE SET origin = $3, declared = $4, edited = $5, edited_by = $6, edited_at = $7,
			paused = $8, paused_note = $9, paused_by = $10, paused_at = $11, next_due = $12, look_at = $12, release_at = now(), declared_at = $13,
			revision = schedules.revision + 1, changed_at = now(), retired_at = NULL
		RETURNING `+scheduleColumns,
		want.Name, want.Service, want.Origin, want.DeclaredSpec, want.EditedSpec, want.EditedBy, want.EditedAt,
		want.Paused, want.PausedNote, want.PausedBy, want.PausedAt, want.NextDue, want.DeclaredAt, c.now)
	if err != nil {
		return schedule{}, fmt.Errorf("write schedule %q: %w", want.Name, err)
	}
	return c.store.announceChange(ctx, c.tx, rows, action, c.by, c.note)
}

// retire ends a schedule: nothing of it is fired any more. Its ledger stays, and so does its row until that is gone.
func (c *change) retire(ctx context.Context, have schedule) error {
	if err := c.endPending(ctx, have, api.ReasonRetired); err != nil {
		return err
	}
	if err := c.endWaiting(ctx, have.Name); err != nil {
		return err
	}
	rows, err := c.tx.Query(ctx, `UPDATE schedules SET retired_at = now(), changed_at = now(), next_due = NULL, look_at = NULL,
		revision = revision + 1 WHERE name = $1 RETURNING `+scheduleColumns, have.Name)
	if err != nil {
		return fmt.Errorf("retire schedule %q: %w", have.Name, err)
	}
	_, err = c.store.announceChange(ctx, c.tx, rows, "retired", c.by, c.note)
	return err
}

// endPending gives what have was due for and the planner had not come to yet a row with the reason: one for all.
func (c *change) endPending(ctx context.Context, have schedule, reason api.Reason) error {
	if have.NextDue == nil || have.NextDue.After(c.now) {
		return nil
	}
	if have.Paused {
		reason = api.ReasonPaused
	}
	first := have.NextDue.UTC()
	last, missed := pending(have.spec(), first, c.now)
	ended, err := c.endFires(ctx, `INSERT INTO fires (id, schedule, service, due, until, missed, state, reason, expires_at, ended_at)
		VALUES ($1, $2, $3, $4, $5, $6, 'skipped', $7, $8, $8) ON CONFLICT DO NOTHING RETURNING `+fireColumns,
		timed.FireID(have.Name, first), have.Name, have.Service, first, last, missed, reason, c.now)
	if err != nil {
		return fmt.Errorf("end what schedule %q was due for: %w", have.Name, err)
	}
	return c.store.emitEnded(ctx, c.tx, ended...)
}

// pending counts the due times of s from first, which is one, to now.
func pending(s timed.Schedule, first, now time.Time) (last time.Time, missed int) {
	last, missed = first, 1
	when, err := timing.Parse(s.When())
	if err != nil {
		return last, missed
	}
	for due := when.Next(first); !due.IsZero() && !due.After(now) && missed < maxPending; due = when.Next(due) {
		last = due
		missed++
	}
	return last, missed
}

// endBuffered leaves out what waits of a timing that is no more; what is backfilled was asked for, and stays.
func (c *change) endBuffered(ctx context.Context, name string) error {
	ended, err := c.endFires(ctx, `UPDATE fires SET state = 'skipped', reason = $2, missed = 1, ended_at = $3
		WHERE schedule = $1 AND phase = 'waiting' AND NOT (reason = 'backfill') RETURNING `+fireColumns, name, api.ReasonEdited, c.now)
	if err != nil {
		return fmt.Errorf("end what waits of the former timing of schedule %q: %w", name, err)
	}
	return c.store.emitEnded(ctx, c.tx, ended...)
}

// endWaiting ends the fires of a schedule that were to be published later: those that wait, and further attempts.
func (c *change) endWaiting(ctx context.Context, name string) error {
	ended, err := c.endFires(ctx, `UPDATE fires SET state = CASE state WHEN 'waiting' THEN 'skipped' ELSE 'failed' END,
			reason = CASE state WHEN 'waiting' THEN $2 ELSE $3 END, missed = CASE state WHEN 'waiting' THEN 1 ELSE missed END,
			retry_at = NULL, ended_at = $4
		WHERE schedule = $1 AND (phase = 'waiting' OR phase = 'running' AND state = 'planned' AND retry_at IS NOT NULL) RETURNING `+fireColumns,
		name, api.ReasonRetired, api.ReasonCancelled, c.now)
	if err != nil {
		return fmt.Errorf("end what waits of schedule %q: %w", name, err)
	}
	return c.store.emitEnded(ctx, c.tx, ended...)
}

func (c *change) endFires(ctx context.Context, sql string, args ...any) ([]api.Fire, error) {
	rows, err := c.tx.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanFire)
}

// announceChange publishes the one row that a statement returned, and answers it.
func (s *Store) announceChange(ctx context.Context, tx pgx.Tx, rows pgx.Rows, action, by, note string) (schedule, error) {
	row, err := pgx.CollectExactlyOneRow(rows, scanSchedule)
	if err != nil {
		return schedule{}, fmt.Errorf("write the schedule: %w", err)
	}
	told := api.ScheduleChanged{Action: action, Schedule: row.api(), By: by, Note: note, At: time.Now().UTC()}
	return row, s.emit(ctx, tx, api.EventScheduleChanged, fmt.Sprintf("%s/%d", row.Name, row.Revision), row.Name, told)
}
