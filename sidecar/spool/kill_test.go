package spool

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/seed"
)

// child writes records until it is killed, and says of each when Append has returned.
func child(dir string) {
	began := time.Now()
	s, err := Open(Settings{Dir: dir, Service: "catalogs", Instance: "catalogs-1", SegmentBytes: 16 << 10})
	if err != nil {
		fmt.Println("!", err, time.Since(began).Microseconds())
		os.Exit(1)
	}
	if os.Getenv("SPOOL_TEST_HOLD") != "" {
		s.Append(Error, frame("held"))
		fmt.Println("holds")
		<-make(chan struct{}) // until it is killed
	}
	if err := CrashOutput(dir); err != nil {
		fmt.Println("!", err)
		os.Exit(1)
	}
	padding := strings.Repeat("x", 200)
	for i := 0; ; i++ {
		c := Class(i % 3) // errors wait for the disk, and are written now and then
		if i%500 == 0 {
			c = Error
		}
		line := fmt.Sprintf("%d %s", i, padding)
		s.Append(c, frame(line))
		_, _ = os.Stdout.WriteString(fmt.Sprintln(i))
		if i == 20_000 && os.Getenv("SPOOL_TEST_PANIC") != "" {
			panic("the end of the test")
		}
	}
}

func start(t *testing.T, dir string, env ...string) (*exec.Cmd, *bufio.Scanner) {
	t.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(append(os.Environ(), "SPOOL_TEST_CHILD="+dir), env...)
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

// TestL1_KillLosesNothing: A ⊆ D ⊆ I, and nothing twice, after kill -9 at speed.
func TestL1_KillLosesNothing(t *testing.T) {
	t.Parallel()
	dir, choice := instanceDir(t), seed.New(t)
	for i := range seed.Runs(3, 200) {
		after := []int{1, 1000, 30_000}[min(i, 2)]
		if i > 2 {
			after = 1 + choice.IntN(30_000)
		}
		cmd, out := start(t, dir)
		returned := 0
		for out.Scan() {
			if strings.HasPrefix(out.Text(), "!") {
				t.Fatal(out.Text())
			}
			if returned++; returned == after {
				_ = cmd.Process.Kill()
			}
		}
		_ = cmd.Wait()
		checkAdopted(t, dir, returned)
	}
}

func checkAdopted(t *testing.T, dir string, returned int) {
	t.Helper()
	s := opened(t, Settings{Dir: dir})
	defer s.Close(t.Context())
	found := map[string]bool{}
	n := 0
	for _, e := range s.Adopt() {
		before := n
		for _, q := range e.Queues {
			for i, r := range drained(t, q) {
				id, _, _ := bytes.Cut(r.Line, []byte(" "))
				found[string(id)] = true
				n++
				if r.Seq != uint64(i+1) {
					t.Errorf("%s has %d at place %d", q.Class(), r.Seq, i+1)
				}
			}
		}
		if killed := n > before; killed == e.Closed { // the others are of this check itself
			t.Error("a killed epoch is closed")
		}
		if err := e.Remove(); err != nil {
			t.Error(err)
		}
	}
	for i := range returned {
		if !found[fmt.Sprint(i)] {
			t.Errorf("record %d is lost", i)
		}
	}
	t.Logf("METRIC lost_after_kill=%d limit=0 (%d returned, %d found)", max(0, returned-n), returned, n)
	if n != len(found) || n > returned+1 || returned == 0 {
		t.Errorf("%d records of %d ids, %d calls returned", n, len(found), returned)
	}
	s.Crashes(func(c Crash) bool { t.Errorf("kill -9 left last words: %.100s", c.Text); return true })
	if left, _ := filepath.Glob(filepath.Join(dir, "crash-*")); len(left) != 0 {
		t.Errorf("left: %v", left)
	}
}

// TestL13_TwoProcesses: a second process on the folder of a living one is refused at once, and writes nothing; the kernel
// gives the folder free with the death of the first.
func TestL13_TwoProcesses(t *testing.T) {
	t.Parallel()
	dir := instanceDir(t)
	first, out := start(t, dir, "SPOOL_TEST_HOLD=1")
	out.Scan()
	if out.Text() != "holds" {
		t.Fatalf("the first says %q", out.Text())
	}
	before := listing(t, dir)
	slowest := 0
	for range 5 {
		second, said := start(t, dir)
		said.Scan()
		words := strings.Fields(said.Text())
		if err := second.Wait(); err == nil || len(words) < 2 || !strings.Contains(said.Text(), ErrHeld.Error()) {
			t.Fatalf("the second says %q, and ends with %v", said.Text(), err)
		}
		took, err := strconv.Atoi(words[len(words)-1])
		if err != nil {
			t.Fatal(err)
		}
		slowest = max(slowest, took)
	}
	t.Logf("METRIC second_process_refused_ms=%.2f limit=100 (the slowest of 5, from its call on)", float64(slowest)/1000)
	if after := listing(t, dir); after != before {
		t.Errorf("the folder changed from\n%s to\n%s", before, after)
	}
	if err := first.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = first.Wait()
	s := opened(t, Settings{Dir: dir})
	if all := s.Adopt(); len(all) != 1 || all[0].Queues[Error].State().Pending != 1 {
		t.Errorf("adopted %d epochs", len(all))
	}
}

func TestLastWordsAreFound(t *testing.T) {
	t.Parallel()
	dir := instanceDir(t)
	cmd, out := start(t, dir, "SPOOL_TEST_PANIC=1")
	s := opened(t, Settings{Dir: filepath.Join(filepath.Dir(dir), "catalogs-2")})
	var told []Crash
	out.Scan()
	tell := func(c Crash) bool { told = append(told, c); return len(told) > 1 } // the first time it is not kept
	s.Crashes(tell)
	if len(told) != 0 {
		t.Errorf("told of a living process: %v", told)
	}
	for out.Scan() {
	}
	_ = cmd.Wait()
	for range 3 {
		s.Crashes(tell)
	}
	if len(told) != 2 || told[0].Instance != "catalogs-1" || !strings.Contains(told[0].Text, "the end of the test") {
		t.Errorf("told %v", told)
	}
}
