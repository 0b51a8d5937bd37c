package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
)

const (
	manySchedules = 20                     // due at one instant are worth preparing
	batchAhead    = 1000                   // schedules prepared at once
	longestHold   = 500 * time.Millisecond // of what is prepared, by the server's clock
)

// errSetBack: the server's clock was set back while a due time was waited for.
var errSetBack = errors.New("the server's clock was set back")

// Ahead is Pass for one instant that has not come yet, but soon will: all that is due then is written before, and
// committed once the server's clock is there. What is left for the instant itself is the commit, and the relay's work.
// Until then the schedules are locked: who changes one waits, and finds it fired. So it is for those alone whose fires depend on
// nothing else (plan.Schedule.Foreseen); the others, and what is more than a batch, are the next Pass's. A pass that
// found nothing, or whose clock was set back, is zero.
func (t *Term) Ahead(ctx context.Context, due time.Time) (plan.Pass, error) {
	var done plan.Pass
	err := t.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		read := time.Now()
		done = plan.Pass{Now: due, Skipped: map[api.Reason]int{}, Failed: map[api.Reason]int{}}
		p := pass{Term: t, tx: tx, now: due, done: &done}
		if err := p.prepare(ctx); err != nil || done.Fired == 0 {
			return err
		}
		done.Took = time.Since(read)
		return p.hold(ctx, now, read)
	})
	switch {
	case errors.Is(err, errSetBack):
		return plan.Pass{}, nil
	case err != nil:
		return plan.Pass{}, fmt.Errorf("plan ahead: %w", err)
	}
	return done, nil
}

// prepare writes what will be due, and nothing else. Only schedules that can be prepared are locked.
func (p *pass) prepare(ctx context.Context) error {
	rows, err := p.foreseen(ctx)
	if err != nil || len(rows) == 0 {
		return err
	}
	p.asked, err = p.headings(ctx, `ctid = ANY($1::text[]::tid[]) AND retired_at IS NULL`, rows, batchAhead)
	if err != nil || len(p.asked) == 0 {
		return err
	}
	schedules, err := p.specs.of(ctx, p.tx, p.asked)
	if err != nil {
		return err
	}
	var a answers
	for i := range schedules {
		if s := &schedules[i]; s.Foreseen(p.now) && !p.asked[i].Held { // still, now that it is locked
			a.add(s, plan.Decide(*s, nil, p.now), p.now)
		}
	}
	if err := p.write(ctx, &a); err != nil {
		return err
	}
	return p.announce(ctx)
}

// candidate is a schedule that may be prepared, and where its row is. By name, or with the due time beside it, the server held each of a
// thousand rows against a thousand names, whenever it had not counted the table for a while. A row that somebody has changed since is
// somewhere else, and left to the next Pass.
type candidate struct {
	heading
	Row string
}

// foreseen are the rows of those that can be prepared, as it looks without locking any.
func (p *pass) foreseen(ctx context.Context) (found []string, err error) {
	rows, err := p.tx.Query(ctx, `SELECT `+headingColumns+`, ctid::text FROM schedules WHERE look_at = $1 AND retired_at IS NULL ORDER BY look_at, name LIMIT $2`,
		p.now, batchAhead)
	if err != nil {
		return nil, err
	}
	all, err := pgx.CollectRows(rows, pgx.RowToStructByPos[candidate])
	if err != nil {
		return nil, err
	}
	headings := make([]heading, len(all))
	for i := range all {
		headings[i] = all[i].heading
	}
	schedules, err := p.specs.of(ctx, p.tx, headings)
	for i := range schedules {
		if schedules[i].Foreseen(p.now) {
			found = append(found, all[i].Row)
		}
	}
	return found, err
}

// hold until the server's clock, which was at now when it was read, has come to the due time.
func (p *pass) hold(ctx context.Context, now, read time.Time) error {
	for {
		left := p.now.Sub(now)
		if left > longestHold+time.Since(read) {
			return errSetBack
		}
		timer := time.NewTimer(left - time.Since(read))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
		if err := p.tx.QueryRow(ctx, `SELECT clock_timestamp()`).Scan(&now); err != nil {
			return err
		}
		read = time.Now()
		if late := now.Sub(p.now); late >= 0 {
			for i := range p.done.Late {
				p.done.Late[i] = late
			}
			return nil
		}
	}
}
