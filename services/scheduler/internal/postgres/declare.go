package postgres

import (
	"context"
	"fmt"
	"reflect"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
	"github.com/signalbox-mesh/signalbox/sidecar/timing"
)

// Declared counts what a declaration changed.
type Declared struct{ Created, Changed, Retired int }

// Declarations come with every heartbeat, so these are two and a half heartbeats and a third of one.
const (
	retireAfter  = 75 * time.Second
	refreshAfter = 10 * time.Second
)

// Declare makes service's schedules be exactly these. A schedule that is the same keeps everything; one whose
// timing is the same keeps its next due time; pauses always stay. What is missing here is retired once no replica
// has declared it for retireAfter: while two releases run side by side, a schedule that only one of them knows must
// not lose due times. Concurrent declarations of one service wait for each other.
func (s *Store) Declare(ctx context.Context, service string, wanted []timed.Schedule) (Declared, error) {
	var d Declared
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		r := reconciliation{store: s, tx: tx, service: service}
		err := r.run(ctx, wanted)
		d = r.counts
		return err
	})
	if err != nil {
		return Declared{}, fmt.Errorf("declare the schedules of %s: %w", service, err)
	}
	return d, nil
}

type reconciliation struct {
	store   *Store
	tx      pgx.Tx
	service string
	now     time.Time
	stored  map[string]schedule
	stale   []string // unchanged, and their declaration is to be noted again
	counts  Declared
}

func (r *reconciliation) run(ctx context.Context, wanted []timed.Schedule) error {
	if err := r.read(ctx); err != nil {
		return err
	}
	for _, w := range wanted {
		if err := r.reconcile(ctx, rowOf(w.WithDefaults(), r.service)); err != nil {
			return err
		}
		delete(r.stored, w.Name)
	}
	if err := r.refresh(ctx); err != nil {
		return err
	}
	for _, left := range r.stored {
		if left.RetiredAt != nil || left.Origin != originDeclared || r.now.Sub(left.DeclaredAt) < retireAfter {
			continue
		}
		if err := r.retire(ctx, left); err != nil {
			return err
		}
	}
	return nil
}

func (r *reconciliation) read(ctx context.Context) error {
	err := r.tx.QueryRow(ctx, `SELECT pg_advisory_xact_lock(hashtextextended('declare/' || current_schema() || '/' || $1, 0)), clock_timestamp()`,
		r.service).Scan(nil, &r.now)
	if err != nil {
		return fmt.Errorf("wait for other declarations: %w", err)
	}
	rows, err := r.tx.Query(ctx, `SELECT `+scheduleColumns+` FROM schedules WHERE service = $1`, r.service)
	if err != nil {
		return err
	}
	stored, err := pgx.CollectRows(rows, scanSchedule)
	if err != nil {
		return err
	}
	r.stored = make(map[string]schedule, len(stored))
	for _, row := range stored {
		r.stored[row.Name] = row
	}
	return nil
}

func (r *reconciliation) reconcile(ctx context.Context, want schedule) error {
	have, known := r.stored[want.Name]
	switch {
	case !known || have.RetiredAt != nil:
		r.counts.Created++
		return r.write(ctx, want, "created", r.nextDue(want))
	case same(have, want):
		if r.now.Sub(have.DeclaredAt) >= refreshAfter {
			r.stale = append(r.stale, have.Name)
		}
		return nil
	case sameTiming(have, want):
		r.counts.Changed++
		return r.write(ctx, want, "changed", have.NextDue)
	default:
		r.counts.Changed++
		return r.write(ctx, want, "changed", r.nextDue(want))
	}
}

func (r *reconciliation) refresh(ctx context.Context) error {
	if len(r.stale) == 0 {
		return nil
	}
	if _, err := r.tx.Exec(ctx, `UPDATE schedules SET declared_at = $2 WHERE name = ANY($1::text[])`, r.stale, r.now); err != nil {
		return fmt.Errorf("note the declaration: %w", err)
	}
	return nil
}

// nextDue of a new timing is after now: what an older timing would have had in the past is nobody's any more.
func (r *reconciliation) nextDue(want schedule) *time.Time {
	return nullable(timing.Next(want.spec().When(), r.now))
}

// same compares what is declared, not what became of it.
func same(have, want schedule) bool {
	return have.Origin == want.Origin && have.DeclaredSpec == want.DeclaredSpec
}

// sameTiming reports whether a new declaration leaves the due times as they are: an edit rules them, or it changed something else.
func sameTiming(have, want schedule) bool {
	return have.EditedSpec != "" || reflect.DeepEqual(have.spec().When(), want.spec().When())
}

func (r *reconciliation) write(ctx context.Context, w schedule, action string, next *time.Time) error {
	rows, err := r.tx.Query(ctx, `INSERT INTO schedules (name, service, origin, declared, next_due, look_at)
		VALUES ($1, $2, $3, $4, $5, $5)
		ON CONFLICT (name) DO UPDATE SET origin = $3, declared = $4, next_due = $5, look_at = $5,
			revision = schedules.revision + 1, changed_at = now(), declared_at = now(), retired_at = NULL
		WHERE schedules.service = $2
		RETURNING `+scheduleColumns,
		w.Name, w.Service, w.Origin, w.DeclaredSpec, next)
	if err != nil {
		return fmt.Errorf("write schedule %q: %w", w.Name, err)
	}
	return r.store.announceChange(ctx, r.tx, rows, action, r.service)
}

func (r *reconciliation) retire(ctx context.Context, row schedule) error {
	r.counts.Retired++
	rows, err := r.tx.Query(ctx, `UPDATE schedules SET retired_at = now(), changed_at = now(), next_due = NULL, look_at = NULL, revision = revision + 1
		WHERE name = $1 RETURNING `+scheduleColumns, row.Name)
	if err != nil {
		return fmt.Errorf("retire schedule %q: %w", row.Name, err)
	}
	return r.store.announceChange(ctx, r.tx, rows, "retired", r.service)
}

// announceChange publishes the one row that a statement returned.
func (s *Store) announceChange(ctx context.Context, tx pgx.Tx, rows pgx.Rows, action, by string) error {
	row, err := pgx.CollectExactlyOneRow(rows, scanSchedule)
	if err != nil {
		return fmt.Errorf("write the schedule: %w", err)
	}
	change := api.ScheduleChanged{Action: action, Schedule: row.api(), By: by, At: time.Now().UTC()}
	return s.emit(ctx, tx, api.EventScheduleChanged, fmt.Sprintf("%s/%d", row.Name, row.Revision), row.Name, change)
}
