package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/outbox"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// Bounds of one transaction of the planner.
const (
	batchSchedules = 1000
	batchRetries   = 500
	batchEntries   = 2000 // about: a schedule is decided whole
)

// pass is one transaction of the planner: a handful of statements, whatever is due. What it publishes is gathered and
// written at its end, in one.
type pass struct {
	*Term
	tx      pgx.Tx
	now     time.Time
	done    *plan.Pass
	publish []outbox.Entry
	ended   []api.Fire
}

// Pass takes the due schedules, oldest first, in one bounded batch: writes the ledger, puts the fires into the
// outbox and moves the next due times on, all or nothing. now zero is the server's clock.
func (t *Term) Pass(ctx context.Context, now time.Time) (plan.Pass, error) {
	var done plan.Pass
	err := t.inTx(ctx, func(tx pgx.Tx, serverNow time.Time) error {
		if !now.IsZero() {
			serverNow = now
		}
		done = plan.Pass{Now: serverNow, Skipped: map[api.Reason]int{}, Failed: map[api.Reason]int{}}
		p := pass{Term: t, tx: tx, now: serverNow, done: &done}
		return p.run(ctx)
	})
	if err != nil {
		return plan.Pass{}, fmt.Errorf("plan: %w", err)
	}
	return done, nil
}

func (p *pass) run(ctx context.Context) error {
	if err := p.ahead(ctx); err != nil || p.done.Complete {
		return err
	}
	for _, step := range []func(context.Context) error{p.due, p.again, p.announce} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	return p.ahead(ctx)
}

// due decides the schedules that are due, writes all answers at once and moves the next due times on. What is more than
// a pass can take waits for the next one, oldest first as ever: a pass that outlasts its time has done nothing, and so
// would the next.
func (p *pass) due(ctx context.Context) error {
	if p.done.NextDue.IsZero() || p.done.NextDue.After(p.now) {
		return nil
	}
	due, err := p.headings(ctx, `look_at <= $1 AND retired_at IS NULL ORDER BY look_at, name`, p.now, batchSchedules)
	if err != nil {
		return fmt.Errorf("read due schedules: %w", err)
	}
	schedules, err := p.specs.of(ctx, p.tx, due)
	if err != nil {
		return err
	}
	var l ledger
	var names []string
	var next []*time.Time
	for i := range schedules {
		if len(l.ids) >= batchEntries {
			break
		}
		s := &schedules[i]
		entries, following := plan.Decide(*s, p.now)
		for _, e := range entries {
			l.add(s, e, p.now)
		}
		names, next = append(names, s.Name), append(next, nullable(following))
	}
	if len(names) == 0 {
		return nil
	}
	if err := p.write(ctx, &l); err != nil {
		return err
	}
	_, err = p.tx.Exec(ctx, `UPDATE schedules s SET next_due = u.next, look_at = u.next
		FROM unnest($1::text[], $2::timestamptz[]) AS u(name, next) WHERE s.name = u.name`, names, next)
	if err != nil {
		return fmt.Errorf("move the next due times: %w", err)
	}
	return nil
}

// headings of schedules that nobody else holds; where ends in an order, its arguments are followed by the limit.
func (p *pass) headings(ctx context.Context, where string, args ...any) ([]heading, error) {
	rows, err := p.tx.Query(ctx, fmt.Sprintf(`SELECT %s FROM schedules WHERE %s LIMIT $%d FOR UPDATE SKIP LOCKED`, headingColumns, where, len(args)), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanHeading)
}

// write puts new rows into the ledger; those that were there before are left alone.
func (p *pass) write(ctx context.Context, l *ledger) error {
	written, err := l.insert(ctx, p.tx, p.epoch, p.now)
	if err != nil {
		return err
	}
	for i, id := range l.ids {
		if !written[id] {
			continue
		}
		f := &l.fires[i]
		if f.State == api.Skipped {
			p.done.Skipped[f.Reason] += f.Missed
			p.ended = append(p.ended, *f)
			continue
		}
		p.done.Fired++
		p.done.Late = append(p.done.Late, p.now.Sub(f.Due))
		if err := p.fire(l.schedules[i], f.ID, f.Due, false, 1, 0); err != nil {
			return err
		}
	}
	return nil
}

// fire publishes one attempt at the pass's end; one that is polled for is only offered, in the ledger.
func (p *pass) fire(s *plan.Schedule, id string, due time.Time, manual bool, attempt, try int) error {
	if s.Target == timed.TargetPoll {
		return nil
	}
	e, err := p.store.fireEntry(timed.Fire{
		ID: id, Schedule: s.Name, Due: due, Manual: manual, Attempt: attempt, Attempts: s.Attempts, Deadline: s.Deadline,
		DoneWhen: s.DoneWhen, Payload: s.Payload,
	}, s.Target, try, s.Window+s.Deadline)
	if err != nil {
		return err
	}
	p.publish = append(p.publish, e)
	return nil
}

// announce puts all that the pass publishes into the outbox.
func (p *pass) announce(ctx context.Context) error {
	ends, err := p.store.ends(p.ended)
	if err != nil {
		return err
	}
	return p.store.outbox.AddAll(ctx, p.tx, append(p.publish, ends...))
}

// ahead says when the planner is needed next, and whether it is now.
func (p *pass) ahead(ctx context.Context) error {
	var due, again *time.Time
	err := p.tx.QueryRow(ctx, `SELECT
		(SELECT min(look_at) FROM schedules WHERE retired_at IS NULL AND look_at IS NOT NULL),
		(SELECT min(retry_at) FROM fires WHERE retry_at IS NOT NULL)`).Scan(&due, &again)
	if err != nil {
		return fmt.Errorf("read the next due time: %w", err)
	}
	p.done.NextDue, p.done.NextTry, p.done.Complete = time.Time{}, time.Time{}, true
	for from, to := range map[*time.Time]*time.Time{due: &p.done.NextDue, again: &p.done.NextTry} {
		if from != nil {
			*to = from.UTC()
			p.done.Complete = p.done.Complete && from.After(p.now)
		}
	}
	return nil
}
