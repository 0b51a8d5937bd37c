package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// Partition makes the partition of t's hour, unless it is known to be there.
func (s *Store) Partition(ctx context.Context, t time.Time) error {
	hour := t.Unix() / 3600
	if s.known(hour) {
		return nil
	}
	if _, err := s.db.Pool().Exec(ctx, `SELECT logs_partition($1)`, t); err != nil {
		return fmt.Errorf("make the log's partition of %s: %w", t.UTC().Format("2006-01-02 15h"), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hours[hour] = struct{}{}
	return nil
}

func (s *Store) known(hour int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.hours[hour]
	return ok
}

func (s *Store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.hours)
}

func (s *Store) partitions(ctx context.Context, all []record.Record) error {
	for i := range all {
		if all[i].Expired {
			continue
		}
		if err := s.Partition(ctx, all[i].TS); err != nil {
			return err
		}
	}
	return nil
}

// DropBefore drops one partition that ends before t; "" when there is none left. An error that
// pg.IsUnavailable knows may be tried again: somebody was reading.
func (s *Store) DropBefore(ctx context.Context, t time.Time) (name string, err error) {
	var dropped *string
	err = s.db.Pool().QueryRow(ctx, `SELECT logs_drop($1)`, t).Scan(&dropped)
	if err != nil {
		return "", fmt.Errorf("drop a partition of the log: %w", err)
	}
	s.forget()
	if dropped == nil {
		return "", nil
	}
	return *dropped, nil
}

// Forget removes what the log's retention has made meaningless: gaps and ledgers of before, instances
// unheard for a day, leases that ended before. The audit stays.
func (s *Store) Forget(ctx context.Context, before time.Time) error {
	for _, sql := range []string{
		`DELETE FROM gaps WHERE coalesce(to_ts, found_at) < $1 AND found_at < $1`,
		`DELETE FROM ledger WHERE heard_at < $1`,
		`DELETE FROM instances WHERE heard_at < greatest($1, now() - interval '1 day')`,
		`DELETE FROM leases WHERE expires_at < $1`,
	} {
		if _, err := s.db.Pool().Exec(ctx, sql, before); err != nil {
			return fmt.Errorf("remove what is past its retention: %w", err)
		}
	}
	return nil
}

// isNoPartition: the partition was dropped, or never made, between our look and the write.
func isNoPartition(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && e.Code == "23514" && e.ConstraintName == ""
}

// isData: the server refuses a value (22), a limit is exceeded (54), or an index entry is too large.
// What of it is wrong can be found by halving.
func isData(err error) bool {
	var e *pgconn.PgError
	return errors.As(err, &e) && (e.Code[:2] == "22" || e.Code[:2] == "54" || e.Code[:2] == "23")
}
