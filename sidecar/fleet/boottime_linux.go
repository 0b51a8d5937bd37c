package fleet

import (
	"os"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func boottime() (id string, since time.Duration, ok bool) {
	raw, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return "", 0, false
	}
	var t unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &t); err != nil {
		return "", 0, false
	}
	return strings.TrimSpace(string(raw)), time.Duration(t.Nano()), true
}
