package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/ledger"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// lock makes the streams that are new, holds their rows until the transaction ends, and reads their ledgers.
func lock(ctx context.Context, tx pg.Tx, streams []*stream, blocks int) (at place, err error) {
	batch := &pgx.Batch{}
	if len(streams) > 0 {
		queueLocks(batch, streams)
		queueLedgers(batch, streams)
	}
	batch.Queue(`SELECT pg_current_xact_id()::text::bigint, array(SELECT nextval('logs_id_seq') FROM generate_series(1, $1::int))`, blocks).
		QueryRow(func(row pgx.Row) error { return row.Scan(&at.tx, &at.ids) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return at, fmt.Errorf("lock the ledger: %w", err)
	}
	return at, nil
}

// byIndex has the rest of the transaction find rows by their indexes. A plan that was made while a table was small would read
// all of it for ever, with everything that a transaction held open keeps of it.
const byIndex = `set_config('enable_seqscan', 'off', true), set_config('enable_bitmapscan', 'off', true),
	set_config('enable_hashjoin', 'off', true), set_config('enable_mergejoin', 'off', true)`

// queueLocks holds the rows of the streams, in their order. Those that are new have a ledger then. A row is held by a change
// that is not made: so no version of it is left behind.
func queueLocks(batch *pgx.Batch, streams []*stream) {
	service, instance, epoch, class := keys(streams)
	batch.Queue(`SELECT ` + byIndex)
	batch.Queue(`WITH made AS (
			INSERT INTO streams (service, instance, epoch, class) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
			ON CONFLICT (service, instance, epoch, class) DO UPDATE SET class = excluded.class WHERE false RETURNING id)
		INSERT INTO ledger (stream) SELECT id FROM made`, service, instance, epoch, class)
}

// queueLedgers reads the ledgers, and the gaps that the batch can touch. It stands behind the locks, so that it sees what
// their holders before have committed.
func queueLedgers(batch *pgx.Batch, streams []*stream) {
	service, instance, epoch, class := keys(streams)
	from, to := make([]int64, len(streams)), make([]int64, len(streams))
	for i, s := range streams {
		low, high := s.span()
		from[i], to[i] = int64(min(low, 1<<62)), int64(min(high, 1<<62))
	}
	batch.Queue(`SELECT s.place, l.stream, l.version, l.stored_to, l.last_ts, g.id, g.from_seq, g.to_seq, g.from_ts, g.to_ts, g.cause
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) WITH ORDINALITY AS s (service, instance, epoch, class, low, high, place)
		JOIN streams t USING (service, instance, epoch, class)
		CROSS JOIN LATERAL (SELECT * FROM ledger WHERE stream = t.id ORDER BY version DESC LIMIT 1) l
		LEFT JOIN gaps g ON g.service = t.service AND g.instance = t.instance AND g.epoch = t.epoch AND g.class = t.class
			AND (g.from_seq <= s.high + 1 OR g.from_seq > l.stored_to) AND g.to_seq >= least(s.low, l.stored_to + 1)
		ORDER BY s.place, g.from_seq`, service, instance, epoch, class, from, to).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			if err := scanLedger(rows, streams); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// scanLedger reads a stream's ledger, with one gap of it, or none.
func scanLedger(rows pgx.Rows, streams []*stream) error {
	var at, id, version int64
	var g ledger.Gap
	var gap *int64
	var cause *string
	var stored seq
	var last instant
	if err := rows.Scan(&at, &id, &version, &stored, &last, &gap, (*seq)(&g.From), (*seq)(&g.To), (*instant)(&g.FromTS), (*instant)(&g.ToTS), &cause); err != nil {
		return err
	}
	s := streams[at-1]
	s.id, s.version, s.state.StoredTo, s.state.LastTS = id, version, uint64(stored), time.Time(last)
	if gap != nil {
		g.ID, g.Cause = *gap, *cause
		s.state.Gaps = append(s.state.Gaps, g)
	}
	return nil
}

// hold notes what is said of the streams, and that they were heard of.
func hold(ctx context.Context, tx pg.Tx, streams []*stream) error {
	if len(streams) == 0 {
		return nil
	}
	if _, err := lock(ctx, tx, streams, 0); err != nil {
		return err
	}
	return save(ctx, tx, streams)
}

// save writes what has become of the ledgers.
func save(ctx context.Context, tx pg.Tx, streams []*stream) error {
	if len(streams) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	n := len(streams)
	id, version, stored, issued := make([]int64, n), make([]int64, n), make([]int64, n), make([]int64, n)
	last, closed := make([]*time.Time, n), make([]bool, n)
	var gone []int64
	for i, s := range streams {
		id[i], version[i] = s.id, s.version
		stored[i], last[i], closed[i] = int64(s.state.StoredTo), moment(s.state.LastTS), s.ended
		issued[i] = int64(min(max(s.state.StoredTo, s.issued), 1<<62))
		gone = append(gone, s.state.Closed...)
	}
	batch.Queue(`SELECT ledger_save($1, $2, $3, $4, $5, $6)`, id, version, stored, last, issued, closed)
	if len(gone) > 0 {
		batch.Queue(`DELETE FROM gaps WHERE id = ANY ($1)`, gone)
	}
	for _, s := range streams {
		for _, g := range s.state.Opened() {
			batch.Queue(`INSERT INTO gaps (service, instance, epoch, class, from_seq, to_seq, from_ts, to_ts, cause) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
				s.Service, s.Instance, s.Epoch, s.Class, int64(g.From), int64(g.To), moment(g.FromTS), moment(g.ToTS), g.Cause)
		}
	}
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return fmt.Errorf("save the ledger: %w", err)
	}
	return nil
}

// seq reads a bigint as a sequence number.
type seq uint64

// ScanInt64 implements pgtype.Int64Scanner.
func (s *seq) ScanInt64(v pgtype.Int8) error { *s = seq(v.Int64); return nil }

// instant reads a time; the zero time for NULL.
type instant time.Time

// ScanTimestamptz implements pgtype.TimestamptzScanner.
func (i *instant) ScanTimestamptz(v pgtype.Timestamptz) error { *i = instant(v.Time); return nil }

// moment is nil where there is none.
func moment(t time.Time) *time.Time {
	if t.IsZero() || t.Unix() == 0 {
		return nil
	}
	return &t
}
