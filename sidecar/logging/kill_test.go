package logging

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

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
	go func() { _ = logs.Ship(context.Background(), conn) }()
	log := logs.Logger("child")
	for i := 0; ; i++ {
		log.Info(fmt.Sprintf("<%s %d>", logs.Epoch(), i), "rows", i, "user_id", "u-1")
		_, _ = os.Stdout.WriteString(fmt.Sprintf("<%s %d>\n", logs.Epoch(), i))
		if i == 5000 && os.Getenv("LOGGING_TEST_PANIC") != "" {
			panic("the end of the child")
		}
	}
}

// TestL1_KilledWhileShipping: what a call returned for is in the store after the next start, each place of
// the ledger with one content, although batches were under way and were acknowledged when the kill came.
func TestL1_KilledWhileShipping(t *testing.T) {
	t.Parallel()
	r, conn := serve(t)
	s := settings(t, "catalogs-1")
	var returned []string
	for _, after := range []int{500, 8000} {
		returned = append(returned, killed(t, s.SpoolDir, conn.Target(), after)...)
	}
	returned = append(returned, killed(t, s.SpoolDir, conn.Target(), -1, "LOGGING_TEST_PANIC=1")...)
	logs := opened(t, s)
	defer shipping(t, logs, conn)()
	end := time.Now().Add(30 * time.Second)
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

func killed(t *testing.T, dir, store string, after int, env ...string) (returned []string) {
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
	for lines := bufio.NewScanner(out); lines.Scan(); {
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
