package postgres_test

import (
	"bytes"
	"os"
	osexec "os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// kill -9 of a program while it makes its database: initdb ends with it, and the next program begins anew at once.
func TestKilledWhileTheDatabaseIsMade(t *testing.T) {
	t.Parallel()
	dir := serverDir(t)
	child := osexec.Command(os.Args[0])
	child.Env = append(os.Environ(), makes+"="+dir)
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	wait.For(t, 20*time.Second, "initdb", func() bool { return len(working(t, dir)) > 0 })
	if err := child.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = child.Wait() // killed
	s := started(t, postgres.Settings{Dir: dir})
	exec(t, s.URL(), `select 1`)
	for _, line := range working(t, dir) {
		t.Errorf("left: %s", line)
	}
	if left, err := filepath.Glob(filepath.Join(s.Dir(), "half-made*")); err != nil || len(left) > 0 {
		t.Errorf("left: %v, %v", left, err)
	}
}

// working lists the command lines of what makes a database in the folder.
func working(t *testing.T, dir string) []string {
	t.Helper()
	names, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, name := range names {
		line, _ := os.ReadFile(name) // a process may be gone
		if bytes.Contains(line, []byte("initdb\x00--pgdata="+dir)) {
			found = append(found, string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
		}
	}
	return found
}
