package main

import (
	"debug/elf"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	v1 "github.com/google/go-containerregistry/pkg/v1"
)

// runs: with nothing but the image's files around it, as the image's user, the program knows the zones of the earth, and
// needs no file of the machine's.
func runs(t *testing.T, root string, img v1.Image) {
	f, err := elf.Open(filepath.Join(root, binaryPath))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for _, p := range f.Progs {
		if p.Type == elf.PT_INTERP {
			t.Error("the binary is not static: it asks for an interpreter")
		}
	}
	if libraries, err := f.ImportedLibraries(); len(libraries) > 0 {
		t.Errorf("the binary asks for %v (%v)", libraries, err)
	}
	file, err := img.ConfigFile()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), file.Config.Entrypoint[0], "schedule", "explain", "0 2 * * mon-fri", "--tz", "Europe/Berlin")
	cmd.Dir, cmd.Env, cmd.SysProcAttr = "/", file.Config.Env, inside(t, root)
	said, err := cmd.CombinedOutput()
	if err != nil || !strings.Contains(string(said), "Europe/Berlin") {
		t.Errorf("%v: %s", err, said)
	}
}

// inside of root, as the image's user; who is not root becomes it for that in a namespace of their own, where users may.
func inside(t *testing.T, root string) *syscall.SysProcAttr {
	t.Helper()
	for dir := root; dir != "/"; dir = filepath.Dir(dir) { // of the test's folders, which are nobody else's
		if info, err := os.Stat(dir); err == nil && info.Mode().Perm()&0o011 != 0o011 && strings.HasPrefix(dir, os.TempDir()+"/") {
			if err := os.Chmod(dir, 0o711); err != nil {
				t.Fatal(err)
			}
		}
	}
	if os.Getuid() == 0 {
		return &syscall.SysProcAttr{Chroot: root, Credential: &syscall.Credential{Uid: user, Gid: user}}
	}
	return &syscall.SysProcAttr{Chroot: root, Cloneflags: syscall.CLONE_NEWUSER,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
}
