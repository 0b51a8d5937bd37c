//go:build unix && !linux

package guard

import (
	"os"
	"syscall"
)

func executable() (string, error) { return os.Executable() }

func adopt() error { return nil }

func attributes(o order) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if o.Credential != nil {
		attr.Credential = &syscall.Credential{Uid: o.Credential.UID, Gid: o.Credential.GID}
	}
	return attr
}

// sweep kills the server's process group; without a subreaper no wider circle can be known.
func sweep(group int) { _ = syscall.Kill(-group, syscall.SIGKILL) }
