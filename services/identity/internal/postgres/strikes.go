package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/signalbox-mesh/signalbox/services/identity/internal/session"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Wait is the longest time that any of the keys is still blocked.
func (s *Store) Wait(ctx context.Context, keys []session.Strike, now time.Time) (time.Duration, error) {
	var until *time.Time
	err := s.db.Pool().QueryRow(ctx, `select max(blocked_until) from sign_in_failures where key = any($1)`, hashes(keys)).Scan(&until)
	if err != nil {
		return 0, fmt.Errorf("check failed sign-ins: %w", err)
	}
	if until == nil {
		return 0, nil
	}
	return max(until.Sub(now), 0), nil
}

// Add counts one failure against each key, and blocks those that have no free one left.
func (s *Store) Add(ctx context.Context, keys []session.Strike, now time.Time) error {
	err := s.db.InTx(ctx, func(tx pg.Tx) error {
		for _, k := range keys { // always the name first: no deadlock
			if err := addStrike(ctx, tx, k, now); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("count failed sign-in: %w", err)
	}
	return nil
}

func addStrike(ctx context.Context, tx pg.Tx, k session.Strike, now time.Time) error {
	_, err := tx.Exec(ctx, `insert into sign_in_failures as f (key, failures, failed_at) values ($1, 1, $2)
		on conflict (key) do update set failed_at = excluded.failed_at,
			failures = case when f.failed_at < excluded.failed_at - interval '1 hour' then 1 else f.failures + 1 end`, k.Key, now)
	if err != nil {
		return err
	}
	_, err = tx.Exec(ctx, `update sign_in_failures
		set blocked_until = $3::timestamptz + make_interval(secs => least(900, power(2, least(failures - $2::int, 10))))
		where key = $1 and failures >= $2::int`, k.Key, k.Free, now)
	return err
}

// Forget clears a key after a success.
func (s *Store) Forget(ctx context.Context, key []byte) error {
	if _, err := s.db.Pool().Exec(ctx, `delete from sign_in_failures where key = $1`, key); err != nil {
		return fmt.Errorf("forget failed sign-ins: %w", err)
	}
	return nil
}

func hashes(keys []session.Strike) [][]byte {
	all := make([][]byte, len(keys))
	for i, k := range keys {
		all[i] = k.Key
	}
	return all
}
