package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Partition of the log: the blocks of one class and one hour.
type Partition struct {
	Class block.Tier
	Hour  time.Time
	Bytes int64 // with its indexes and its long values, without what lies among the fresh blocks
}

// Partitions that there are, in the order in which they are dropped: the oldest hour first, and of an hour the lowest
// class; those too of which only fresh blocks are there. all is what the whole log occupies.
func (s *Store) Partitions(ctx context.Context) (parts []Partition, all int64, err error) {
	rows, err := s.db.Pool().Query(ctx, `WITH found AS (
			SELECT array_position(ARRAY['debug', 'info', 'warn', 'error'], split_part(c.relname, '_', 3)) - 1 AS class,
				to_timestamp(right(c.relname, 10) || ' +00', 'YYYYMMDDHH24 TZH') AS hour, pg_total_relation_size(c.oid) AS bytes
			FROM pg_class c WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r' AND c.relname ~ '^log_blocks_[a-z]+_[0-9]{10}$'
			UNION ALL
			SELECT DISTINCT class, hour, 0 FROM log_directory WHERE tier = 9
			UNION ALL
			SELECT -1, NULL, pg_total_relation_size('log_directory') + pg_total_relation_size('log_blocks_fresh')
		) SELECT class, coalesce(hour, 'epoch'), sum(bytes)::bigint FROM found WHERE bytes IS NOT NULL GROUP BY class, hour ORDER BY hour, class`)
	if err != nil {
		return nil, 0, fmt.Errorf("list the log's partitions: %w", err)
	}
	found, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Partition])
	if err != nil {
		return nil, 0, fmt.Errorf("list the log's partitions: %w", err)
	}
	for _, p := range found {
		if all += p.Bytes; p.Class >= 0 {
			p.Hour = p.Hour.UTC()
			parts = append(parts, p)
		}
	}
	return parts, all, nil
}

// Drop drops a class of an hour, and reports whether there was anything. An error that pg.IsUnavailable knows may be
// tried again: somebody was reading.
func (s *Store) Drop(ctx context.Context, class block.Tier, hour time.Time) (dropped bool, err error) {
	err = s.db.Pool().QueryRow(ctx, `SELECT logs_drop($1, $2)`, int16(class), hour).Scan(&dropped)
	if err != nil {
		return false, fmt.Errorf("drop a partition of the log: %w", err)
	}
	s.forget()
	return dropped, nil
}

// DropService drops blocks of a service and a class whose hours end before t, at most 1000, and returns how many.
func (s *Store) DropService(ctx context.Context, service string, class block.Tier, t time.Time) (blocks int, err error) {
	err = s.db.Pool().QueryRow(ctx, `SELECT logs_drop_service($1, $2, $3)`, service, int16(class), t).Scan(&blocks)
	if err != nil {
		return 0, fmt.Errorf("drop blocks of %s: %w", service, err)
	}
	return blocks, nil
}

// Written takes the bytes of texts that this replica has stored since the last call, when they are n or more; else 0.
func (s *Store) Written(n int64) (bytes int64) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.written < n {
		return 0
	}
	bytes, s.written = s.written, 0
	return bytes
}

// Forget removes what the log's retention has made meaningless: gaps of before, ledgers of twice as long ago, since a
// spool that lay about may still go on where its ledger ends; instances unheard for a day, leases that ended before; what is past
// of an instance and its checks, when its own time is over. The audit stays.
func (s *Store) Forget(ctx context.Context, before time.Time) error {
	twice := before.Add(-time.Since(before))
	for _, todo := range []struct {
		sql  string
		when time.Time
	}{
		{`DELETE FROM gaps WHERE coalesce(to_ts, found_at) < $1 AND found_at < $1`, before},
		{`DELETE FROM instances WHERE heard_at < greatest($1, now() - interval '1 day')`, before},
		{`DELETE FROM instance_samples WHERE at < $1`, time.Now().Add(-fleet.SamplesKept)},
		{`DELETE FROM check_changes WHERE at < $1`, time.Now().Add(-fleet.ChangesKept)},
	} {
		if _, err := s.db.Pool().Exec(ctx, todo.sql, todo.when); err != nil {
			return fmt.Errorf("remove what is past its retention: %w", err)
		}
	}
	if err := s.forgetStreams(ctx, twice); err != nil {
		return fmt.Errorf("remove what is past its retention: %w", err)
	}
	return nil
}

// forgetStreams removes those unheard since then, with their ledgers. It holds them first, as whoever writes does, and looks
// again then: one that is heard of meanwhile stays.
func (s *Store) forgetStreams(ctx context.Context, since time.Time) error {
	return s.db.InTx(ctx, func(tx pg.Tx) error {
		rows, err := tx.Query(ctx, `SELECT t.id FROM streams t JOIN ledger l ON l.stream = t.id WHERE l.heard_at < $1 FOR UPDATE OF t SKIP LOCKED`, since)
		if err != nil {
			return err
		}
		held, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil || len(held) == 0 {
			return err
		}
		_, err = tx.Exec(ctx, `WITH gone AS (DELETE FROM ledger WHERE stream = ANY ($1) AND heard_at < $2 RETURNING stream)
			DELETE FROM streams WHERE id IN (SELECT stream FROM gone)`, held, since)
		return err
	})
}
