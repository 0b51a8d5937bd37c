package amqptest

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/rabbitmq"
)

// tick of the times in /proc: USER_HZ is 100 wherever Go runs.
const tick = 10 * time.Millisecond

// CPU that the node has used. For benchmarks; Linux alone.
func CPU(t testing.TB, s *rabbitmq.Server) time.Duration {
	t.Helper()
	return ProcessCPU(t, s.PID())
}

// ProcessCPU is what any process has used.
func ProcessCPU(t testing.TB, pid int) (total time.Duration) {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatalf("CPU is read from /proc: %v", err)
	}
	stat := string(raw)
	fields := strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:]) // state, ppid, … utime is the 12th
	for _, f := range fields[11:15] {                                   // its own, and of children that were waited for
		n, err := strconv.Atoi(f)
		if err != nil {
			t.Fatalf("CPU of process %d: %v", pid, err)
		}
		total += time.Duration(n) * tick
	}
	return total
}
