package postgres

import (
	"encoding/hex"
	"slices"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// sketch is the plainest layout of blocks: an array a column, nothing else. What figures of other lines of the log are
// worth shows in what it takes of today's.
const sketch = `CREATE TABLE sketch (service text NOT NULL, from_ts timestamptz NOT NULL, to_ts timestamptz NOT NULL, instance text NOT NULL,
	ts timestamptz[] COMPRESSION lz4, level smallint[] COMPRESSION lz4, seq bigint[] COMPRESSION lz4, logger text[] COMPRESSION lz4, msg text[] COMPRESSION lz4,
	attrs text[] COMPRESSION lz4, trace_id bytea[] COMPRESSION lz4, span_id bytea[] COMPRESSION lz4); CREATE INDEX ON sketch (service, from_ts)`

// sketched is the number of records of its blocks.
const sketched = 1500

// BenchmarkSketch measures what records take at rest in the sketch, and what our columns take.
func BenchmarkSketch(b *testing.B) {
	for name, of := range map[string]func(uint64) *loglines.Source{"random": loglines.Random, "template": loglines.Template} {
		b.Run(name, func(b *testing.B) {
			server := pgtest.Server(b)
			batches := prepared(of(1))
			for b.Loop() {
				b.Logf("METRIC sketch_%s_bytes_per_record=%.1f limit=0 (nothing to keep to)", name, benchSketch(b, server, slices.Concat(batches...)))
				benchColumns(b, server, name, batches)
			}
		})
	}
}

func benchSketch(b *testing.B, server *postgres.Server, all []record.Record) (bytes float64) {
	b.Helper()
	db := pgtest.On(b, server, "sketch")
	d, err := pg.Open(pg.Settings{URL: db.OwnerURL("sketch"), OwnerURL: db.OwnerURL("sketch"), Schema: "sketch"})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Pool().Exec(b.Context(), sketch); err != nil {
		b.Fatal(err)
	}
	blocks := slices.Collect(slices.Chunk(all, sketched))
	columns := []string{"service", "from_ts", "to_ts", "instance", "ts", "level", "seq", "logger", "msg", "attrs", "trace_id", "span_id"}
	_, err = d.Pool().CopyFrom(b.Context(), pgx.Identifier{"sketch"}, columns, pgx.CopyFromSlice(len(blocks), func(i int) ([]any, error) {
		return sketchOf(blocks[i]), nil
	}))
	if err != nil {
		b.Fatal(err)
	}
	err = d.Pool().QueryRow(b.Context(), `SELECT pg_total_relation_size('sketch')::float8 / $1`, float64(len(all))).Scan(&bytes)
	if err != nil {
		b.Fatal(err)
	}
	return bytes
}

func sketchOf(all []record.Record) []any {
	var ts []time.Time
	var levels []int16
	var seqs []int64
	var loggers, msgs, attrs []string
	var traces, spans [][]byte
	for i := range all {
		r := &all[i]
		trace, _ := hex.DecodeString(r.TraceID)
		span, _ := hex.DecodeString(r.SpanID)
		ts, levels, seqs = append(ts, r.TS), append(levels, int16(r.Level)), append(seqs, int64(r.Seq))
		loggers, msgs, attrs = append(loggers, r.Logger), append(msgs, r.Msg), append(attrs, string(r.Attrs))
		traces, spans = append(traces, trace), append(spans, span)
	}
	return []any{all[0].Service, ts[0], ts[len(ts)-1], all[0].Instance, ts, levels, seqs, loggers, msgs, attrs, traces, spans}
}

// benchColumns prints what columns take a record, as they lie there.
func benchColumns(b *testing.B, server *postgres.Server, name string, batches [][]record.Record) {
	b.Helper()
	db := pgtest.On(b, server, "maintenance")
	s, d := opened(b, db)
	for _, batch := range batches {
		if _, err := s.Write(b.Context(), slices.Clone(batch)); err != nil {
			b.Fatal(err)
		}
	}
	for what, columns := range map[string][]string{"messages": {"words", "msg"}, "words": {"words"}, "attributes": {"shapes", "shape", "field_values", "field_codes"},
		"traces": {"traces", "trace"}, "spans": {"span"}, "times": {"ts"}, "filters": {"filter"}} {
		sum, bytes := "", 0.0
		for _, c := range columns {
			sum += " + coalesce(pg_column_size(" + c + "), 0)"
		}
		if err := d.Pool().QueryRow(b.Context(), `SELECT sum(0`+sum+`)::float8 / sum(records) FROM log_blocks`).Scan(&bytes); err != nil {
			b.Fatal(err)
		}
		b.Logf("METRIC store_%s_bytes_of_%s=%.1f limit=0 (nothing to keep to)", name, what, bytes)
	}
}
