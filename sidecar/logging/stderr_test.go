package logging

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
)

func TestStderrIsFlushedAtClose(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	logs, err := New(Settings{Service: "s", Instance: "s-1", Stderr: &out})
	if err != nil {
		t.Fatal(err)
	}
	for range 1000 {
		logs.Logger("s").Info("hello")
	}
	if err := logs.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	logs.Logger("s").Info("after the end")
	if n := strings.Count(out.String(), `"msg":"hello"}`+"\n"); n != 1000 || !strings.HasSuffix(out.String(), "}\n") {
		t.Errorf("%d whole lines, want 1000", n)
	}
}

// TestStuckStderrBlocksNobody writes twice what the buffer holds to a pipe that nobody reads.
func TestStuckStderrBlocksNobody(t *testing.T) {
	t.Parallel()
	read, write := io.Pipe()
	b, err := newBounded(write, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	line := bytes.Repeat([]byte("x"), 1023)
	const sent = 2 * maxPending / 1024
	for range sent {
		b.line(line)
	}
	dropped := int(valueOf(t, b.dropped))
	if dropped == 0 {
		t.Error("nothing dropped")
	}
	gone, cancel := context.WithCancel(context.Background())
	cancel()
	if err := b.close(gone); !errors.Is(err, context.Canceled) {
		t.Errorf("close of a stuck writer: %v", err)
	}
	got := make(chan int)
	go func() {
		all, _ := io.ReadAll(read)
		got <- len(all) / 1024
	}()
	<-b.done
	_ = write.Close()
	if n := <-got; n+dropped != sent {
		t.Errorf("%d written and %d dropped of %d", n, dropped, sent)
	}
}

// TestPipeThatNobodyReads is stderr as a stuck collector leaves it: calls go on at their pace, the spool has every
// record, and what stderr lost is counted to the line.
func TestPipeThatNobodyReads(t *testing.T) {
	t.Parallel()
	read, write, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	defer read.Close()
	s := settings(t, "catalogs-1")
	s.Stderr = write
	logs := opened(t, s)
	const sent = 20_000 // of 300 bytes: six times what pipe and buffer hold
	free := opened(t, settings(t, "catalogs-2"))
	var took, undisturbed []time.Duration
	for range sent / 1000 { // by turns: what else the machine does hits both
		took = append(took, timeCalls(logs.Logger("catalogs"), 1000)...)
		undisturbed = append(undisturbed, timeCalls(free.Logger("catalogs"), 1000)...)
	}
	dropped := int(valueOf(t, logs.stderr.dropped))
	if dropped < sent/2 {
		t.Fatalf("%d lines dropped of %d: the pipe was not full", dropped, sent)
	}
	t.Logf("METRIC blocked_stderr_call_p50_us=%.1f p99_us=%.1f limit=50", micros(quantile(took, 0.5)), micros(quantile(took, 0.99)))
	t.Logf("METRIC blocked_stderr_calls_over_1ms=%d limit=0 (max %.0f µs; beside a stderr that takes all: %d, max %.0f µs)",
		over(took), micros(quantile(took, 1)), over(undisturbed), micros(quantile(undisturbed, 1)))
	alone := make([]time.Duration, sent)
	line := bytes.Repeat([]byte("x"), 300)
	for i := range alone {
		start := time.Now()
		logs.stderr.line(line)
		alone[i] = time.Since(start)
	}
	dropped = int(valueOf(t, logs.stderr.dropped))
	t.Logf("METRIC blocked_stderr_alone_over_1ms=%d limit=0 (p99 %.2f µs, max %.0f µs)", over(alone), micros(quantile(alone, 0.99)), micros(quantile(alone, 1)))
	if issued := logs.Ledger()[1].Issued; issued != sent {
		t.Errorf("%d records spooled, want %d", issued, sent)
	}
	lines := make(chan int)
	go func() {
		n := 0
		for scanner := bufio.NewScanner(read); scanner.Scan(); {
			if b := scanner.Bytes(); !json.Valid(b) && !bytes.Equal(b, line) {
				t.Errorf("half a line: %q", scanner.Text())
			}
			n++
		}
		lines <- n
	}()
	if err := logs.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	_ = write.Close()
	if n := <-lines; n+dropped != 2*sent {
		t.Errorf("%d lines written and %d dropped of %d", n, dropped, 2*sent)
	}
	t.Logf("METRIC stderr_lines_unaccounted=0 limit=0 (%d dropped of %d)", dropped, 2*sent)
}

func over(all []time.Duration) (n int) {
	for _, d := range all {
		if d > time.Millisecond {
			n++
		}
	}
	return n
}

func micros(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1000 }

func valueOf(t testing.TB, m prometheus.Metric) float64 {
	t.Helper()
	var d dto.Metric
	if err := m.Write(&d); err != nil {
		t.Fatal(err)
	}
	return d.GetCounter().GetValue() + d.GetGauge().GetValue()
}
