package logging

import (
	"bytes"
	"context"
	"errors"
	"io"
	"strings"
	"testing"

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

func valueOf(t testing.TB, m prometheus.Metric) float64 {
	t.Helper()
	var d dto.Metric
	if err := m.Write(&d); err != nil {
		t.Fatal(err)
	}
	return d.GetCounter().GetValue() + d.GetGauge().GetValue()
}
