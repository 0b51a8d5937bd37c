package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/block"
)

// Partition makes the partitions of t's hour, unless they are known to be there.
func (s *Store) Partition(ctx context.Context, t time.Time) error {
	for _, tier := range block.Tiers {
		if err := s.partition(ctx, tier, t.Unix()-t.Unix()%3600); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) partition(ctx context.Context, tier block.Tier, hour int64) error {
	at := shelf{hour: hour, class: tier}
	if s.known(at) {
		return nil
	}
	t := time.Unix(hour, 0).UTC()
	if _, err := s.db.Pool().Exec(ctx, `SELECT logs_partition($1, $2)`, int16(tier), t); err != nil {
		return fmt.Errorf("make the log's partition of %s: %w", t.Format("2006-01-02 15h"), err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.partitions[at] = struct{}{}
	return nil
}

func (s *Store) known(at shelf) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.partitions[at]
	return ok
}

func (s *Store) forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	clear(s.partitions)
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
