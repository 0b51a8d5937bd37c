package postgres

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
)

// maxCauses bounds what one pass reads of outages and windows, the newest of them.
const maxCauses = 1000

// causes why nothing could be fired: outages for all, windows by service; those of "" are for all too.
type causes struct {
	outages []plan.Cause
	windows map[string][]plan.Cause
}

// of a service, windows first.
func (c causes) of(service string) []plan.Cause {
	if len(c.windows) == 0 {
		return c.outages
	}
	return slices.Concat(c.windows[service], c.windows[""], c.outages)
}

// causes that touch the time from since to the pass's now. What was due within the grace is fired whatever went wrong
// before, so outages are read for older ones alone.
func (p *pass) causes(ctx context.Context, since time.Time) (causes, error) {
	rows, err := p.tx.Query(ctx, `SELECT $3 AS reason, service, from_at, until_at FROM windows WHERE until_at > $1 AND from_at <= $2
		UNION ALL SELECT reason, '', from_at, to_at FROM outages WHERE $5 AND from_at <= $2 AND (to_at IS NULL OR to_at > $1)
		ORDER BY 3 DESC LIMIT $4`, since, p.now, api.ReasonWindow, maxCauses, since.Before(p.now.Add(-plan.Grace)))
	if err != nil {
		return causes{}, fmt.Errorf("read outages and windows: %w", err)
	}
	all := causes{windows: map[string][]plan.Cause{}}
	var service string
	var c plan.Cause
	var to *time.Time
	_, err = pgx.ForEachRow(rows, []any{&c.Reason, &service, &c.From, &to}, func() error {
		one := plan.Cause{Reason: c.Reason, From: c.From.UTC()}
		if to != nil {
			one.To = to.UTC()
		}
		if c.Reason == api.ReasonWindow {
			all.windows[service] = append(all.windows[service], one)
		} else {
			all.outages = append(all.outages, one)
		}
		return nil
	})
	if err != nil {
		return causes{}, fmt.Errorf("read outages and windows: %w", err)
	}
	return all, nil
}

// Hold is a pass of a leader that does not plan, for it has not reached the broker for that long: the outage is noted,
// and lasts until the next Pass. Then the misfire policies decide about what was due meanwhile.
func (t *Term) Hold(ctx context.Context, unready time.Duration) error {
	err := t.inTx(ctx, func(tx pgx.Tx, now time.Time) error {
		_, err := tx.Exec(ctx, `INSERT INTO outages (reason, from_at) SELECT $1, $2 WHERE NOT EXISTS (SELECT 1 FROM outages WHERE to_at IS NULL)`,
			api.ReasonBrokerDown, now.Add(-unready))
		return err
	})
	if err != nil {
		return fmt.Errorf("note that the broker is away: %w", err)
	}
	t.down = true
	return nil
}

// Down reports whether an outage of the broker lasts.
func (t *Term) Down() bool { return t.down }

// ready ends the outage that lasts.
func (p *pass) ready(ctx context.Context) error {
	if !p.down {
		return nil
	}
	if _, err := p.tx.Exec(ctx, `UPDATE outages SET to_at = greatest(from_at, $1) WHERE to_at IS NULL`, p.now); err != nil {
		return fmt.Errorf("note that the broker is back: %w", err)
	}
	return nil
}

// Measure counts the fires that have not ended.
func (t *Term) Measure(ctx context.Context) (all []plan.Level, err error) {
	err = t.inTx(ctx, func(tx pgx.Tx, _ time.Time) error {
		rows, err := tx.Query(ctx, `SELECT state, CASE state WHEN 'waiting' THEN reason ELSE '' END, count(*) FROM fires
			WHERE phase IN ('waiting', 'running') GROUP BY 1, 2`)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, pgx.RowToStructByPos[plan.Level])
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count open fires: %w", err)
	}
	return all, nil
}
