package maintenance

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/pprof"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/internal/loglines"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// callersVariable holds, as JSON, what a process of callers is to do.
const callersVariable = "SIGNALBOX_TEST_CALLERS"

// calls are what a process of its own logs, as so many services, through a spool each and the private port.
type calls struct {
	Dir      string // of keys, spools
	Store    string // address of the private port
	Services []string
	Random   bool
	Alone    int     // records before anything is shipped: what a call takes by itself
	Backlog  int     // records of an earlier run, of the first service, that are shipped with the others
	Records  int     // records, of all services together
	Rate     float64 // records per second; 0: as many as are stored
}

// called is what came of them.
type called struct {
	Records   int
	Epoch     string  // of the first service, now
	Seconds   float64 // from the first call to the last acknowledgement
	BacklogIn float64 // seconds, until those of the earlier run were acknowledged
	AloneCPU  float64 // µs of CPU for one of those that were not shipped
	CPU       float64 // µs of CPU for one record, calling and shipping
}

const (
	goroutines = 32     // that log, of each service: an error waits for the disk
	waiting    = 20_000 // records of one service that may wait to be shipped
	distinct   = 20_000 // lines made before the clock starts
)

// run makes the calls in a process of their own.
func (c calls) run(b testing.TB) (out called) {
	b.Helper()
	raw, err := json.Marshal(c)
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	var said, troubles bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = append(os.Environ(), callersVariable+"="+string(raw)), &said, &troubles
	if err := cmd.Run(); err != nil {
		b.Fatalf("the callers: %v\n%s", err, troubles.Bytes())
	}
	if err := json.Unmarshal(said.Bytes(), &out); err != nil {
		b.Fatalf("the callers said %q: %v", said.Bytes(), err)
	}
	return out
}

// callers is the main function of that process.
func callers(text string) int {
	var c calls
	err := json.Unmarshal([]byte(text), &c)
	if err == nil {
		var out called
		if out, err = c.do(); err == nil {
			err = json.NewEncoder(os.Stdout).Encode(out)
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

func (c calls) do() (out called, err error) {
	if c.Backlog > 0 {
		if err := c.backlog(); err != nil {
			return out, err
		}
	}
	all := make([]*service, len(c.Services))
	for i, name := range c.Services {
		if all[i], err = c.open(name, uint64(i+1)); err != nil {
			return out, err
		}
		defer all[i].close()
	}
	if c.Alone > 0 {
		before := ownCPU()
		c.log(all, c.Alone)
		out.AloneCPU = float64((ownCPU() - before).Microseconds()) / float64(c.Alone)
	}
	if path := os.Getenv("SIGNALBOX_TEST_CALLERS_PROFILE"); path != "" {
		file, err := os.Create(path)
		if err != nil {
			return out, err
		}
		if err := pprof.StartCPUProfile(file); err != nil {
			return out, err
		}
		defer pprof.StopCPUProfile()
	}
	start, before := time.Now(), ownCPU()
	for _, s := range all {
		s.ship()
	}
	var old sync.WaitGroup
	old.Go(func() {
		for c.Backlog > 0 && all[0].adopted() > 0 {
			<-time.After(5 * time.Millisecond)
		}
		out.BacklogIn = time.Since(start).Seconds()
	})
	c.log(all, c.Records)
	for _, s := range all {
		if err := s.logs.Drain(context.Background()); err != nil {
			return out, err
		}
	}
	old.Wait()
	out.Epoch = all[0].logs.Epoch()
	out.Seconds, out.Records = time.Since(start).Seconds(), c.Alone+c.Backlog+c.Records
	out.CPU = float64((ownCPU() - before).Microseconds()) / float64(out.Records)
	return out, nil
}

// backlog leaves what a service could not ship, and that ends.
func (c calls) backlog() error {
	s, err := c.open(c.Services[0], 99)
	if err != nil {
		return err
	}
	c.Rate = 0
	c.log([]*service{s}, c.Backlog)
	return s.logs.Close(context.Background())
}

// service is one that logs.
type service struct {
	logs  *logging.Logs
	lines []line
	conn  *mesh.Mesh
	dir   string
	stop  func()

	shipping bool
	full     atomic.Bool // as much waits to be shipped as may
}

type line struct {
	ctx    context.Context //nolint:containedctx // it holds the line's trace
	logger *slog.Logger
	level  slog.Level
	msg    string
	attrs  []slog.Attr
}

func (c calls) open(name string, seed uint64) (*service, error) {
	dir := filepath.Join(c.Dir, "spool", name, name+"-1")
	logs, err := logging.New(logging.Settings{Service: name, Instance: name + "-1", Version: "1.4.2", Environment: "prod", Stderr: io.Discard,
		SpoolDir: dir, SpoolLimit: 1 << 30, Levels: level.NewTable(level.Spec{Root: slog.LevelDebug})})
	if err != nil {
		return nil, err
	}
	key, err := servicetoken.LoadKey(filepath.Join(c.Dir, name+".pem"))
	if err != nil {
		return nil, err
	}
	signer, err := servicetoken.NewSigner(name, key)
	if err != nil {
		return nil, err
	}
	s := &service{logs: logs, dir: dir, conn: mesh.New(mesh.Settings{Service: name, Signer: signer, Peers: peers.Static{"view-service": {RPC: []string{c.Store}}}}), stop: func() {}}
	source := loglines.Template(seed)
	if c.Random {
		source = loglines.Random(seed)
	}
	loggers := map[string]*slog.Logger{}
	for range distinct {
		l := source.Next()
		if loggers[l.Logger] == nil {
			loggers[l.Logger] = logs.Logger(l.Logger)
		}
		s.lines = append(s.lines, line{traced(l), loggers[l.Logger], slog.Level(l.Level), l.Msg, attributes(l.Attrs)})
	}
	return s, nil
}

func traced(l loglines.Line) context.Context {
	id, _ := trace.TraceIDFromHex(l.TraceID)
	span, _ := trace.SpanIDFromHex(l.SpanID)
	return trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{TraceID: id, SpanID: span}))
}

func attributes(object []byte) (all []slog.Attr) {
	var fields map[string]any
	if err := json.Unmarshal(object, &fields); err != nil {
		panic(err) // loglines made it
	}
	for _, key := range slices.Sorted(maps.Keys(fields)) {
		if n, ok := fields[key].(float64); ok && n == float64(int64(n)) {
			all = append(all, slog.Int64(key, int64(n)))
			continue
		}
		all = append(all, slog.Any(key, fields[key]))
	}
	return all
}

func (s *service) ship() {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	conn, err := s.conn.RPC("view-service")
	if err != nil {
		panic(err) // it connects later
	}
	go func() {
		defer close(done)
		_ = s.logs.Ship(ctx, conn)
	}()
	s.shipping = true
	s.stop = func() {
		cancel()
		<-done
	}
}

func (s *service) close() {
	s.stop()
	_ = s.logs.Close(context.Background())
	_ = s.conn.Close()
}

func (s *service) pending() (n int) {
	for _, class := range s.logs.Ledger() {
		n += int(class.Issued - class.Acked)
	}
	return n
}

// adopted is how many epochs lie in the folder besides the present one.
func (s *service) adopted() int {
	epochs, _ := filepath.Glob(filepath.Join(s.dir, "*-*-*-*-*"))
	return len(epochs) - 1
}

// log makes n records: as fast as they are shipped, or at the rate.
func (c calls) log(all []*service, n int) {
	var made atomic.Int64
	var work, watch sync.WaitGroup
	ctx, done := context.WithCancel(context.Background())
	start := time.Now()
	for _, s := range all {
		if s.shipping {
			watch.Go(func() { s.watch(ctx) })
		}
		for g := range goroutines {
			work.Go(func() {
				for i := g * 613; ; i++ {
					at := made.Add(1)
					if at > int64(n) {
						return
					}
					if c.Rate > 0 {
						if ahead := time.Duration(float64(at)/c.Rate*float64(time.Second)) - time.Since(start); ahead > time.Millisecond {
							<-time.After(ahead)
						}
					}
					for s.full.Load() {
						<-time.After(2 * time.Millisecond)
					}
					l := &s.lines[i%len(s.lines)]
					l.logger.LogAttrs(l.ctx, l.level, l.msg, l.attrs...)
				}
			})
		}
	}
	work.Wait()
	done()
	watch.Wait()
}

// watch holds the callers up while too much waits.
func (s *service) watch(ctx context.Context) {
	defer s.full.Store(false)
	for ctx.Err() == nil {
		s.full.Store(s.pending() > waiting)
		<-time.After(2 * time.Millisecond)
	}
}

// ownCPU of this process.
func ownCPU() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err) // it has no way to fail
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
