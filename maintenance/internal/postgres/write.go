package postgres

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/ingest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Write stores the records that are new, in one transaction with the ledger. After an error nothing of
// the batch, or all of it, is stored: send it again. A record that the server refuses is stored as a
// note of itself, and keeps its neighbours from nothing.
func (s *Store) Write(ctx context.Context, all []record.Record) (ingest.Result, error) {
	if err := s.partitions(ctx, all); err != nil {
		return ingest.Result{}, err
	}
	res, err := s.write(ctx, all)
	if isNoPartition(err) {
		s.forget()
		if err := s.partitions(ctx, all); err != nil {
			return ingest.Result{}, err
		}
		res, err = s.write(ctx, all)
	}
	if isData(err) && !isNoPartition(err) {
		return s.halve(ctx, all, err)
	}
	return res, err
}

func (s *Store) halve(ctx context.Context, all []record.Record, cause error) (ingest.Result, error) {
	if len(all) == 1 {
		return s.write(ctx, []record.Record{note(all[0], cause)})
	}
	slices.SortStableFunc(all, func(a, b record.Record) int { return cmp.Compare(a.Seq, b.Seq) })
	first, err := s.Write(ctx, all[:len(all)/2])
	if err != nil {
		return first, err
	}
	second, err := s.Write(ctx, all[len(all)/2:])
	return first.Plus(second), err
}

// note keeps of a record what cannot be refused.
func note(r record.Record, cause error) record.Record {
	attrs, _ := json.Marshal(map[string]string{"signalbox.refused": cause.Error()})
	return record.Record{
		TS: r.TS, Level: max(min(r.Level, 64), -64), Service: r.Service, Instance: r.Instance, Epoch: r.Epoch, Class: r.Class, Seq: r.Seq,
		Logger: "signalbox", Msg: "a record that the store refuses", Attrs: attrs, Expired: r.Expired,
	}
}

func (s *Store) write(ctx context.Context, all []record.Record) (res ingest.Result, err error) {
	err = s.db.InTx(ctx, func(tx pg.Tx) error {
		res = ingest.Result{}
		fresh, err := s.sift(ctx, tx, all, &res)
		if err != nil {
			return err
		}
		if err := closeEnded(ctx, tx, fresh); err != nil {
			return err
		}
		return s.insert(ctx, tx, fresh)
	})
	if err != nil {
		return ingest.Result{}, fmt.Errorf("store %d log records: %w", len(all), err)
	}
	return res, nil
}

func (s *Store) insert(ctx context.Context, tx pg.Tx, all []*record.Record) error {
	if len(all) == 0 {
		return nil
	}
	columns := []string{"ts", "level", "service", "instance", "logger", "msg", "attrs", "trace_id", "span_id",
		"epoch", "class", "seq", "version", "environment", "cluster", "namespace", "node"}
	_, err := tx.CopyFrom(ctx, pgx.Identifier{"logs"}, columns, pgx.CopyFromSlice(len(all), func(i int) ([]any, error) {
		r := all[i]
		return []any{r.TS, int16(r.Level), r.Service, r.Instance, r.Logger, r.Msg, []byte(r.Attrs), null(r.TraceID), null(r.SpanID),
			null(r.Epoch), null(r.Class), null(int64(r.Seq)), null(r.Version), null(r.Environment),
			null(r.Cluster), null(r.Namespace), null(r.Node)}, nil
	}))
	return err
}

// null is nil for a zero value: what was not given is NULL in the log.
func null[T comparable](v T) *T {
	var zero T
	if v == zero {
		return nil
	}
	return &v
}
