package postgres

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/plan"
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
	down  bool // an outage of the broker is noted, and lasts
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

// noLeader is how long nobody must have led to be a reason. What was due at the begin of it is late by more than the grace
// only if the first pass is late too, and then it is the reason all the same.
const noLeader = plan.Grace / 2

// begin writes the term down. When the last one was not seen for longer than noLeader, the time between was without a
// leader.
func (t *Term) begin(ctx context.Context, instance string) error {
	err := pgx.BeginFunc(ctx, t.conn, func(tx pgx.Tx) error {
		var since time.Time
		err := tx.QueryRow(ctx, `UPDATE leader SET epoch = epoch + 1, instance = $1, since = clock_timestamp() RETURNING epoch, since`, instance).
			Scan(&t.epoch, &since)
		if err != nil {
			return err
		}
		var b pgx.Batch
		b.Queue(`INSERT INTO outages (reason, from_at, to_at) SELECT $1, seen_at, $2 FROM (SELECT seen_at FROM terms ORDER BY epoch DESC LIMIT 1) AS last
			WHERE seen_at < $3`, api.ReasonNoLeader, since, since.Add(-noLeader))
		b.Queue(`INSERT INTO terms (epoch, instance, since, seen_at) VALUES ($1, $2, $3, $3)`, t.epoch, instance, since)
		b.Queue(`SELECT EXISTS (SELECT 1 FROM outages WHERE to_at IS NULL)`).QueryRow(func(row pgx.Row) error { return row.Scan(&t.down) })
		return tx.SendBatch(ctx, &b).Close()
	})
	if err == nil {
		_, err = t.conn.Exec(ctx, `LISTEN `+pgx.Identifier{t.store.channel()}.Sanitize())
	}
	if err != nil {
		return fmt.Errorf("begin a term: %w", err)
	}
	return nil
}

// leading selects the session that holds the leader's lock, whose key is $1. pg_terminate_backend is allowed among
// sessions of one role.
const leading = `FROM pg_locks l JOIN pg_stat_activity a USING (pid)
	WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
	  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
	  AND (l.classid::bigint << 32) | l.objid::bigint = $1 `

// endFrozen ends the session that holds the lock if it has been silent for too long: its process is stopped or cut off.
func endFrozen(ctx context.Context, conn *pgx.Conn, key int64) error {
	_, err := conn.Exec(ctx, `SELECT pg_terminate_backend(l.pid) `+leading+`
		AND a.state_change < clock_timestamp() - $2::bigint * interval '1 millisecond'`, key, Frozen.Milliseconds())
	if err != nil {
		return fmt.Errorf("end a frozen leader: %w", err)
	}
	return nil
}

// Relieve ends the session of a leader that holds for want of its bus, if there is one: true. The caller's own bus is
// ready, and it stands for election. A leader that has just begun is left alone: its first pass ends the outage.
func (s *Store) Relieve(ctx context.Context) (relieved bool, err error) {
	err = s.db.Pool().QueryRow(ctx, `SELECT count(pg_terminate_backend(l.pid)) > 0 `+leading+`
		AND EXISTS (SELECT 1 FROM outages WHERE reason = $2 AND to_at IS NULL)
		AND EXISTS (SELECT 1 FROM leader WHERE since < clock_timestamp() - interval '2 s')`, lockKey(s.db.Schema()), api.ReasonBrokerDown).Scan(&relieved)
	if err != nil {
		return false, fmt.Errorf("relieve a leader without a bus: %w", err)
	}
	return relieved, nil
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

// Woken returns nil when somebody wants a pass: something has ended that others wait for. It returns ctx's error when that
// ends first, and any other when the session is lost, and the term with it.
func (t *Term) Woken(ctx context.Context) error {
	_, err := t.conn.WaitForNotification(ctx)
	over, cancel := context.WithCancel(ctx)
	cancel()
	for more := err; more == nil; { // one pass is for all that came
		_, more = t.conn.WaitForNotification(over)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// inTx runs fn in a transaction of the term's session that no newer term can overlap: the shared row lock
// holds the next leader's first write back until this transaction has ended. It notes, at most once a second, that the
// term was seen at work.
// now is the server's clock.
func (t *Term) inTx(ctx context.Context, fn func(tx pgx.Tx, now time.Time) error) error {
	return pgx.BeginFunc(ctx, t.conn, func(tx pgx.Tx) error {
		var current int64
		var now time.Time
		if err := tx.QueryRow(ctx, `WITH seen AS (
				UPDATE terms SET seen_at = clock_timestamp() WHERE epoch = $1 AND seen_at < clock_timestamp() - interval '1 s')
			SELECT epoch, clock_timestamp() FROM leader FOR SHARE`, t.epoch).Scan(&current, &now); err != nil {
			return fmt.Errorf("read the leader's epoch: %w", err)
		}
		if current != t.epoch {
			return fmt.Errorf("epoch %d against %d: %w", t.epoch, current, ErrDeposed)
		}
		return fn(tx, now.UTC())
	})
}
