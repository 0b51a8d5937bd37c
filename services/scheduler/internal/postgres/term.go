package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"
)

// ErrDeposed means that a newer leader has been elected: this term may write nothing any more.
var ErrDeposed = errors.New("a newer leader has been elected")

// Frozen is how long a leader's session may be silent before another replica ends it. A leader talks to
// the server at least once a second.
const Frozen = 3 * time.Second

// Term is one leadership. Its lock and everything it writes share one session: when the session is lost, so
// is the term, at once. Not safe for concurrent use.
type Term struct {
	store *Store
	conn  *pgx.Conn
	epoch int64
	specs specs
}

// Campaign tries to become the leader. It returns nil without an error when somebody else leads; a leader
// whose session has been silent for Frozen is ended on the way, so that the next try succeeds.
func (s *Store) Campaign(ctx context.Context, instance string) (*Term, error) {
	pooled, err := s.db.Pool().Acquire(ctx)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	key := lockKey(s.db.Schema())
	var won bool
	if err := pooled.QueryRow(ctx, `SELECT pg_try_advisory_lock($1)`, key).Scan(&won); err != nil {
		_ = pooled.Conn().Close(ctx) // the lock may be held: it must go with the session
		pooled.Release()
		return nil, fmt.Errorf("take the leader's lock: %w", err)
	}
	if !won {
		defer pooled.Release()
		return nil, endFrozen(ctx, pooled.Conn(), key)
	}
	t := &Term{store: s, conn: pooled.Hijack()}
	if err := t.begin(ctx, instance); err != nil {
		_ = t.Close(ctx)
		return nil, err
	}
	return t, nil
}

func (t *Term) begin(ctx context.Context, instance string) error {
	err := t.conn.QueryRow(ctx, `UPDATE leader SET epoch = epoch + 1, instance = $1, since = now() RETURNING epoch`, instance).Scan(&t.epoch)
	if err != nil {
		return fmt.Errorf("begin a term: %w", err)
	}
	return nil
}

// endFrozen ends the session that holds the lock if it has been silent for too long: its process is stopped
// or cut off. pg_terminate_backend is allowed among sessions of one role.
func endFrozen(ctx context.Context, conn *pgx.Conn, key int64) error {
	_, err := conn.Exec(ctx, `
		SELECT pg_terminate_backend(l.pid)
		FROM pg_locks l JOIN pg_stat_activity a USING (pid)
		WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
		  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
		  AND (l.classid::bigint << 32) | l.objid::bigint = $1
		  AND a.state_change < clock_timestamp() - $2::bigint * interval '1 millisecond'`,
		key, Frozen.Milliseconds())
	if err != nil {
		return fmt.Errorf("end a frozen leader: %w", err)
	}
	return nil
}

// lockKey is derived from the schema's name, so that several environments can share a server; it is positive,
// as pg_locks shows it in two unsigned halves.
func lockKey(schema string) int64 {
	h := fnv.New64a()
	_, _ = h.Write([]byte("signalbox/leader/" + schema))
	return int64(h.Sum64() >> 1)
}

// Epoch of the term: each is higher than all before.
func (t *Term) Epoch() int64 { return t.epoch }

// Close ends the term; the lock goes with the session.
func (t *Term) Close(ctx context.Context) error {
	if err := t.conn.Close(ctx); err != nil {
		return fmt.Errorf("close the leader's session: %w", err)
	}
	return nil
}

// inTx runs fn in a transaction of the term's session that no newer term can overlap: the shared row lock
// holds the next leader's first write back until this transaction has ended.
// now is the server's clock.
func (t *Term) inTx(ctx context.Context, fn func(tx pgx.Tx, now time.Time) error) error {
	return pgx.BeginFunc(ctx, t.conn, func(tx pgx.Tx) error {
		var current int64
		var now time.Time
		if err := tx.QueryRow(ctx, `SELECT epoch, clock_timestamp() FROM leader FOR SHARE`).Scan(&current, &now); err != nil {
			return fmt.Errorf("read the leader's epoch: %w", err)
		}
		if current != t.epoch {
			return fmt.Errorf("epoch %d against %d: %w", t.epoch, current, ErrDeposed)
		}
		return fn(tx, now.UTC())
	})
}
