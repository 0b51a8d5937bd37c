package studio

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/up"
)

// TestOneInstanceIsKilled: of a mesh whose instances are processes one dies and does not come back. The overview names it as
// the cause of what fails, the fleet shows it as lost, and when it is back its page tells when it was away.
func TestOneInstanceIsKilled(t *testing.T) {
	if os.Getenv("STUDIO_TESTS") != "" {
		t.Skip("another part of the suite is asked for")
	}
	needs(t)
	m := newMesh(t, "--split")
	m.user("viewer", map[string]any{"role": "viewer"})
	took := m.suite("--project=split", "STUDIO_SPLIT=1")
	t.Logf("METRIC studio_killed_seconds=%.1f limit=40", took.Seconds())
}

// away is the program while nobody may start it.
func (m *mesh) away() string { return m.binary + ".away" }

// kill ends the instance's process, which mesh.json has named, and which must descend from the program that this test has
// started. `up` would start it again at once: without its file it cannot, and tries until revive.
func (m *mesh) kill(instance string) error {
	i := slices.IndexFunc(m.Instances, func(i up.Instance) bool { return i.Instance == instance })
	if i < 0 {
		return fmt.Errorf("no instance %q among %v", instance, m.Instances)
	}
	pid := m.Instances[i].PID
	if own := m.program.cmd.Process.Pid; pid == own || !descends(pid, own) {
		return fmt.Errorf("%s, process %d, is no child of the mesh's, %d", instance, pid, own)
	}
	if err := errors.Join(os.Link(m.binary, m.away()), os.Remove(m.binary)); err != nil { // a file that is renamed would be found all the same
		return err
	}
	return syscall.Kill(pid, syscall.SIGKILL)
}

func (m *mesh) revive(string) error { return os.Rename(m.away(), m.binary) }

// descends says whether a process is below another one.
func descends(pid, from int) bool {
	for pid > 1 && pid != from {
		raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil {
			return false
		}
		fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:])) // the name may hold anything; state and parent follow
		if len(fields) < 2 {
			return false
		}
		if pid, err = strconv.Atoi(fields[1]); err != nil {
			return false
		}
	}
	return pid == from
}
