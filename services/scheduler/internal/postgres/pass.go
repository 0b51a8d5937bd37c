package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Bounds of one transaction of the planner.
const (
	batchSchedules = 500
	batchRetries   = 100
	batchEntries   = 1000 // about: a schedule is decided whole. Each one costs a round trip to the outbox
)

// Pass takes the due schedules, oldest first, in one bounded batch: writes the ledger, puts the fires into the
// outbox and moves the next due times on, all or nothing. now zero is the server's clock.
func (t *Term) Pass(ctx context.Context, now time.Time) (plan.Pass, error) {
	var p plan.Pass
	err := t.inTx(ctx, func(tx pgx.Tx, serverNow time.Time) error {
		p = plan.Pass{Now: serverNow, Skipped: map[api.Reason]int{}}
		if !now.IsZero() {
			p.Now = now
		}
		due, err := dueSchedules(ctx, tx, p.Now)
		if err != nil {
			return err
		}
		if err := t.decide(ctx, tx, due, &p); err != nil {
			return err
		}
		if err := t.retry(ctx, tx, &p); err != nil {
			return err
		}
		return lookAhead(ctx, tx, &p)
	})
	if err != nil {
		return plan.Pass{}, fmt.Errorf("plan: %w", err)
	}
	return p, nil
}

func dueSchedules(ctx context.Context, tx pgx.Tx, now time.Time) ([]schedule, error) {
	rows, err := tx.Query(ctx, `SELECT `+scheduleColumns+` FROM schedules
		WHERE retired_at IS NULL AND look_at <= $1 ORDER BY look_at, name LIMIT $2 FOR UPDATE SKIP LOCKED`, now, batchSchedules)
	if err != nil {
		return nil, fmt.Errorf("read due schedules: %w", err)
	}
	due, err := pgx.CollectRows(rows, scanSchedule)
	if err != nil {
		return nil, fmt.Errorf("read due schedules: %w", err)
	}
	return due, nil
}

// decide asks the plan for each schedule and writes all answers at once. What is more than a pass can take waits
// for the next one, oldest first as ever: a pass that outlasts its time has done nothing, and so would the next.
func (t *Term) decide(ctx context.Context, tx pgx.Tx, due []schedule, p *plan.Pass) error {
	var l ledger
	var names []string
	var next []*time.Time
	for _, row := range due {
		if len(l.ids) >= batchEntries {
			break
		}
		s := row.plan()
		entries, following := plan.Decide(s, p.Now)
		for _, e := range entries {
			l.add(s, e, p.Now)
		}
		names, next = append(names, row.Name), append(next, nullable(following))
	}
	if len(names) == 0 {
		return nil
	}
	written, err := l.insert(ctx, tx, t.epoch)
	if err != nil {
		return err
	}
	if err := t.announce(ctx, tx, l, written, p); err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `UPDATE schedules s SET next_due = u.next, look_at = u.next
		FROM unnest($1::text[], $2::timestamptz[]) AS u(name, next) WHERE s.name = u.name`, names, next)
	if err != nil {
		return fmt.Errorf("move the next due times: %w", err)
	}
	return nil
}

// announce publishes what was written: the fires to their services, the skipped ones as ended.
func (t *Term) announce(ctx context.Context, tx pgx.Tx, l ledger, written []api.Fire, p *plan.Pass) error {
	for _, f := range written {
		if f.State == api.Skipped {
			p.Skipped[f.Reason] += f.Missed
			if err := t.store.emitEnded(ctx, tx, f); err != nil {
				return err
			}
			continue
		}
		p.Fired++
		p.Late = append(p.Late, p.Now.Sub(f.Due))
		if err := t.store.publishFire(ctx, tx, l.fires[f.ID], 0); err != nil {
			return err
		}
	}
	return nil
}

// retry publishes again what nobody took at its last try.
func (t *Term) retry(ctx context.Context, tx pgx.Tx, p *plan.Pass) error {
	rows, err := tx.Query(ctx, `UPDATE fires f SET retry_at = NULL FROM schedules s
		WHERE s.name = f.schedule AND f.id IN (
			SELECT id FROM fires WHERE retry_at <= $1 ORDER BY retry_at LIMIT $2 FOR UPDATE SKIP LOCKED)
		RETURNING f.id, f.schedule, f.due, f.manual, f.deadline_ms, s.spec, f.tries, f.state`, p.Now, batchRetries)
	if err != nil {
		return fmt.Errorf("read fires to publish again: %w", err)
	}
	type again struct {
		fire  timed.Fire
		tries int
		state api.State
	}
	all, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (a again, err error) {
		var deadline int64
		var data string
		err = row.Scan(&a.fire.ID, &a.fire.Schedule, &a.fire.Due, &a.fire.Manual, &deadline, &data, &a.tries, &a.state)
		a.fire.Due, a.fire.Deadline, a.fire.Payload = a.fire.Due.UTC(), millis(deadline), readSpec(data).Payload
		return a, err
	})
	if err != nil {
		return fmt.Errorf("read fires to publish again: %w", err)
	}
	for _, a := range all {
		if a.state != api.Planned {
			continue // its receipt came first
		}
		if err := t.store.publishFire(ctx, tx, a.fire, a.tries); err != nil {
			return err
		}
		p.Retried++
	}
	return nil
}

// lookAhead says when the planner is needed next.
func lookAhead(ctx context.Context, tx pgx.Tx, p *plan.Pass) error {
	var due, again *time.Time
	err := tx.QueryRow(ctx, `SELECT
		(SELECT min(look_at) FROM schedules WHERE retired_at IS NULL AND look_at IS NOT NULL),
		(SELECT min(retry_at) FROM fires WHERE retry_at IS NOT NULL)`).Scan(&due, &again)
	if err != nil {
		return fmt.Errorf("read the next due time: %w", err)
	}
	if due != nil {
		p.NextDue = due.UTC()
	}
	if again != nil {
		p.NextTry = again.UTC()
	}
	p.Complete = (due == nil || due.After(p.Now)) && (again == nil || again.After(p.Now))
	return nil
}
