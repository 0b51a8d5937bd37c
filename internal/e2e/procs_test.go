package e2e

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// proc is one process of this machine. Start tells two of the same id apart.
type proc struct {
	pid, parent int
	start       string
	command     string
}

// procs looks at all processes; those that end meanwhile are left out, and so are zombies.
func procs() map[int]proc {
	all := map[int]proc{}
	names, _ := filepath.Glob("/proc/[0-9]*")
	for _, name := range names {
		if p, ok := look(name); ok {
			all[p.pid] = p
		}
	}
	return all
}

func look(name string) (p proc, ok bool) {
	raw, err := os.ReadFile(filepath.Join(name, "stat"))
	if err != nil {
		return p, false
	}
	// The name in parentheses may hold anything; what follows the last one is fixed: state, parent, … the 20th is the start.
	fields := strings.Fields(string(raw[bytes.LastIndexByte(raw, ')')+1:]))
	if len(fields) < 20 || fields[0] == "Z" {
		return p, false
	}
	p.pid, _ = strconv.Atoi(filepath.Base(name))
	p.parent, _ = strconv.Atoi(fields[1])
	p.start = fields[19]
	line, err := os.ReadFile(filepath.Join(name, "cmdline"))
	p.command = strings.TrimSpace(string(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
	return p, err == nil
}

// family is a process's descendants, itself left out.
func family(of int) []proc {
	all := procs()
	var found []proc
	for _, p := range all {
		for at := p; at.parent > 1; at = all[at.parent] {
			if at.parent == of {
				found = append(found, p)
				break
			}
		}
	}
	return found
}

// holders are the processes, a family or not, that name the state folder in their command line or environment.
func holders(state string) []proc {
	var found []proc
	for _, p := range procs() {
		env, _ := os.ReadFile(fmt.Sprintf("/proc/%d/environ", p.pid))
		if strings.Contains(p.command, state) || bytes.Contains(env, []byte(state)) {
			found = append(found, p)
		}
	}
	return found
}

// strays are those of a family that still live, and whoever holds the state folder.
func strays(were []proc, state string) []proc {
	now := procs()
	left := holders(state)
	for _, p := range were {
		if same, ok := now[p.pid]; ok && same.start == p.start {
			left = append(left, p)
		}
	}
	return left
}

// nothingLeft waits for the end of everything that the program had started, and returns how long it took.
func nothingLeft(t testing.TB, were []proc, state string) time.Duration {
	t.Helper()
	began := time.Now()
	var left []proc
	ctx, cancel := context.WithTimeout(context.Background(), strayLimit)
	defer cancel()
	err := wait.Until(ctx, func() bool {
		left = strays(were, state)
		return len(left) == 0
	})
	if err != nil {
		t.Errorf("%d processes were left: %v", len(left), left)
	}
	return time.Since(began)
}

// named counts those of a family whose command begins with a name.
func named(all []proc, name string) int {
	n := 0
	for _, p := range all {
		if strings.HasPrefix(filepath.Base(strings.Fields(p.command + " -")[0]), name) {
			n++
		}
	}
	return n
}
