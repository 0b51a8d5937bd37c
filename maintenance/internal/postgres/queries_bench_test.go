package postgres

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/logs"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// BenchmarkQueries asks a log of one day what people ask, in a store that is at rest and in one that takes 10,000
// records a second. SIGNALBOX_BENCH_RECORDS is its size; without it, it is one that is loaded within a minute.
func BenchmarkQueries(b *testing.B) {
	size := 1_000_000
	if text := os.Getenv("SIGNALBOX_BENCH_RECORDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			b.Fatal(err)
		}
		size = n
	}
	l := newLab(b, size, 24*time.Hour)
	for _, live := range []bool{false, true} {
		name, factor := "rest", 1.0
		if live {
			name, factor = "live", 2
		}
		b.Run(name, func(b *testing.B) {
			if live {
				stop := l.storm(b, 10_000)
				defer stop()
			}
			for _, q := range l.questions() {
				b.Run(q.name, func(b *testing.B) { l.ask(b, name, q, factor) })
			}
		})
	}
}

// lab is a store with the records of some time, and what may be asked of them.
type lab struct {
	generator
	store *Store
	now   time.Time
	size  int
}

// generator makes records of five services, two of which write random messages and three templates, and remembers
// what can be asked for.
type generator struct {
	rand    *rand.Rand
	sources [5]*loglines.Source
	issued  int
	traces  []string // of one service
	wide    []string // of several
	rare    []string // words of one record each, the newest last
}

func newGenerator(seed uint64) generator {
	g := generator{rand: rand.New(rand.NewPCG(seed, seed))}
	for i := range g.sources {
		g.sources[i] = loglines.Template(seed + uint64(i))
		if i < 2 {
			g.sources[i] = loglines.Random(seed + uint64(i))
		}
	}
	return g
}

// fill makes one record. One in eight belongs to a request that passes through all services.
func (g *generator) fill(r *record.Record, at time.Time) {
	services := [...]string{"catalogs", "gateway", "identity", "scheduler", "view-service"}
	n := g.rand.IntN(5)
	line := g.sources[n].Next()
	trace := line.TraceID
	switch n := g.issued % 64; {
	case n == 0:
		g.wide = append(g.wide, trace)
	case n < 8:
		trace = g.wide[len(g.wide)-1]
	case n == 32:
		g.traces = append(g.traces, trace)
	}
	if g.rand.IntN(10_000) == 0 {
		g.rare = append(g.rare, g.word())
		line.Msg += " " + g.rare[len(g.rare)-1]
	}
	*r = record.Record{TS: at, Level: slog.Level(line.Level), Service: services[n], Instance: services[n] + "-1", Logger: line.Logger, Msg: line.Msg, Attrs: line.Attrs,
		TraceID: trace, SpanID: line.SpanID, Version: "1.0"}
	g.issued++
}

func (g *generator) word() string {
	b := make([]byte, 12)
	for i := range b {
		b[i] = 'a' + byte(g.rand.IntN(26))
	}
	return string(b)
}

func newLab(b *testing.B, size int, span time.Duration) *lab {
	db := pgtest.New(b, "maintenance")
	s, _ := opened(b, db)
	l := &lab{generator: newGenerator(1), store: s, now: time.Now().UTC().Truncate(time.Microsecond), size: size}
	l.load(b, db, span)
	return l
}

// load writes the records, joins what is small, and prints what that took.
func (l *lab) load(b *testing.B, db *pgtest.DB, span time.Duration) {
	d, server := l.store.db, l.postmaster(b)
	start, wal, own, its := time.Now(), lsn(b, d), ownCPU(b), serverCPU(b, server)
	making := time.Duration(0)
	batches := make(chan []record.Record, 4)
	go func() {
		defer close(batches)
		runtime.LockOSThread() // so that its CPU can be told from the rest
		defer runtime.UnlockOSThread()
		step := span / time.Duration(l.size)
		for from := 0; from < l.size; from += 8192 {
			all := make([]record.Record, min(8192, l.size-from))
			for i := range all {
				l.fill(&all[i], l.now.Add(-span+time.Duration(from+i)*step))
			}
			batches <- all
		}
		making = threadCPU(b)
	}()
	for all := range batches {
		if _, err := l.store.Write(b.Context(), all); err != nil {
			b.Fatal(err)
		}
	}
	records := float64(l.size)
	per := func(cpu time.Duration) float64 { return float64(cpu.Nanoseconds()) / 1000 / records }
	itsWriting := serverCPU(b, server) - its
	writing := ownCPU(b) - own - making + itsWriting
	own, its = ownCPU(b), serverCPU(b, server)
	if _, _, err := l.store.Seal(b.Context()); err != nil {
		b.Fatal(err)
	}
	sealing := ownCPU(b) - own + serverCPU(b, server) - its
	vacuum(b, db)
	var blocks, bytes int64
	if err := d.Pool().QueryRow(b.Context(), `SELECT count(*), (SELECT sum(pg_total_relation_size(c.oid)) FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE n.nspname = 'maintenance' AND c.relkind = 'r' AND c.relname LIKE 'log\_%') FROM log_directory`).Scan(&blocks, &bytes); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d records of %s loaded in %s: %d blocks, %.1f bytes a record, %.1f of WAL; CPU: %.2f µs a record written (PostgreSQL %.2f), %.3f joined at the end", l.size, span,
		time.Since(start).Round(time.Second), blocks, float64(bytes)/records, float64(lsn(b, d)-wal)/records, per(writing), per(itsWriting), per(sealing))
}

// threadCPU is what the calling thread, which is locked, has used.
func threadCPU(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(1, &u); err != nil { // RUSAGE_THREAD
		b.Error(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// storm writes records at a rate until it is stopped.
func (l *lab) storm(b *testing.B, rate int) (stop func()) {
	ctx, cancel := context.WithCancel(b.Context())
	done := make(chan struct{})
	sender := newGenerator(2)
	go func() {
		defer close(done)
		const every = 50 * time.Millisecond
		for next := time.Now(); ctx.Err() == nil; next = next.Add(every) {
			all := make([]record.Record, rate/20)
			for i := range all {
				sender.fill(&all[i], time.Now().UTC().Truncate(time.Microsecond))
			}
			if _, err := l.store.Write(ctx, all); err != nil && ctx.Err() == nil {
				b.Errorf("write: %v", err)
			}
			select {
			case <-time.After(time.Until(next)):
			case <-ctx.Done():
			}
		}
	}()
	return func() { cancel(); <-done }
}

// benched is one kind of question, asked with other values each time.
type benched struct {
	name  string
	limit time.Duration
	span  time.Duration
	text  func() string
	ask   func(ctx context.Context, q logs.Query) (int, error)
}

func (l *lab) questions() []benched {
	page := func(ctx context.Context, q logs.Query) (int, error) {
		f, err := logs.Page(ctx, l.store, q)
		return len(f.Records), err
	}
	counts := func(ctx context.Context, q logs.Query) (int, error) {
		h, err := logs.Counts(ctx, l.store, q, time.Minute)
		return int(h.Total), err
	}
	ms, day := time.Millisecond, 24*time.Hour
	pick := func(all []string) string { return all[l.rand.IntN(len(all))] }
	return []benched{
		{"service_warn", 5 * ms, day, func() string { return "service:" + pick([]string{"catalogs", "gateway", "identity"}) + " level>=warn" }, page},
		{"trace", 5 * ms, day, func() string { return "trace:" + pick(l.traces) }, page},
		{"trace_of_five_services", 25 * ms, day, func() string { return "trace:" + pick(l.wide) }, page},
		{"rare_hour", 60 * ms, time.Hour, func() string { return pick(l.rare[len(l.rare)-len(l.rare)/24-1:]) }, page},
		{"rare_day", 700 * ms, day, func() string { return pick(l.rare) }, page},
		{"hex_hour", 60 * ms, time.Hour, func() string { return fmt.Sprintf("%016x", l.rand.Uint64()) }, page},
		{"hex_day", 700 * ms, day, func() string { return fmt.Sprintf("%016x", l.rand.Uint64()) }, page},
		{"histogram", 100 * ms, day, func() string { return "" }, counts},
		{"field_hour", 15 * ms, time.Hour, func() string { return fmt.Sprint("user_id=", l.rand.IntN(100_000)) }, page},
		{"last_100", 15 * ms, day, func() string { return "" }, page},
	}
}

// ask measures one kind of question, warm, and prints its median beside the limit.
func (l *lab) ask(b *testing.B, state string, q benched, factor float64) (median time.Duration) {
	var took []time.Duration
	found, last := 0, logs.Query{}
	for range 3 { // warm
		if _, err := q.ask(b.Context(), l.query(b, q)); err != nil {
			b.Fatal(err)
		}
	}
	cpu := l.cpu(b)
	for b.Loop() {
		last = l.query(b, q)
		start := time.Now()
		n, err := q.ask(b.Context(), last)
		if err != nil {
			b.Fatal(err)
		}
		took, found = append(took, time.Since(start)), found+n
	}
	cpu = l.cpu(b) - cpu
	slices.Sort(took)
	p, err := logs.Explain(b.Context(), l.store, last)
	if err != nil {
		b.Fatal(err)
	}
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	b.Logf("METRIC log_query_%s_%s_ms=%.2f limit=%.0f (p99 %.2f, CPU %.2f, asked %d, found %.1f, candidates %d of %d blocks)", q.name, state, ms(took[len(took)/2]), ms(q.limit)*factor,
		ms(took[len(took)*99/100]), ms(cpu)/float64(len(took)), len(took), float64(found)/float64(len(took)), p.Candidates, p.InTime)
	return took[len(took)/2]
}

// query is the next one of its kind.
func (l *lab) query(b *testing.B, q benched) logs.Query {
	text := q.text()
	e, err := query.Parse(text)
	if err != nil {
		b.Fatal(text, err)
	}
	return logs.Query{Expr: e, Scope: logs.Scope{All: true}, Since: l.now.Add(-q.span), Until: time.Now().Add(time.Minute), Limit: 100}
}

// cpu that this process and the server have used.
func (l *lab) cpu(b *testing.B) time.Duration { return ownCPU(b) + serverCPU(b, l.postmaster(b)) }

// postmaster is the process of the server.
func (l *lab) postmaster(b *testing.B) (pid int) {
	var backend int
	if err := l.store.db.Pool().QueryRow(b.Context(), `SELECT pg_backend_pid()`).Scan(&backend); err != nil {
		b.Fatal(err)
	}
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", backend))
	if err != nil {
		b.Fatal(err)
	}
	if pid, err = strconv.Atoi(strings.Fields(string(raw[strings.LastIndexByte(string(raw), ')')+2:]))[1]); err != nil {
		b.Fatal(err)
	}
	return pid
}
