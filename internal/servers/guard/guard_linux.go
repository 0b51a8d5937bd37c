package guard

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// executable is the running image itself, also after a new build took its place on the disk.
func executable() (string, error) { return "/proc/self/exe", nil }

// adopt makes the guard the parent of every orphan among its descendants. Its name in ps would be "exe",
// after the path it was started by.
func adopt() error {
	_ = os.WriteFile("/proc/self/comm", []byte("signalbox-guard"), 0) // for people only
	if err := unix.Prctl(unix.PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0); err != nil {
		return fmt.Errorf("become subreaper: %w", err)
	}
	return nil
}

func attributes(o order) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	if o.Credential != nil {
		attr.Credential = &syscall.Credential{Uid: o.Credential.UID, Gid: o.Credential.GID}
	}
	return attr
}

// sweep kills what descends from the guard until nothing is left: killing one process makes its
// children the guard's, so each round finds the next generation.
func sweep(int) {
	deadline := time.Now().Add(5 * time.Second)
	for time.Now().Before(deadline) {
		for _, pid := range children(os.Getpid()) {
			_ = syscall.Kill(pid, syscall.SIGKILL)
		}
		if _, err := syscall.Wait4(-1, nil, 0, nil); err == syscall.ECHILD {
			return
		}
	}
}

// children reads the direct children of a process, whichever of its threads made them.
func children(pid int) []int {
	threads, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	if err != nil {
		return nil
	}
	var found []int
	for _, thread := range threads {
		list, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/children", pid, thread.Name()))
		if err != nil {
			continue
		}
		for _, field := range bytes.Fields(list) {
			if child, err := strconv.Atoi(string(field)); err == nil {
				found = append(found, child)
			}
		}
	}
	return found
}
