package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// again publishes what is to be published again: the next attempt of a handler that failed, and what no queue took at
// its last try; to where its schedule has it go now. What nobody took too often, or until its time was over, has failed,
// and so has what is left of a schedule that is retired: a handler was at work on it then.
func (p *pass) again(ctx context.Context) error {
	if p.done.NextTry.IsZero() || p.done.NextTry.After(p.now) {
		return nil
	}
	p.known = false
	fires, schedules, err := p.retries(ctx)
	if err != nil {
		return fmt.Errorf("read fires to publish again: %w", err)
	}
	for i := range fires {
		f := &fires[i]
		s, alive := schedules[f.Schedule]
		f.RetryAt = nil
		switch {
		case f.State != api.Planned: // its receipt came first
			continue
		case !alive:
			p.giveUp(f, api.ReasonCancelled)
			continue
		case f.Tries >= maxTries || f.Tries > 0 && !f.ExpiresAt.After(p.now):
			p.giveUp(f, api.ReasonNobodyListening)
			continue
		case s.Paused && (!f.Manual || f.Backfill != ""):
			p.putOff(f, s)
			continue
		case f.Tries == 0:
			f.Attempt++
			f.PublishedAt, f.ExpiresAt = nil, p.now.Add(s.Window+s.Deadline)
		}
		if s.Target == timed.TargetPoll {
			f.State, f.PublishedAt, f.Instance = api.Published, &p.now, ""
		}
		p.done.Retried++
		if err := p.fire(&s, f.ID, f.Due, f.Manual, f.Attempt, f.Tries); err != nil {
			return err
		}
	}
	if err := p.rewrite(ctx, fires, schedules); err != nil {
		return fmt.Errorf("note what is published again: %w", err)
	}
	return nil
}

// lookEvery is how often a pass looks whether the pause is over that holds a further attempt.
const lookEvery = time.Minute

// putOff what is to be published again of a paused schedule; its time is not over as long as the pause lasts. What was run by
// hand is not held, for neither is its first attempt.
func (p *pass) putOff(f *plan.Fire, s plan.Schedule) {
	again := p.now.Add(lookEvery)
	f.RetryAt = &again
	if expires := again.Add(s.Window + s.Deadline); expires.After(f.ExpiresAt) {
		f.ExpiresAt = expires
	}
}

func (p *pass) giveUp(f *plan.Fire, reason api.Reason) {
	f.State, f.Reason, f.EndedAt = api.Failed, reason, &p.now
	p.done.Count(f.Fire)
	p.ended = append(p.ended, f.Fire)
	if f.Overlap != timed.OverlapAllow {
		p.freed = append(p.freed, f.Schedule)
	}
}

// retries are the fires whose time has come, and their schedules by name, as far as they are not retired. Nobody is waited for: what somebody else
// holds is being settled, and comes with the next pass if it is still to be published.
func (p *pass) retries(ctx context.Context) ([]plan.Fire, map[string]plan.Schedule, error) {
	rows, err := p.tx.Query(ctx, `SELECT `+ledgerColumns+`, now() FROM fires WHERE retry_at <= $1 ORDER BY retry_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
		p.now, batchRetries)
	if err != nil {
		return nil, nil, err
	}
	var now time.Time
	fires, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (plan.Fire, error) { return scanLedger(row, &now) })
	if err != nil || len(fires) == 0 {
		return nil, nil, err
	}
	var names []string
	for _, f := range fires {
		names = append(names, f.Schedule)
	}
	slices.Sort(names)
	rows, err = p.tx.Query(ctx, `SELECT `+headingColumns+` FROM schedules WHERE name = ANY($1::text[]) AND retired_at IS NULL`, slices.Compact(names))
	if err != nil {
		return nil, nil, err
	}
	headings, err := pgx.CollectRows(rows, scanHeading)
	if err != nil {
		return nil, nil, err
	}
	all, err := p.specs.of(ctx, p.tx, headings)
	schedules := map[string]plan.Schedule{}
	for _, s := range all {
		schedules[s.Name] = s
	}
	return fires, schedules, err
}

func (p *pass) rewrite(ctx context.Context, fires []plan.Fire, schedules map[string]plan.Schedule) error {
	var ids, states, reasons, instances, targets, doneWhen []string
	var attempts []int32
	var deadlines []int64
	var published, ended, retry []*time.Time
	var expires []time.Time
	for i := range fires {
		f, s := &fires[i], schedules[fires[i].Schedule]
		ids, states, reasons = append(ids, f.ID), append(states, string(f.State)), append(reasons, string(f.Reason))
		attempts, instances = append(attempts, int32(f.Attempt)), append(instances, f.Instance)
		published, ended, expires = append(published, f.PublishedAt), append(ended, f.EndedAt), append(expires, f.ExpiresAt)
		retry = append(retry, f.RetryAt)
		if f.State != api.Planned && f.State != api.Published { // nothing of it is published again
			s = plan.Schedule{}
		}
		targets, doneWhen, deadlines = append(targets, s.Target), append(doneWhen, s.DoneWhen), append(deadlines, s.Deadline.Milliseconds())
	}
	_, err := p.tx.Exec(ctx, `UPDATE fires f SET retry_at = u.retry, state = u.state, reason = u.reason, instance = u.instance, attempt = u.attempt,
			published_at = u.published, ended_at = u.ended, expires_at = u.expires, target = coalesce(nullif(u.target, ''), f.target),
			done_when = coalesce(nullif(u.done_when, ''), f.done_when), deadline_ms = coalesce(nullif(u.deadline, 0), f.deadline_ms)
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::int[], $6::timestamptz[], $7::timestamptz[], $8::timestamptz[],
			$9::text[], $10::text[], $11::bigint[], $12::timestamptz[])
			AS u(id, state, reason, instance, attempt, published, ended, expires, target, done_when, deadline, retry)
		WHERE f.id = u.id`, ids, states, reasons, instances, attempts, published, ended, expires, targets, doneWhen, deadlines, retry)
	return err
}
