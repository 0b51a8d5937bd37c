package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
)

// answers are the decisions of one pass, by column.
type answers struct {
	rows            ledger
	names           []string
	next, look      []*time.Time
	release         []*time.Time // now, where something waits
	replace, cancel []string
}

func (a *answers) add(s *plan.Schedule, d plan.Decision, now time.Time) {
	for _, e := range d.Entries {
		a.rows.add(s, e, now)
	}
	a.names, a.next, a.look = append(a.names, s.Name), append(a.next, nullable(d.Next)), append(a.look, nullable(d.LookAt))
	var release time.Time
	if d.Waits() {
		release = now
	}
	a.release = append(a.release, nullable(release))
	if d.Replace {
		a.replace = append(a.replace, s.Name)
	}
	if d.Cancel {
		a.cancel = append(a.cancel, s.Name)
	}
}

// write puts the answers into the ledger and moves the due times on.
func (p *pass) write(ctx context.Context, a *answers) error {
	if err := p.replace(ctx, a.replace); err != nil {
		return err
	}
	if err := p.cancel(ctx, a.cancel); err != nil {
		return err
	}
	var b pgx.Batch
	written := a.rows.insert(&b, p.epoch, p.now)
	b.Queue(`UPDATE schedules s SET next_due = u.next, look_at = u.look, release_at = least(s.release_at, u.release)
		FROM unnest($1::text[], $2::timestamptz[], $3::timestamptz[], $4::timestamptz[]) AS u(name, next, look, release) WHERE s.name = u.name`,
		a.names, a.next, a.look, a.release)
	p.ahead(&b)
	if err := p.tx.SendBatch(ctx, &b).Close(); err != nil {
		return fmt.Errorf("write the ledger and move the next due times: %w", err)
	}
	for i, id := range a.rows.ids {
		if !written[id] { // it was there before, and is left alone
			continue
		}
		if err := p.take(a.rows.schedules[i], &a.rows.fires[i]); err != nil {
			return err
		}
	}
	return nil
}

// take notes what follows from a new row.
func (p *pass) take(s *plan.Schedule, f *api.Fire) error {
	switch f.State {
	case api.Skipped:
		p.done.Count(*f)
		p.ended = append(p.ended, *f)
		return nil
	case api.Waiting:
		p.done.Waiting++
		p.releases = true
		return nil
	}
	p.done.Fired++
	p.done.Late = append(p.done.Late, p.now.Sub(f.Due))
	return p.fire(s, f.ID, f.Due, false, 1, 0)
}
