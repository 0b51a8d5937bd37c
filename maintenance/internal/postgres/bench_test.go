package postgres

import (
	"context"
	"encoding/hex"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// What one benchmark stores: batches as ingest makes them under load.
const (
	benchBatches = 24
	benchBatch   = 8192
)

// BenchmarkStore measures the store alone, from prepared batches, against its peer in the same run: COPY of one row a
// record into a table with a BRIN and two B-tree indexes. Records per CPU-second count the CPU of PostgreSQL and of this process.
func BenchmarkStore(b *testing.B) {
	for name, of := range map[string]func(uint64) *loglines.Source{"random": loglines.Random, "template": loglines.Template} {
		b.Run(name, func(b *testing.B) {
			server := pgtest.Server(b)
			var blocks, rows measured
			// The prepared batches are a heap that no store has: the collector shall not walk it all the time.
			defer debug.SetGCPercent(debug.SetGCPercent(1000))
			batches := prepared(of(1))
			for b.Loop() {
				blocks = blocks.plus(benchBlocks(b, server, batches))
				rows = rows.plus(benchRows(b, server, batches))
			}
			b.ReportMetric(blocks.rate(), "records/cpu-s")
			b.ReportMetric(blocks.size(), "B/record")
			b.ReportMetric(blocks.journal(), "walB/record")
			b.Logf("METRIC store_%s_over_rows=%.2f limit=2 (at least)", name, blocks.rate()/rows.rate())
			b.Logf("METRIC store_%s_bytes_per_record=%.1f limit=%d", name, blocks.size(), map[string]int{"random": 120, "template": 80}[name])
			b.Logf("%s: blocks %s; sealing %.2f µs of CPU a record", name, blocks, blocks.sealing.Seconds()*1e6/float64(blocks.records))
			b.Logf("%s: rows   %s", name, rows)
		})
	}
}

func prepared(s *loglines.Source) (batches [][]record.Record) {
	at := time.Now().UTC().Truncate(time.Hour)
	seq := map[string]uint64{}
	for n := range benchBatches {
		batch := make([]record.Record, 0, benchBatch)
		for i := range benchBatch {
			l := s.Next()
			r := record.Record{TS: at.Add(time.Duration(n*benchBatch+i) * 15 * time.Millisecond), Level: slog.Level(l.Level), Service: "catalogs",
				Instance: "catalogs-" + strconv.Itoa(i/(benchBatch/4)), Logger: l.Logger, Msg: l.Msg, Attrs: l.Attrs, TraceID: l.TraceID, SpanID: l.SpanID,
				Epoch: "01JD3Q8E5T", Class: className(l.Level), Version: "1.4.2", Environment: "prod", Node: "node-3"}
			seq[r.Instance+r.Class]++
			r.Seq = seq[r.Instance+r.Class]
			batch = append(batch, r)
		}
		batches = append(batches, batch)
	}
	return batches
}

func className(level int) string {
	return map[int]string{-4: "debug", 0: "info", 4: "warn", 8: "error"}[level]
}

// measured is what storing has cost.
type measured struct {
	records      int
	cpu, sealing time.Duration
	server       time.Duration // of cpu, PostgreSQL's
	took         time.Duration
	bytes, wal   int64
}

func (m measured) plus(o measured) measured {
	return measured{m.records + o.records, m.cpu + o.cpu, m.sealing + o.sealing, m.server + o.server, m.took + o.took, m.bytes + o.bytes, m.wal + o.wal}
}

func (m measured) rate() float64    { return float64(m.records) / m.cpu.Seconds() }
func (m measured) size() float64    { return float64(m.bytes) / float64(m.records) }
func (m measured) journal() float64 { return float64(m.wal) / float64(m.records) }

func (m measured) String() string {
	return fmt.Sprintf("%.0f records/cpu-s, %.0f records/s, %.1f µs of CPU (of it PostgreSQL %.1f), %.1f bytes and %.1f bytes of WAL a record",
		m.rate(), float64(m.records)/m.took.Seconds(), m.cpu.Seconds()*1e6/float64(m.records), m.server.Seconds()*1e6/float64(m.records), m.size(), m.journal())
}

// opened is a store on a database of its own, with its schema, until the benchmark ends.
func opened(b *testing.B, db *pgtest.DB) (*Store, *pg.DB) {
	b.Helper()
	d, err := pg.Open(pg.Settings{URL: db.URL("maintenance"), OwnerURL: db.OwnerURL("maintenance"), Schema: "maintenance", MaxConns: 8})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(d.Close)
	if err := d.Migrate(b.Context(), Migrations()); err != nil {
		b.Fatal(err)
	}
	return New(d), d
}

func benchBlocks(b *testing.B, server *postgres.Server, batches [][]record.Record) (m measured) {
	b.Helper()
	db := pgtest.On(b, server, "maintenance")
	s, d := opened(b, db)
	if err := s.Partition(b.Context(), batches[0][0].TS); err != nil {
		b.Fatal(err)
	}
	m = cost(b, server, d, func() (records int) {
		for _, batch := range batches {
			res, err := s.Write(b.Context(), slices.Clone(batch))
			if err != nil || res.Stored != len(batch) {
				b.Fatalf("%+v, %v", res, err)
			}
			records += res.Stored
		}
		return records
	})
	seal := cost(b, server, d, func() int {
		if _, err := d.Pool().Exec(b.Context(), `SELECT 1`); err != nil {
			b.Fatal(err)
		}
		for at := range s.fresh {
			for {
				n, err := s.join(b.Context(), at, true)
				if err != nil {
					b.Fatal(err)
				}
				if n == 0 {
					break
				}
			}
		}
		return 0
	})
	m.sealing, m.wal = seal.cpu, m.wal+seal.wal
	vacuum(b, db) // as autovacuum does: what was joined leaves its place to others
	var err error
	if _, m.bytes, err = s.Partitions(b.Context()); err != nil {
		b.Fatal(err)
	}
	return m
}

func vacuum(b *testing.B, db *pgtest.DB) {
	b.Helper()
	conn, err := pgx.Connect(b.Context(), db.OwnerURL("maintenance"))
	if err != nil {
		b.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(b.Context())) //nolint:errcheck // a benchmark's session
	for _, table := range []string{"log_blocks_fresh", "log_directory"} {
		if _, err := conn.Exec(b.Context(), `VACUUM maintenance.`+table); err != nil {
			b.Fatal(err)
		}
	}
}

// peer is the layout of before: a row a record.
const peer = `CREATE TABLE rows (ts timestamptz NOT NULL, level smallint NOT NULL, service text NOT NULL, instance text NOT NULL, logger text NOT NULL,
	msg text NOT NULL, attrs jsonb NOT NULL, trace_id bytea, span_id bytea, epoch text, class text, seq bigint, version text, environment text, node text);
	CREATE INDEX ON rows USING brin (ts); CREATE INDEX ON rows (service, ts); CREATE INDEX ON rows (trace_id)`

func benchRows(b *testing.B, server *postgres.Server, batches [][]record.Record) (m measured) {
	b.Helper()
	db := pgtest.On(b, server, "peer")
	d, err := pg.Open(pg.Settings{URL: db.OwnerURL("peer"), OwnerURL: db.OwnerURL("peer"), Schema: "peer"})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Pool().Exec(b.Context(), peer); err != nil {
		b.Fatal(err)
	}
	columns := []string{"ts", "level", "service", "instance", "logger", "msg", "attrs", "trace_id", "span_id", "epoch", "class", "seq", "version", "environment", "node"}
	m = cost(b, server, d, func() (records int) {
		for _, batch := range batches {
			n, err := d.Pool().CopyFrom(b.Context(), pgx.Identifier{"rows"}, columns, pgx.CopyFromSlice(len(batch), func(i int) ([]any, error) {
				r := &batch[i]
				trace, _ := hex.DecodeString(r.TraceID)
				span, _ := hex.DecodeString(r.SpanID)
				return []any{r.TS, int16(r.Level), r.Service, r.Instance, r.Logger, r.Msg, []byte(r.Attrs), trace, span, r.Epoch, r.Class, int64(r.Seq), r.Version, r.Environment, r.Node}, nil
			}))
			if err != nil {
				b.Fatal(err)
			}
			records += int(n)
		}
		return records
	})
	if err := d.Pool().QueryRow(b.Context(), `SELECT pg_total_relation_size('rows')`).Scan(&m.bytes); err != nil {
		b.Fatal(err)
	}
	return m
}

// cost runs the work and says what it took of this machine.
func cost(b *testing.B, server *postgres.Server, d *pg.DB, work func() int) (m measured) {
	b.Helper()
	runtime.GC() // what the work before has left is not its cost
	before, own, its, start := lsn(b, d), ownCPU(b), serverCPU(b, server.PID()), time.Now()
	m.records = work()
	m.took = time.Since(start)
	m.server = serverCPU(b, server.PID()) - its
	m.cpu, m.wal = ownCPU(b)-own+m.server, lsn(b, d)-before
	return m
}

func lsn(b *testing.B, d *pg.DB) (n int64) {
	b.Helper()
	if err := d.Pool().QueryRow(context.Background(), `SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint`).Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}

func ownCPU(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// serverCPU is that of the postmaster, of its children, and of those that have ended.
func serverCPU(b *testing.B, postmaster int) (total time.Duration) {
	b.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		b.Fatal(err)
	}
	const tick = 10 * time.Millisecond // USER_HZ is 100 wherever Go runs
	for _, path := range stats {
		raw, err := os.ReadFile(path)
		if err != nil {
			continue // it has ended
		}
		text := string(raw)
		fields := strings.Fields(text[strings.LastIndexByte(text, ')')+1:]) // state, ppid, ... utime is the 12th
		pid, _ := strconv.Atoi(strings.Fields(text)[0])
		parent, _ := strconv.Atoi(fields[1])
		if pid != postmaster && parent != postmaster {
			continue
		}
		last := 13
		if pid == postmaster {
			last = 15 // and of children that were waited for
		}
		for _, f := range fields[11:last] {
			n, _ := strconv.Atoi(f)
			total += time.Duration(n) * tick
		}
	}
	return total
}
