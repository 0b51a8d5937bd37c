package intake

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// lonely is a sender whose store is nowhere: all that it takes stays in its spool.
func lonely(t *testing.T) *Sender {
	t.Helper()
	key := filepath.Join(t.TempDir(), "up.pem")
	if _, err := servicetoken.LoadOrGenerateKey(key); err != nil {
		t.Fatal(err)
	}
	s, err := NewSender(SenderSettings{Service: "shop", Instance: "shop-1", Level: foreign.LevelTrace, SpoolDir: filepath.Join(t.TempDir(), "spool"),
		Unhurried: true, Began: time.Now(), SignAs: "up", KeyFile: key, Peers: peers.Static{store: {RPC: []string{"127.0.0.1:1"}}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func waiting(t *testing.T, s *Sender) State {
	t.Helper()
	st, err := s.State()
	if err != nil {
		t.Fatal(err)
	}
	return st
}

// Everything is in the spool when the source ends, whether or not there is a store.
func TestWithoutAStoreItIsSpooled(t *testing.T) {
	t.Parallel()
	s := lonely(t)
	sum, err := Run(t.Context(), Settings{Sender: s, Stdin: strings.NewReader("one\n\ttwo\nthree\n{\"msg\":\"four\"}"), NoWait: true})
	if err != nil || sum.Records != 3 || sum.Waiting != 3 || sum.Formats["json"] != 1 || len(sum.Dropped) != 0 {
		t.Errorf("%+v, %v", sum, err)
	}
	if _, err := NewSender(s.settings); err == nil || !strings.Contains(err.Error(), spool.ErrHeld.Error()) {
		t.Errorf("a second sender on one spool: %v", err)
	}
}

// A source that can wait is held back long before the spool sheds anything.
func TestASourceWaitsForRoom(t *testing.T) {
	t.Parallel()
	s := lonely(t)
	line := []byte(`{"level":"debug","msg":"` + strings.Repeat("x", 1000) + `"}` + "\n")
	endless, feed := io.Pipe()
	go func() {
		for {
			if _, err := feed.Write(line); err != nil {
				return
			}
		}
	}()
	defer endless.Close() //nolint:errcheck // it never fails
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan Summary, 1)
	go func() {
		sum, _ := Run(ctx, Settings{Sender: s, Stdin: endless})
		ended <- sum
	}()
	wait.For(t, time.Minute, "a full room", func() bool { return waiting(t, s).Bytes >= roomBytes })
	full := waiting(t, s).Bytes
	<-time.After(20 * waitStep)
	if st := waiting(t, s); st.Bytes-full > 3*checkEvery || len(st.Dropped) != 0 {
		t.Errorf("from %d bytes it grew to %d, dropped %v", full, st.Bytes, st.Dropped)
	}
	cancel()
	if sum := <-ended; sum.Waiting == 0 || int64(sum.Waiting) != sum.Records {
		t.Errorf("%+v", sum)
	}
}

// The last line comes while its source is silent.
func TestIdleLineComes(t *testing.T) {
	t.Parallel()
	s := lonely(t)
	r, w := io.Pipe()
	ended := make(chan error, 1)
	go func() {
		_, err := Run(t.Context(), Settings{Sender: s, Stdin: r, NoWait: true})
		ended <- err
	}()
	if _, err := w.Write([]byte("a plain line\n")); err != nil {
		t.Fatal(err)
	}
	wait.For(t, 20*time.Second, "the line", func() bool { return waiting(t, s).Waiting == 1 })
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

// What a command writes is passed on byte by byte, whatever is in it, and its end is told.
func TestCommand(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		script   string
		out, err string
		exit     int
		records  int // of the command and of its end
	}{
		{`printf 'a\000b\n\033[31mc\033[0m'; printf 'x\n' >&2`, "a\x00b\n\x1b[31mc\x1b[0m", "x\n", 0, 3},
		{`exit 4`, "", "", 4, 1},
		{`kill -TERM $$`, "", "", 128 + int(syscall.SIGTERM), 1},
		{`(sleep 4 & echo started)`, "started\n", "", 0, 1}, // what it leaves behind holds its output
	} {
		s := lonely(t)
		var out, errs bytes.Buffer
		began := time.Now()
		sum, err := Run(t.Context(), Settings{Sender: s, Command: []string{"sh", "-c", c.script}, Stdin: strings.NewReader(""), Stdout: &out, Stderr: &errs, NoWait: true})
		if err != nil || sum.Exit == nil || *sum.Exit != c.exit || out.String() != c.out || errs.String() != c.err {
			t.Errorf("%s: %v, %+v, %q %q", c.script, err, sum, &out, &errs)
		}
		if sum.Waiting != c.records {
			t.Errorf("%s: %d records, want %d", c.script, sum.Waiting, c.records)
		}
		t.Logf("METRIC intake_command_seconds=%.2f limit=5", time.Since(began).Seconds())
	}
}

// Hostile names of loggers and half a trace are attributes.
func TestNamesAreBounded(t *testing.T) {
	t.Parallel()
	s := lonely(t)
	for i := range 3 * mostLoggers {
		r := foreign.Record{Logger: fmt.Sprintf("logger-%d", i), Message: "x", Level: slog.LevelInfo}
		s.handler(&r)
		if kept := len(r.Attrs) == 0; kept != (i < mostLoggers) && kept != (i < mostLoggers-1) {
			t.Fatalf("logger %d: %v", i, r.Attrs)
		}
	}
	r := foreign.Record{TraceID: "4bf92f3577b34da6a3ce929d0e0e4736", Logger: strings.Repeat("x", 1000)}
	s.handler(&r)
	if len(r.Attrs) != 2 || len(s.loggers) > mostLoggers+1 {
		t.Errorf("%v, %d loggers", r.Attrs, len(s.loggers))
	}
}
