package guard_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

// Should somebody kill the guard itself, the kernel kills the server, and the program learns of it.
func TestH2_GuardKilled(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	p, err := guard.Start(t.Context(), serve(dir))
	if err != nil {
		t.Fatal(err)
	}
	daemon := pidIn(t, filepath.Join(dir, "daemon"))
	if err := syscall.Kill(parent(t, p.PID()), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	<-p.Done()
	gone(t, p.PID(), "the server")
	if p.Err() == nil || !strings.Contains(p.Err().Error(), "guard was killed") {
		t.Errorf("ended with %v", p.Err())
	}
	_ = syscall.Kill(daemon, syscall.SIGKILL) // the one that nobody is left to find
}

func parent(t *testing.T, pid int) (ppid int) {
	t.Helper()
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	// The name in parentheses may hold anything; what follows the last one is fixed.
	rest := string(stat[strings.LastIndexByte(string(stat), ')')+1:])
	var state string
	if _, err := fmt.Sscan(rest, &state, &ppid); err != nil {
		t.Fatal(err)
	}
	return ppid
}
