package logging

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	ossignal "os/signal"
	"strings"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// child logs and ships until it is killed, and says of each record when its call has returned.
func child(dir, store string) {
	logs, err := New(Settings{Service: "catalogs", Instance: "catalogs-1", Stderr: io.Discard, SpoolDir: dir})
	if err != nil {
		fmt.Println("!", err)
		os.Exit(1)
	}
	if err := spool.CrashOutput(dir); err != nil {
		fmt.Println("!", err)
		os.Exit(1)
	}
	conn, err := grpc.NewClient(store, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		fmt.Println("!", err)
		os.Exit(1)
	}
	asked := make(chan os.Signal, 1)
	if os.Getenv("LOGGING_TEST_TERM") != "" {
		ossignal.Notify(asked, syscall.SIGTERM)
	}
	ctx, cancel := context.WithCancel(context.Background())
	shipped := make(chan error, 1)
	go func() { shipped <- logs.Ship(ctx, conn) }()
	log := logs.Logger("child")
	for i := 0; ; i++ {
		if len(asked) > 0 {
			stopped(logs, cancel, shipped)
		}
		log.Info(fmt.Sprintf("<%s %d>", logs.Epoch(), i), "rows", i, "user_id", "u-1")
		_, _ = os.Stdout.WriteString(fmt.Sprintf("<%s %d>\n", logs.Epoch(), i))
		if i == 5000 && os.Getenv("LOGGING_TEST_PANIC") != "" {
			panic("the end of the child")
		}
	}
}

// stopped ends the child as a sidecar does: what can be shipped within two seconds is, the rest stays in the spool.
func stopped(logs *Logs, cancel func(), shipped <-chan error) {
	ctx, done := context.WithTimeout(context.Background(), 2*time.Second)
	defer done()
	logs.Seal()
	_ = logs.Drain(ctx) // what is left is the next start's
	cancel()
	err := <-shipped
	if err = errors.Join(err, logs.Close(context.Background())); err != nil {
		fmt.Println("!", err)
		os.Exit(1)
	}
	os.Exit(0)
}

// TestL11_Terminated: a process that is asked to stop, with the store there and with it away, ends within five seconds, and
// nothing that a call returned for is lost: it is in the store, or the next start brings it there.
func TestL11_Terminated(t *testing.T) {
	t.Parallel()
	r, conn := serve(t)
	s := settings(t, "catalogs-1")
	var returned []string
	for _, c := range []struct{ name, store string }{{"there", conn.Target()}, {"away", "127.0.0.1:1"}} {
		cmd, out := began(t, s.SpoolDir, c.store, "LOGGING_TEST_TERM=1")
		var asked time.Time
		for out.Scan() {
			if strings.HasPrefix(out.Text(), "!") {
				t.Fatal(out.Text())
			}
			if returned = append(returned, out.Text()); len(returned)%5000 == 0 && asked.IsZero() {
				asked = time.Now()
				if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
			}
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("with the store %s: %v", c.name, err)
		}
		t.Logf("METRIC sigterm_to_end_seconds=%.2f limit=5 (store %s; %d of %d calls are not stored yet)", time.Since(asked).Seconds(), c.name, lost(r, returned), len(returned))
	}
	logs := opened(t, s)
	defer shipping(t, logs, conn)()
	end := time.Now().Add(2 * time.Minute)
	for tick := time.NewTicker(5 * time.Millisecond); lost(r, returned) > 0; <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%d of %d records are lost", lost(r, returned), len(returned))
		}
	}
	t.Logf("METRIC lost_after_sigterm=0 limit=0 (of %d)", len(returned))
	if r.clashes > 0 {
		t.Errorf("%d places of the ledger have two contents", r.clashes)
	}
}

// TestL1_KilledWhileShipping: what a call returned for is in the store after the next start, each place of
// the ledger with one content, although batches were under way and were acknowledged when the kill came.
func TestL1_KilledWhileShipping(t *testing.T) {
	t.Parallel()
	r, conn := serve(t)
	s := settings(t, "catalogs-1")
	var returned []string
	choice := seed.New(t)
	for i := range seed.Runs(2, 30) {
		after := []int{500, 8000}[min(i, 1)]
		if i > 1 {
			after = 1 + choice.IntN(10_000)
		}
		returned = append(returned, killed(t, s.SpoolDir, conn.Target(), after)...)
	}
	returned = append(returned, killed(t, s.SpoolDir, conn.Target(), -1, "LOGGING_TEST_PANIC=1")...)
	logs := opened(t, s)
	defer shipping(t, logs, conn)()
	end := time.Now().Add(2 * time.Minute)
	words := "catalogs.crash: process crashed: panic: the end of the child"
	for tick := time.NewTicker(5 * time.Millisecond); !strings.Contains(r.all(), words) || !strings.Contains(r.all(), "not stopped cleanly") ||
		lost(r, returned) > 0; <-tick.C {
		if time.Now().After(end) {
			t.Fatalf("%d of %d records are lost; or the last words, or the note of the recovery:\n%.3000s", lost(r, returned), len(returned), r.all())
		}
	}
	t.Logf("METRIC lost_after_kill_while_shipping=0 limit=0 (of %d)", len(returned))
	if r.clashes > 0 {
		t.Errorf("%d places of the ledger have two contents", r.clashes)
	}
}

func began(t *testing.T, dir, store string, env ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "LOGGING_TEST_CHILD="+dir, "LOGGING_TEST_STORE="+store), env...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	return cmd, bufio.NewScanner(out)
}

func killed(t *testing.T, dir, store string, after int, env ...string) (returned []string) {
	t.Helper()
	cmd, lines := began(t, dir, store, env...)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "!") {
			t.Fatal(lines.Text())
		}
		returned = append(returned, lines.Text())
		if len(returned) == after {
			_ = cmd.Process.Kill()
		}
	}
	_ = cmd.Wait()
	return returned
}

func lost(r *receiver, returned []string) (n int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	there := map[string]bool{}
	for _, m := range r.messages {
		there[strings.TrimPrefix(m, "child: ")] = true
	}
	for _, m := range returned {
		if !there[m] {
			n++
		}
	}
	return n
}
