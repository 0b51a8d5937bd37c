package pgtest

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
)

// tick of the times in /proc: USER_HZ is 100 wherever Go runs.
const tick = 10 * time.Millisecond

// CPU that the server has used: its postmaster, that one's children, and those that have ended. For benchmarks; Linux alone.
func CPU(t testing.TB, s *postgres.Server) (total time.Duration) {
	t.Helper()
	stats, err := filepath.Glob("/proc/[0-9]*/stat")
	if err != nil || len(stats) == 0 {
		t.Fatalf("the CPU of PostgreSQL is read from /proc: %d processes there, %v", len(stats), err)
	}
	for _, path := range stats {
		if raw, err := os.ReadFile(path); err == nil { // else it has ended
			total += used(string(raw), s.PID())
		}
	}
	return total
}

// used is what one line of /proc/*/stat tells of the postmaster or its child.
func used(stat string, postmaster int) (total time.Duration) {
	pid, _ := strconv.Atoi(strings.Fields(stat)[0])
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // state, ppid, … utime is the 12th
	parent, _ := strconv.Atoi(fields[1])
	if pid != postmaster && parent != postmaster {
		return 0
	}
	last := 13
	if pid == postmaster {
		last = 15 // and of children that were waited for
	}
	for _, f := range fields[11:last] {
		n, _ := strconv.Atoi(f)
		total += time.Duration(n) * tick
	}
	return total
}
