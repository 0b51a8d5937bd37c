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
	batchSchedules = 250 // so that the first are on their way while the next are planned
	batchRetries   = 500
	batchEntries   = 2000 // about: a schedule is decided whole
)

// pass is one transaction of the planner: a handful of statements, whatever is due. What it publishes is gathered and
// written at its end, in one.
type pass struct {
	*Term
	tx       pgx.Tx
	now      time.Time
	done     *plan.Pass
	asked    []heading // of the schedules that are due, oldest first
	releases bool      // what waits is to be looked at
	known    bool      // when the planner is needed next: nothing was changed since
	publish  []outbox.Entry
	ended    []api.Fire
	freed    []string // serial schedules whose open fire has ended
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
	t.down = false
	return done, nil
}

func (p *pass) run(ctx context.Context) error {
	if err := p.ready(ctx); err != nil {
		return err
	}
	if err := p.begin(ctx); err != nil || p.done.Complete {
		return err
	}
	for _, step := range []func(context.Context) error{p.release, p.due, p.release, p.again, p.announce} {
		if err := step(ctx); err != nil {
			return err
		}
	}
	if p.known {
		return nil
	}
	var b pgx.Batch
	p.ahead(&b)
	return p.send(ctx, &b)
}

// begin reads what is to be done, and takes the schedules that are due: those that nobody else holds.
func (p *pass) begin(ctx context.Context) error {
	var b pgx.Batch
	p.ahead(&b)
	b.Queue(headingsSQL(`look_at <= $1 AND retired_at IS NULL ORDER BY look_at, name`, 2), p.now, batchSchedules).Query(func(rows pgx.Rows) (err error) {
		p.asked, err = pgx.CollectRows(rows, scanHeading)
		return err
	})
	return p.send(ctx, &b)
}

// send a batch that ends in, or holds, ahead.
func (p *pass) send(ctx context.Context, b *pgx.Batch) error {
	if err := p.tx.SendBatch(ctx, b).Close(); err != nil {
		return fmt.Errorf("read the next due time: %w", err)
	}
	return nil
}

// due decides the schedules that are due, writes all answers at once and moves the next due times on. What is more than
// a pass can take waits for the next one, oldest first as ever: a pass that outlasts its time has done nothing, and so
// would the next.
func (p *pass) due(ctx context.Context) error {
	if len(p.asked) == 0 {
		return nil
	}
	schedules, err := p.specs.of(ctx, p.tx, p.asked)
	if err != nil {
		return err
	}
	if err := p.occupy(ctx, schedules); err != nil {
		return err
	}
	causes, err := p.causes(ctx, oldest(schedules))
	if err != nil {
		return err
	}
	var a answers
	for i := range schedules {
		if len(a.rows.ids) >= batchEntries {
			break
		}
		s := &schedules[i]
		a.add(s, plan.Decide(*s, causes.of(s.Service), p.now), p.now)
	}
	return p.write(ctx, &a)
}

func oldest(schedules []plan.Schedule) time.Time {
	first := schedules[0].NextDue
	for i := range schedules {
		if schedules[i].NextDue.Before(first) {
			first = schedules[i].NextDue
		}
	}
	return first
}

// headings of schedules that nobody else holds; where ends in an order, its arguments are followed by the limit.
func (p *pass) headings(ctx context.Context, where string, args ...any) ([]heading, error) {
	rows, err := p.tx.Query(ctx, headingsSQL(where, len(args)), args...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, scanHeading)
}

func headingsSQL(where string, args int) string {
	return fmt.Sprintf(`SELECT %s FROM schedules WHERE %s LIMIT $%d FOR UPDATE SKIP LOCKED`, headingColumns, where, args)
}

// fire publishes one attempt at the pass's end; one that is polled for is only offered, in the ledger.
func (p *pass) fire(s *plan.Schedule, id string, due time.Time, manual bool, attempt, try int) error {
	if s.Target == timed.TargetPoll {
		return nil
	}
	e, err := p.store.fireEntry(timed.Fire{
		ID: id, Schedule: s.Name, Due: due, Manual: manual, Attempt: attempt, Attempts: s.Attempts, Deadline: s.Deadline,
		DoneWhen: s.DoneWhen, Payload: s.Payload,
	}, s.Target, try, s.Window+s.Deadline, p.now)
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
	if err := p.store.outbox.AddAll(ctx, p.tx, append(p.publish, ends...)); err != nil || len(p.freed) == 0 {
		return err
	}
	return p.lookAgain(ctx)
}

// lookAgain looks, with the next pass, at what waits of schedules that this one has ended a fire of. One that somebody
// else holds is being looked after.
func (p *pass) lookAgain(ctx context.Context) error {
	p.known = false
	rows, err := p.tx.Query(ctx, `SELECT name FROM schedules WHERE name = ANY($1::text[]) FOR UPDATE SKIP LOCKED`, p.freed)
	if err != nil {
		return fmt.Errorf("read schedules: %w", err)
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return fmt.Errorf("read schedules: %w", err)
	}
	return p.store.look(ctx, p.tx, names)
}

// ahead asks, in a batch, when the planner is needed next, and whether it is now.
func (p *pass) ahead(b *pgx.Batch) {
	b.Queue(`WITH next AS MATERIALIZED (SELECT min(look_at) AS at FROM schedules WHERE retired_at IS NULL AND look_at IS NOT NULL)
		SELECT (SELECT at FROM next),
		(SELECT min(retry_at) FROM fires WHERE retry_at IS NOT NULL),
		(SELECT min(release_at) FROM schedules WHERE release_at IS NOT NULL),
		(SELECT count(*) = $1 FROM (SELECT 1 FROM schedules WHERE retired_at IS NULL AND look_at = (SELECT at FROM next) LIMIT $1) AS together)`, manySchedules).QueryRow(func(row pgx.Row) error {
		var due, again, release *time.Time
		if err := row.Scan(&due, &again, &release, &p.done.Many); err != nil {
			return err
		}
		p.next(due, again, release)
		return nil
	})
}

func (p *pass) next(due, again, release *time.Time) {
	p.done.NextDue, p.done.NextTry, p.done.NextRelease, p.done.Complete = time.Time{}, time.Time{}, time.Time{}, true
	for from, to := range map[*time.Time]*time.Time{due: &p.done.NextDue, again: &p.done.NextTry, release: &p.done.NextRelease} {
		if from != nil {
			*to = from.UTC()
			p.done.Complete = p.done.Complete && from.After(p.now)
		}
	}
	p.releases = release != nil && !release.After(p.now)
	p.known = true
}
