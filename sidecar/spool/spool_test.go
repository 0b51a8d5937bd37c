package spool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	if dir := os.Getenv("SPOOL_TEST_CHILD"); dir != "" {
		child(dir)
	}
	goleak.VerifyTestMain(m)
}

// opened is a spool of a test, closed at its end.
func opened(t testing.TB, s Settings) *Spool {
	t.Helper()
	if s.Dir == "" {
		s.Dir = instanceDir(t)
	}
	s.Service, s.Instance = "catalogs", filepath.Base(s.Dir)
	spool, err := Open(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = spool.Close(context.Background()) })
	return spool
}

func instanceDir(t testing.TB) string { return filepath.Join(t.TempDir(), "catalogs", "catalogs-1") }

func frame(text string) []byte { return append(make([]byte, HeaderSize), text...) }

// drained reads and acknowledges all there is, without waiting for more.
func drained(t testing.TB, q *Queue) (all []Record) {
	t.Helper()
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	for {
		records, err := q.Next(gone, 100)
		if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range records {
			all = append(all, Record{r.Seq, bytes.Clone(r.Line)})
		}
		q.Ack(records[len(records)-1].Seq)
	}
}

// sum adds up a metric over its labels, or those that match.
func sum(t testing.TB, c prometheus.Collector, labels ...string) (total int) {
	t.Helper()
	metrics := make(chan prometheus.Metric, 100)
	c.Collect(metrics)
	close(metrics)
	for m := range metrics {
		var d dto.Metric
		if err := m.Write(&d); err != nil {
			t.Fatal(err)
		}
		if text := fmt.Sprint(d.GetLabel()); !matches(text, labels) {
			continue
		}
		total += int(d.GetCounter().GetValue() + d.GetGauge().GetValue())
	}
	return total
}

func matches(text string, labels []string) bool {
	for _, l := range labels {
		if !strings.Contains(text, `"`+l+`"`) {
			return false
		}
	}
	return true
}

func TestReadsBackInOrder(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{SegmentBytes: 4 << 10})
	const n = 1000
	for i := range n {
		s.Append(Info, frame(fmt.Sprintf("info %d", i+1)))
	}
	s.Append(Error, frame("error 1"))
	for i, r := range drained(t, s.Current().Queues[Info]) {
		if r.Seq != uint64(i+1) || string(r.Line) != fmt.Sprintf("info %d", i+1) {
			t.Fatalf("record %d is %d %q", i, r.Seq, r.Line)
		}
	}
	state := s.Current().Queues[Info].State()
	if state.Issued != n || state.Acked != n || state.Pending != 0 {
		t.Errorf("state %+v", state)
	}
	if segments, _ := filepath.Glob(filepath.Join(s.current.dir, "info-*.seg")); len(segments) > 1 {
		t.Errorf("%d segments left after all was acknowledged", len(segments))
	}
	if r := drained(t, s.Current().Queues[Error]); len(r) != 1 {
		t.Errorf("%d errors", len(r))
	}
}

func TestNextWaitsForRecords(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{})
	q := s.Current().Queues[Warn]
	got := make(chan uint64)
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		defer close(got)
		for {
			records, err := q.Next(ctx, 10)
			if err != nil {
				return
			}
			q.Ack(records[len(records)-1].Seq)
			got <- records[len(records)-1].Seq
		}
	}()
	for i := range 100 {
		s.Append(Warn, frame("x"))
		if seq := <-got; seq != uint64(i+1) {
			t.Fatalf("got %d, want %d", seq, i+1)
		}
	}
	cancel()
	for range got {
	}
}

func TestReleasedBatchComesAgain(t *testing.T) {
	t.Parallel()
	s := opened(t, Settings{})
	q := s.Current().Queues[Info]
	for range 10 {
		s.Append(Info, frame("x"))
	}
	first, _ := q.Next(context.Background(), 6)
	q.Ack(first[3].Seq)
	q.Release()
	if rest := drained(t, q); len(rest) != 6 || rest[0].Seq != 5 {
		t.Errorf("%d records come again, from %d", len(rest), rest[0].Seq)
	}
}

// TestL11_CleanStopAndNextStart: what is not acknowledged goes out under its own epoch.
func TestL11_CleanStopAndNextStart(t *testing.T) {
	t.Parallel()
	dir := instanceDir(t)
	first := opened(t, Settings{Dir: dir, Version: "1.2"})
	for range 10 {
		first.Append(Info, frame("x"))
	}
	q := first.Current().Queues[Info]
	records, _ := q.Next(context.Background(), 4)
	q.Ack(records[3].Seq)
	if err := errors.Join(first.Close(context.Background()), first.Close(context.Background())); err != nil {
		t.Fatal(err)
	}
	first.Append(Info, frame("too late"))
	if first.Offer(Info, frame("made again by the next run")) {
		t.Error("a closed spool keeps what it is offered")
	}
	if n := sum(t, first.metrics.dropped, "closed"); n != 1 {
		t.Errorf("%d counted as dropped after the close", n)
	}

	second := opened(t, Settings{Dir: dir, Version: "1.3"})
	epochs := second.Adopt()
	if len(epochs) != 1 || epochs[0].Identity != first.Current().Identity || !epochs[0].Closed || epochs[0].Version != "1.2" {
		t.Fatalf("adopted %+v", epochs)
	}
	if again := second.Adopt(); len(again) != 0 {
		t.Error("adopted twice")
	}
	adopted := epochs[0].Queues[Info]
	if s := adopted.State(); s.Issued != 10 || s.Acked != 4 || s.Pending != 6 {
		t.Errorf("state %+v", s)
	}
	if rest := drained(t, adopted); len(rest) != 6 || rest[0].Seq != 5 {
		t.Errorf("rest %v", rest)
	}
	if err := epochs[0].Remove(); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(first.current.dir); !errors.Is(err, os.ErrNotExist) || len(second.Adopted()) != 0 {
		t.Errorf("the folder is left: %v", err)
	}
	if second.Current().Epoch <= first.Current().Epoch {
		t.Error("epochs do not sort by time")
	}
}

// TestL13_SecondProcess: the folder of a living instance is refused, and nothing is written to it.
func TestL13_SecondProcess(t *testing.T) {
	t.Parallel()
	dir := instanceDir(t)
	opened(t, Settings{Dir: dir})
	before := listing(t, dir)
	if _, err := Open(Settings{Dir: dir}); !errors.Is(err, ErrHeld) {
		t.Errorf("second open: %v", err)
	}
	if after := listing(t, dir); after != before {
		t.Errorf("the folder changed from\n%s to\n%s", before, after)
	}
}

func listing(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
		if err == nil && !strings.HasSuffix(path, ".seg") {
			fmt.Fprintln(&b, path, info.Size())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestSiblingsLivingAndDead(t *testing.T) {
	t.Parallel()
	dir := instanceDir(t)
	service := filepath.Dir(dir)
	alive := opened(t, Settings{Dir: filepath.Join(service, "catalogs-2")})
	alive.Append(Info, frame("alive"))
	dead := opened(t, Settings{Dir: filepath.Join(service, "catalogs-3")})
	dead.Append(Info, frame("dead"))
	_ = dead.Close(context.Background())
	s := opened(t, Settings{Dir: dir})
	epochs := s.Adopt()
	if len(epochs) != 1 || epochs[0].Instance != "catalogs-3" {
		t.Errorf("adopted %v", epochs)
	}
}

func TestMetricsAlreadyRegistered(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	opened(t, Settings{Registerer: reg})
	dir := instanceDir(t)
	if _, err := Open(Settings{Dir: dir, Registerer: reg}); err == nil {
		t.Error("no error")
	}
	opened(t, Settings{Dir: dir})
}

// eventually polls, since what it waits for is the work of a goroutine without a signal.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); !ok(); <-tick.C {
		if time.Now().After(end) {
			t.Fatal(what + " did not come about")
		}
	}
}
