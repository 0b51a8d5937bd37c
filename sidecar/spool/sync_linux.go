package spool

import (
	"os"

	"golang.org/x/sys/unix"
)

// Sync is fdatasync: times and the like need not reach the disk. It holds the file open meanwhile, so that
// a concurrent Close cannot make it meet somebody else's descriptor.
func (f osFile) Sync() error {
	conn, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var synced error
	err = conn.Control(func(fd uintptr) {
		for synced = unix.Fdatasync(int(fd)); synced == unix.EINTR; {
			synced = unix.Fdatasync(int(fd))
		}
	})
	if err != nil {
		return os.ErrClosed
	}
	return synced
}
