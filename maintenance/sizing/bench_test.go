package sizing

import (
	"bytes"
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/postgres"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

// One load is stored as ingest stores it under load.
const (
	batches = 16
	batch   = 8192
)

// BenchmarkForecast stores loads of several sizes and holds what they took against what was predicted. A forecast that is off by
// more than a fifth has constants that must be measured again: the figures of each load are printed.
func BenchmarkForecast(b *testing.B) {
	for name, of := range map[string]func(uint64) *loglines.Source{"template": loglines.Template, "random": loglines.Random} {
		for size, edit := range map[string]func(*loglines.Source, *record.Record){"short": short, "usual": usual, "long": long} {
			b.Run(name+"/"+size, func(b *testing.B) {
				server := pgtest.Server(b)
				for b.Loop() {
					got := store(b, pgtest.On(b, server, "maintenance"), server.PID(), loads(of(1), edit))
					f := Predict(Load{Rate: 1, Bytes: got.Bytes, Keep: time.Second, Random: map[string]float64{"template": 0, "random": 1}[name]})
					report(b, name+"_"+size, "disk_bytes", got.BytesEach, f.BytesEach)
					report(b, name+"_"+size, "wal_bytes", got.WALEach, f.WALEach)
					report(b, name+"_"+size, "cpu_us", got.MicrosEach, f.MicrosEach)
				}
			})
		}
	}
}

func report(b testing.TB, load, what string, got, predicted float64) {
	b.Logf("METRIC sizing_%s_%s_off=%.3f limit=0.2 (%.1f measured, %.1f predicted)", load, what, max(got/predicted, predicted/got)-1, got, predicted)
}

// The disk that is taken is that which was predicted, within a fifth: it depends on no machine.
func TestTheDiskIsAsPredicted(t *testing.T) {
	server := pgtest.Server(t)
	for name, source := range map[string]*loglines.Source{"template": loglines.Template(1), "random": loglines.Random(1)} {
		got := store(t, pgtest.On(t, server, "maintenance"), server.PID(), loads(source, usual))
		f := Predict(Load{Rate: 1, Bytes: got.Bytes, Keep: time.Second, Random: map[string]float64{"random": 1}[name]})
		report(t, name, "disk_bytes", got.BytesEach, f.BytesEach)
		report(t, name, "wal_bytes", got.WALEach, f.WALEach)
		report(t, name, "cpu_us", got.MicrosEach, f.MicrosEach)
		if off := max(got.BytesEach/f.BytesEach, f.BytesEach/got.BytesEach) - 1; off > 0.2 {
			t.Errorf("%s: %.1f bytes a record lie on the disk, %.1f were predicted", name, got.BytesEach, f.BytesEach)
		}
	}
}

func usual(s *loglines.Source, r *record.Record) { take(s.Next(), r) }

// short records have no attributes.
func short(s *loglines.Source, r *record.Record) {
	take(s.Next(), r)
	r.Attrs = []byte("{}")
}

// long records have two lines' texts.
func long(s *loglines.Source, r *record.Record) {
	take(s.Next(), r)
	more := s.Next()
	r.Msg += " " + more.Msg
	r.Attrs = bytes.Join([][]byte{r.Attrs[:len(r.Attrs)-1], []byte(`,"caller":`), more.Attrs, []byte("}")}, nil)
}

func take(l loglines.Line, r *record.Record) {
	r.Level, r.Logger, r.Msg, r.Attrs, r.TraceID, r.SpanID = slog.Level(l.Level), l.Logger, l.Msg, l.Attrs, l.TraceID, l.SpanID
	r.Class = map[int]string{-4: "debug", 0: "info", 4: "warn", 8: "error"}[l.Level]
}

func loads(s *loglines.Source, edit func(*loglines.Source, *record.Record)) (all [][]record.Record) {
	at := time.Now().UTC().Truncate(time.Hour).Add(-2 * time.Hour) // it has ended, so that it is sealed
	seq := map[string]uint64{}
	for n := range batches {
		part := make([]record.Record, batch)
		for i := range part {
			r := &part[i]
			r.TS, r.Service, r.Instance = at.Add(time.Duration(n*batch+i)*15*time.Millisecond), "catalogs", "catalogs-"+strconv.Itoa(i/(batch/4))
			r.Epoch, r.Version, r.Environment, r.Node = "01JD3Q8E5T", "1.4.2", "prod", "node-3"
			edit(s, r)
			seq[r.Instance+r.Class]++
			r.Seq = seq[r.Instance+r.Class]
		}
		all = append(all, part)
	}
	return all
}

// cost is what a load took, and how large its records were.
type cost struct {
	Forecast
	Bytes float64
}

func store(b testing.TB, db *pgtest.DB, postmaster int, all [][]record.Record) (c cost) {
	b.Helper()
	d, err := pg.Open(pg.Settings{URL: db.URL("maintenance"), OwnerURL: db.OwnerURL("maintenance"), Schema: "maintenance"})
	if err != nil {
		b.Fatal(err)
	}
	defer d.Close()
	if err := d.Migrate(b.Context(), postgres.Migrations()); err != nil {
		b.Fatal(err)
	}
	s := postgres.New(d)
	if err := s.Partition(b.Context(), all[0][0].TS); err != nil {
		b.Fatal(err)
	}
	wal, cpu := written(b, d), used(b, postmaster)
	for _, part := range all {
		if res, err := s.Write(b.Context(), part); err != nil || res.Stored != len(part) {
			b.Fatalf("%+v, %v", res, err)
		}
	}
	if _, _, err := s.Seal(b.Context()); err != nil {
		b.Fatal(err)
	}
	c.MicrosEach = float64((used(b, postmaster) - cpu).Microseconds()) / (batches * batch)
	c.WALEach = float64(written(b, d)-wal) / (batches * batch)
	vacuum(b, db)
	_, disk, err := s.Partitions(b.Context())
	if err != nil {
		b.Fatal(err)
	}
	c.BytesEach = float64(disk) / (batches * batch)
	err = d.Pool().QueryRow(b.Context(), `SELECT sum(bytes)::float8 / sum(records) FROM log_directory`).Scan(&c.Bytes)
	if err != nil {
		b.Fatal(err)
	}
	return c
}

// vacuum does what autovacuum does: what was joined leaves its place to others.
func vacuum(b testing.TB, db *pgtest.DB) {
	b.Helper()
	owner, err := pg.Open(pg.Settings{URL: db.OwnerURL("maintenance"), OwnerURL: db.OwnerURL("maintenance"), Schema: "maintenance"})
	if err != nil {
		b.Fatal(err)
	}
	defer owner.Close()
	for _, table := range []string{"log_blocks_fresh", "log_directory"} {
		if _, err := owner.Pool().Exec(b.Context(), "VACUUM "+table); err != nil {
			b.Fatal(err)
		}
	}
}

// written is how much write-ahead log there has been.
func written(b testing.TB, d *pg.DB) (n int64) {
	b.Helper()
	if err := d.Pool().QueryRow(context.Background(), `SELECT (pg_current_wal_insert_lsn() - '0/0')::bigint`).Scan(&n); err != nil {
		b.Fatal(err)
	}
	return n
}

// used is the CPU of this process, of the postmaster and its children, and of those that have ended.
func used(b testing.TB, postmaster int) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	total := time.Duration(u.Utime.Nano() + u.Stime.Nano())
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil {
		b.Fatal(err)
	}
	for _, path := range stats {
		if raw, err := os.ReadFile(path); err == nil { // else it has ended
			total += ticks(string(raw), postmaster)
		}
	}
	return total
}

// ticks of one process' line in /proc, if it is the postmaster or its child.
func ticks(line string, postmaster int) (total time.Duration) {
	pid, _ := strconv.Atoi(strings.Fields(line)[0])
	fields := strings.Fields(line[strings.LastIndexByte(line, ')')+1:]) // state, ppid, … utime is the 12th
	parent, _ := strconv.Atoi(fields[1])
	if pid != postmaster && parent != postmaster {
		return 0
	}
	last := 13
	if pid == postmaster {
		last = 15 // and of children that were waited for
	}
	for _, f := range fields[11:last] {
		n, _ := strconv.Atoi(f)
		total += time.Duration(n) * 10 * time.Millisecond // USER_HZ is 100 wherever Go runs
	}
	return total
}
