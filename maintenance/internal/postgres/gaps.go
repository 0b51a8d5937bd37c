package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Gaps lists the holes that meet [since, until), newest first: those that the ledger holds, and those
// that show only in runs that have ended: without a last word, or with records that never arrived.
func (s *Store) Gaps(ctx context.Context, scope logs.Scope, since, until time.Time, limit int) (gaps []logs.Gap, err error) {
	w := &where{}
	w.and("coalesce(to_ts, now()) >= %s", since)
	w.and("coalesce(from_ts, to_ts) < %s", until)
	w.scope(scope)
	silent := "now() - make_interval(secs => " + w.arg(fleet.Lost.Seconds()) + ")"
	sql := `SELECT service, instance, epoch, class, from_seq, to_seq, from_ts, to_ts, cause FROM (
		SELECT service, instance, epoch, class, from_seq, to_seq, from_ts, to_ts, cause FROM gaps
		UNION ALL
		SELECT t.service, t.instance, t.epoch, t.class, stored_to + 1, CASE WHEN issued > stored_to THEN issued ELSE 0 END, last_ts, heard_at,
			CASE WHEN closed THEN '` + logs.NotArrived + `' ELSE '` + logs.TailUnknown + `' END
		FROM ledger l JOIN streams t ON t.id = l.stream WHERE heard_at < ` + silent + ` AND (NOT closed OR issued > stored_to)
	) all_gaps WHERE ` + w.String() + ` ORDER BY coalesce(to_ts, now()) DESC, service, instance, class, from_seq LIMIT ` + w.arg(limit)
	err = s.bounded(ctx, 0, func(tx pg.Tx) error {
		rows, err := tx.Query(ctx, sql, w.args...)
		if err != nil {
			return err
		}
		gaps, err = pgx.CollectRows(rows, scanGap)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list the gaps: %w", err)
	}
	return gaps, nil
}

func scanGap(row pgx.CollectableRow) (logs.Gap, error) {
	var g logs.Gap
	var from, to int64
	err := row.Scan(&g.Service, &g.Instance, &g.Epoch, &g.Class, &from, &to, &g.FromTS, &g.ToTS, &g.Cause)
	g.FromSeq, g.ToSeq = uint64(from), uint64(to)
	return g, err
}
