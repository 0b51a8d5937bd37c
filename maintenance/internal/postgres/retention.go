package postgres

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// Partition of the log: the blocks of one class and one hour.
type Partition struct {
	Class block.Tier
	Hour  time.Time
	Bytes int64 // with its indexes and its long values
}

// Partitions that there are, in the order in which they are dropped: the oldest hour first, and of an hour the lowest class.
// all is what the whole log occupies.
func (s *Store) Partitions(ctx context.Context) (parts []Partition, all int64, err error) {
	rows, err := s.db.Pool().Query(ctx, `SELECT i.inhparent::regclass::text, right(c.relname, 10), pg_total_relation_size(c.oid)
		FROM pg_class c JOIN pg_inherits i ON i.inhrelid = c.oid JOIN pg_class p ON p.oid = i.inhparent
		WHERE c.relnamespace = current_schema()::regnamespace AND p.relname ~ '^log_blocks_(debug|info|warn|error)$' AND c.relkind = 'r'
			AND pg_total_relation_size(c.oid) IS NOT NULL
		ORDER BY 2, p.relname = 'log_blocks_error', p.relname = 'log_blocks_warn', p.relname = 'log_blocks_info'`)
	if err != nil {
		return nil, 0, fmt.Errorf("list the log's partitions: %w", err)
	}
	parts, err = pgx.CollectRows(rows, scanPartition)
	if err != nil {
		return nil, 0, fmt.Errorf("list the log's partitions: %w", err)
	}
	err = s.db.Pool().QueryRow(ctx, `SELECT pg_total_relation_size('log_directory') + pg_total_relation_size('log_blocks_fresh')`).Scan(&all)
	if err != nil {
		return nil, 0, fmt.Errorf("measure the log: %w", err)
	}
	for _, p := range parts {
		all += p.Bytes
	}
	return parts, all, nil
}

func scanPartition(row pgx.CollectableRow) (p Partition, err error) {
	var parent, hour string
	if err := row.Scan(&parent, &hour, &p.Bytes); err != nil {
		return p, err
	}
	for _, tier := range block.Tiers {
		if strings.HasSuffix(parent, tier.String()) {
			p.Class = tier
		}
	}
	p.Hour, err = time.Parse("2006010215", hour)
	return p, err
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
// spool that lay about may still go on where its ledger ends; instances unheard for a day, leases that ended before. The audit stays.
func (s *Store) Forget(ctx context.Context, before time.Time) error {
	twice := before.Add(-time.Since(before))
	for _, todo := range []struct {
		sql  string
		when time.Time
	}{
		{`DELETE FROM gaps WHERE coalesce(to_ts, found_at) < $1 AND found_at < $1`, before},
		{`DELETE FROM ledger WHERE heard_at < $1`, twice},
		{`DELETE FROM instances WHERE heard_at < greatest($1, now() - interval '1 day')`, before},
		{`DELETE FROM leases WHERE expires_at < $1`, before},
	} {
		if _, err := s.db.Pool().Exec(ctx, todo.sql, todo.when); err != nil {
			return fmt.Errorf("remove what is past its retention: %w", err)
		}
	}
	return nil
}
