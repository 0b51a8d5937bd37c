package postgres

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// ErrNotFound is the answer for a schedule that is unknown or retired.
var ErrNotFound = errors.New("no such schedule")

// Pause holds a schedule: its due times get a row with the reason and no fire. Pausing twice renews the note.
func (s *Store) Pause(ctx context.Context, name, by, note string) (api.Schedule, error) {
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		rows, err := tx.Query(ctx, `UPDATE schedules SET paused = true, paused_at = now(), paused_by = $2, paused_note = $3,
			revision = revision + 1, changed_at = now() WHERE name = $1 AND retired_at IS NULL RETURNING `+scheduleColumns, name, by, note)
		if err != nil {
			return err
		}
		_, err = s.announceChange(ctx, tx, rows, "paused", by, note)
		return err
	})
	if pg.IsNoRows(err) {
		return api.Schedule{}, ErrNotFound
	}
	if err != nil {
		return api.Schedule{}, fmt.Errorf("pause schedule %q: %w", name, err)
	}
	return s.Schedule(ctx, name)
}

// Resume lets a schedule go on with what waits, and with its next due time. What was due in the pause and the planner had
// not come to, for want of the broker for one, is in the ledger as paused: it is not caught up.
func (s *Store) Resume(ctx context.Context, name, by string) (api.Schedule, error) {
	ctx, commit := s.counted(ctx)
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		c := change{store: s, tx: tx, by: by}
		have, _, err := c.lock(ctx, name)
		switch {
		case err != nil:
			return err
		case !have.alive():
			return ErrNotFound
		}
		next := have.NextDue
		if have.Paused && next != nil && !next.After(c.now) {
			if err := c.endPending(ctx, have, api.ReasonPaused); err != nil {
				return err
			}
			next = nullable(timing.Next(have.spec().When(), c.now))
		}
		rows, err := tx.Query(ctx, `UPDATE schedules SET paused = false, paused_at = NULL, paused_by = '', paused_note = '', release_at = now(),
			next_due = $2, look_at = CASE WHEN next_due IS NOT DISTINCT FROM $2 THEN look_at ELSE $2 END,
			revision = revision + 1, changed_at = now() WHERE name = $1 RETURNING `+scheduleColumns, name, next)
		if err != nil {
			return err
		}
		_, err = s.announceChange(ctx, tx, rows, "resumed", by, "")
		return err
	})
	commit(err)
	if err != nil {
		return api.Schedule{}, fmt.Errorf("resume schedule %q: %w", name, err)
	}
	return s.Schedule(ctx, name)
}

// Run fires a schedule now, beside its plan, paused or not. Any replica may do it: the fire has a row of its own.
func (s *Store) Run(ctx context.Context, name, by string) (fireID string, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		fireID, err = s.run(ctx, tx, name, by)
		return err
	})
	if pg.IsNoRows(err) {
		return "", ErrNotFound
	}
	if err != nil {
		return "", fmt.Errorf("run schedule %q: %w", name, err)
	}
	return fireID, nil
}

func (s *Store) run(ctx context.Context, tx pgx.Tx, name, by string) (string, error) {
	rows, err := tx.Query(ctx, `SELECT `+scheduleColumns+` FROM schedules WHERE name = $1 AND retired_at IS NULL FOR SHARE`, name)
	if err != nil {
		return "", err
	}
	row, err := pgx.CollectExactlyOneRow(rows, scanSchedule)
	if err != nil {
		return "", err
	}
	spec := row.spec()
	f := timed.Fire{Schedule: name, Manual: true, Attempt: 1, Attempts: spec.Attempts, Deadline: spec.Deadline, DoneWhen: spec.DoneWhen, Payload: spec.Payload}
	if err := tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&f.Due); err != nil {
		return "", err
	}
	f.Due = f.Due.UTC()
	f.ID = timed.FireID(name, f.Due) + "#run-" + strings.ToLower(rand.Text()[:8])
	state, published := api.Planned, time.Time{}
	if spec.Target == timed.TargetPoll { // who polls for it is told nothing
		state, published = api.Published, f.Due
	}
	_, err = tx.Exec(ctx, `INSERT INTO fires (id, schedule, service, due, until, manual, state, attempt, attempts, backoff_ms, deadline_ms,
			done_when, target, overlap, published_at, expires_at, requested_by)
		VALUES ($1, $2, $3, $4, $4, true, $5, 1, $6, $7, $8, $9, $10, $11, $12, $13, $14)`,
		f.ID, name, row.Service, f.Due, state, spec.Attempts, spec.Backoff.Milliseconds(), spec.Deadline.Milliseconds(),
		spec.DoneWhen, spec.Target, spec.Overlap, nullable(published), f.Due.Add(spec.Window+spec.Deadline), by)
	if err != nil || state == api.Published {
		return f.ID, err
	}
	e, err := s.fireEntry(f, spec.Target, 0, spec.Window+spec.Deadline, f.Due)
	if err != nil {
		return "", err
	}
	return f.ID, s.outbox.AddAll(ctx, tx, []outbox.Entry{e})
}
