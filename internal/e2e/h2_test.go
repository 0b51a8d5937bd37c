package e2e

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"regexp"
	"strconv"
	"syscall"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// victim makes this test binary one that runs a mesh until it is killed.
const victim = "E2E_VICTIM"

// TestH2_Victim is what TestH2_KilledTestLeavesNothing kills; alone it does nothing.
func TestH2_Victim(t *testing.T) {
	bus := os.Getenv(victim)
	if bus == "" {
		return
	}
	m := start(t, newState(t), nil, "--bus", bus)
	fmt.Printf("victim up=%d state=%s.\n", m.pid(), m.state)
	<-m.done
}

// TestH2_KilledTestLeavesNothing: a test binary that is killed takes its meshes with it, and their folders.
func TestH2_KilledTestLeavesNothing(t *testing.T) {
	t.Parallel()
	var said output
	test := exec.Command(os.Args[0], "-test.run=^TestH2_Victim$")
	test.Env = append(environ(), victim+"=inproc")
	test.Stdout = &said
	test.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := test.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = test.Wait(); close(ended) }() // it is killed, or failed before that
	var found []string
	wait.For(t, 2*startLimit, "the victim's mesh", func() bool {
		found = regexp.MustCompile(`victim up=(\d+) state=(.*)\.`).FindStringSubmatch(said.String())
		select {
		case <-ended:
			t.Fatalf("it ended before it was killed: %s", said.String())
		default:
		}
		return found != nil
	})
	were := family(test.Process.Pid)
	up, err := strconv.Atoi(found[1])
	if err != nil || named(were, "postgres") == 0 || len(family(up)) == 0 {
		t.Fatalf("%v: not the family that was expected: %v", err, were)
	}
	if err := test.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	<-ended
	took := nothingLeft(t, were, found[2])
	wait.For(t, strayLimit, "its folder to go", func() bool { _, err := os.Stat(found[2]); return errors.Is(err, fs.ErrNotExist) })
	t.Logf("METRIC h2_processes_gone_seconds=%.2f limit=5", took.Seconds())
}
