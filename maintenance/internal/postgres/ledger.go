package postgres

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/ingest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/ledger"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// stream is what a batch brings for one ledger: records, and what its sender says of it.
type stream struct {
	record.Stream
	records []*record.Record
	drops   []drop
	ended   bool
	issued  uint64
	state   ledger.State
}

// place is what a transaction is given for its blocks.
type place struct {
	tx  uint64
	ids []int64
}

// sift locks the ledgers of the batch's streams, in one order for all, and returns what is to be stored, with ids for as
// many blocks as are wanted. It takes two round trips, whatever the number of streams.
func sift(ctx context.Context, tx pg.Tx, all []record.Record, blocks int, res *ingest.Result) ([]*record.Record, place, error) {
	fresh, streams := split(all, res)
	at, err := lock(ctx, tx, streams, blocks)
	if err != nil {
		return nil, at, err
	}
	for _, s := range streams {
		fresh = append(fresh, s.sift(res)...)
	}
	res.Stored = len(fresh)
	return fresh, at, save(ctx, tx, streams)
}

// split takes the records outside the ledger, and the streams of the others in the order in which all lock them.
func split(all []record.Record, res *ingest.Result) (foreign []*record.Record, streams []*stream) {
	known, last := map[record.Stream]*stream{}, &stream{}
	of := func(key record.Stream) *stream {
		if key == last.Stream { // as most are
			return last
		}
		if last = known[key]; last == nil {
			last = &stream{Stream: key}
			known[key], streams = last, append(streams, last)
		}
		return last
	}
	for i := range all {
		r := &all[i]
		switch key, ok := r.Stream(); {
		case ok:
			s := of(key)
			s.records = append(s.records, r)
		case r.Expired:
			res.Expired++
		default:
			foreign = append(foreign, r)
		}
		report(r, of)
	}
	slices.SortFunc(streams, func(a, b *stream) int {
		return cmp.Or(cmp.Compare(a.Service, b.Service), cmp.Compare(a.Instance, b.Instance), cmp.Compare(a.Epoch, b.Epoch), cmp.Compare(a.Class, b.Class))
	})
	for _, s := range streams {
		if !slices.IsSortedFunc(s.records, bySeq) {
			slices.SortStableFunc(s.records, bySeq)
		}
	}
	return foreign, streams
}

func bySeq(a, b *record.Record) int { return cmp.Compare(a.Seq, b.Seq) }

// sift decides about the stream's records.
func (s *stream) sift(res *ingest.Result) (fresh []*record.Record) {
	if len(s.records) > 0 && s.records[0].Expired && s.state.StoredTo == 0 {
		s.state.Begin(s.records[0].Seq)
	}
	for _, d := range s.drops {
		s.state.Drop(d.From, d.To, d.at, d.Reason)
	}
	for _, r := range s.records {
		switch {
		case r.Expired:
			s.state.Refuse(r.Seq, r.TS, ledger.Expired)
			res.Expired++
		case s.state.Take(r.Seq, r.TS):
			fresh = append(fresh, r)
		default:
			res.Duplicates++
		}
	}
	res.Gaps += len(s.state.Opened())
	return fresh
}

// span of the numbers that the batch touches.
func (s *stream) span() (from, to uint64) {
	from = 1 << 62
	for _, r := range s.records {
		from, to = min(from, r.Seq), max(to, r.Seq)
	}
	for _, d := range s.drops {
		from, to = min(from, d.From), max(to, d.To)
	}
	return from, to
}

// keys of the streams, a column each.
func keys(streams []*stream) (service, instance, epoch, class []string) {
	for _, s := range streams {
		service, instance = append(service, s.Service), append(instance, s.Instance)
		epoch, class = append(epoch, s.Epoch), append(class, s.Class)
	}
	return service, instance, epoch, class
}

// lock makes the ledgers that are new, holds their rows until the transaction ends, and reads them.
func lock(ctx context.Context, tx pg.Tx, streams []*stream, blocks int) (at place, err error) {
	batch := &pgx.Batch{}
	if len(streams) > 0 {
		queueLocks(batch, streams)
	}
	batch.Queue(`SELECT pg_current_xact_id()::text::bigint, array(SELECT nextval('logs_id_seq') FROM generate_series(1, $1::int))`, blocks).
		QueryRow(func(row pgx.Row) error { return row.Scan(&at.tx, &at.ids) })
	if err := tx.SendBatch(ctx, batch).Close(); err != nil {
		return at, fmt.Errorf("lock the ledger: %w", err)
	}
	return at, nil
}

func queueLocks(batch *pgx.Batch, streams []*stream) {
	service, instance, epoch, class := keys(streams)
	from, to := make([]int64, len(streams)), make([]int64, len(streams))
	for i, s := range streams {
		low, high := s.span()
		from[i], to[i] = int64(min(low, 1<<62)), int64(min(high, 1<<62))
	}
	batch.Queue(`INSERT INTO ledger AS l (service, instance, epoch, class) SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::text[])
		ON CONFLICT (service, instance, epoch, class) DO UPDATE SET heard_at = greatest(l.heard_at, now())
		RETURNING stored_to, last_ts`, service, instance, epoch, class).Query(func(rows pgx.Rows) error {
		for i := 0; rows.Next(); i++ { // they come back in the order in which they went
			if err := rows.Scan((*seq)(&streams[i].state.StoredTo), (*instant)(&streams[i].state.LastTS)); err != nil {
				return err
			}
		}
		return rows.Err()
	})
	// Behind the locks, so that it sees what their holders before have committed.
	batch.Queue(`SELECT s.place, g.id, g.from_seq, g.to_seq, g.from_ts, g.to_ts, g.cause
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[]) WITH ORDINALITY AS s (service, instance, epoch, class, low, high, place)
		JOIN ledger l USING (service, instance, epoch, class) JOIN gaps g USING (service, instance, epoch, class)
		WHERE (g.from_seq <= s.high + 1 OR g.from_seq > l.stored_to) AND g.to_seq >= least(s.low, l.stored_to + 1) ORDER BY s.place, g.from_seq`,
		service, instance, epoch, class, from, to).Query(func(rows pgx.Rows) error {
		for rows.Next() {
			var g ledger.Gap
			var place int
			if err := rows.Scan(&place, &g.ID, (*seq)(&g.From), (*seq)(&g.To), (*instant)(&g.FromTS), (*instant)(&g.ToTS), &g.Cause); err != nil {
				return err
			}
			streams[place-1].state.Gaps = append(streams[place-1].state.Gaps, g)
		}
		return rows.Err()
	})
}

// save writes what has become of the ledgers.
func save(ctx context.Context, tx pg.Tx, streams []*stream) error {
	if len(streams) == 0 {
		return nil
	}
	batch := &pgx.Batch{}
	service, instance, epoch, class := keys(streams)
	n := len(streams)
	stored, issued, last, closed := make([]int64, n), make([]int64, n), make([]*time.Time, n), make([]bool, n)
	var gone []int64
	for i, s := range streams {
		stored[i], last[i], closed[i] = int64(s.state.StoredTo), moment(s.state.LastTS), s.ended
		issued[i] = int64(min(max(s.state.StoredTo, s.issued), 1<<62))
		gone = append(gone, s.state.Closed...)
	}
	batch.Queue(`UPDATE ledger l SET stored_to = s.stored_to, last_ts = s.last_ts, issued = greatest(l.issued, s.issued), closed = l.closed OR s.closed
		FROM unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[], $7::bigint[], $8::bool[])
			AS s (service, instance, epoch, class, stored_to, last_ts, issued, closed)
		WHERE l.service = s.service AND l.instance = s.instance AND l.epoch = s.epoch AND l.class = s.class`,
		service, instance, epoch, class, stored, last, issued, closed)
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
