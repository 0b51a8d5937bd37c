// Package smalldisk gives a test a real file system that is soon full: a tmpfs of a few megabytes, in a mount
// namespace of its own, so that whatever ends the test takes the mount with it.
package smalldisk

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
)

const (
	variable = "SIGNALBOX_TEST_SMALL_DISK"
	denied   = "small disk denied: "
)

// Run runs body in a child of the test binary in which dir is a file system of that many bytes. The test that
// calls it does nothing else, and is no subtest. Mounting takes root or user namespaces; where neither is to
// be had, the test is skipped and says so. A server that refuses to run as root can be started on the disk: a caller who is
// root has its unprivileged user there, for whom the way to dir is open, and in a user namespace nobody is root.
func Run(t *testing.T, size int64, body func(t *testing.T, dir string)) {
	t.Helper()
	if dir := os.Getenv(variable); dir != "" {
		if err := mount(dir, size); err != nil {
			t.Skip(denied + err.Error())
		}
		body(t, dir)
		return
	}
	dir := t.TempDir()
	if err := os.Chmod(filepath.Dir(dir), 0o711); err != nil { // other users may pass it, and see nothing
		t.Fatal(err)
	}
	var reasons []string
	for _, namespaces := range []uintptr{syscall.CLONE_NEWNS, syscall.CLONE_NEWNS | syscall.CLONE_NEWUSER} {
		reason := child(t, namespaces, dir)
		if reason == "" {
			return
		}
		reasons = append(reasons, reason)
	}
	t.Skipf("a small disk cannot be mounted here: %s", strings.Join(reasons, "; "))
}

func mount(dir string, size int64) error {
	if err := syscall.Mount("", "/", "", syscall.MS_REC|syscall.MS_PRIVATE, ""); err != nil {
		return fmt.Errorf("make mounts private: %w", err)
	}
	if err := syscall.Mount("tmpfs", dir, "tmpfs", 0, fmt.Sprintf("size=%d", size)); err != nil {
		return fmt.Errorf("mount tmpfs: %w", err)
	}
	return nil
}

// child answers why the test could not be run; empty: it was.
func child(t *testing.T, namespaces uintptr, dir string) (reason string) {
	t.Helper()
	runtime.LockOSThread() // the child dies with this thread
	defer runtime.UnlockOSThread()
	cmd := exec.Command(os.Args[0], "-test.v", "-test.count=1", "-test.run=^"+t.Name()+"$")
	cmd.Env = append(os.Environ(), variable+"="+dir)
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: namespaces, Pdeathsig: syscall.SIGKILL}
	if namespaces&syscall.CLONE_NEWUSER != 0 {
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: notRoot(os.Getuid()), HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: notRoot(os.Getgid()), HostID: os.Getgid(), Size: 1}}
		cmd.SysProcAttr.AmbientCaps = []uintptr{capSysAdmin} // else only root could mount, even here
	}
	out, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	switch {
	case err != nil && !errors.As(err, &exit):
		return err.Error()
	case bytes.Contains(out, []byte(denied)):
		_, rest, _ := strings.Cut(string(out), denied)
		first, _, _ := strings.Cut(rest, "\n")
		return first
	case err != nil:
		t.Errorf("%v\n%s", err, out)
	case !bytes.Contains(out, []byte("--- PASS: "+t.Name())):
		t.Errorf("the test did not run:\n%s", out)
	default:
		t.Logf("%s", out)
	}
	return ""
}

const capSysAdmin = 21

// notRoot is the id that somebody has in a user namespace: his own, but for root, for whom it is nobody's.
func notRoot(id int) int {
	if id == 0 {
		return 65534
	}
	return id
}

// Fill takes all the room that is left below dir, with a file of that name; removing it gives the room back.
func Fill(t testing.TB, dir, name string) (path string) {
	t.Helper()
	path = filepath.Join(dir, name)
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 64 << 10; size > 0; {
		if _, err := f.Write(make([]byte, size)); err == nil {
			continue
		} else if !errors.Is(err, syscall.ENOSPC) {
			t.Fatal(err)
		}
		size /= 2
	}
	return path
}

// Free is how many bytes are left below dir.
func Free(t testing.TB, dir string) int64 {
	t.Helper()
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		t.Fatal(err)
	}
	return int64(s.Bavail) * s.Bsize
}
