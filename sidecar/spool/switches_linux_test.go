package spool

import "golang.org/x/sys/unix"

// waits says which thread this is, and how often it has given the processor up to wait for something. A goroutine for which
// that stays the same has not waited.
type waits struct {
	thread int
	given  int64
}

func switches() waits {
	var use unix.Rusage
	_ = unix.Getrusage(unix.RUSAGE_THREAD, &use)
	return waits{unix.Gettid(), use.Nvcsw}
}
