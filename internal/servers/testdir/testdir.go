// Package testdir gives the servers of a test binary their folders: all below one, which goes away with
// the binary however that ends.
package testdir

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

// root is made once per test binary.
var root = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp(base(), "signalbox-test-")
	if err != nil {
		return "", err
	}
	if err := os.Chmod(dir, 0o711); err != nil { // servers run as other users, each in a folder of its own
		return "", err
	}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	keeper, err := guard.Keep(ctx, dir)
	if err != nil {
		return "", err
	}
	guard.AtExit(func() {
		_ = os.RemoveAll(dir)
		_ = keeper.Stop(context.Background())
	})
	return dir, nil
})

// base is a folder that every user may pass: root's own temporary folder may not be.
func base() string {
	dir := os.TempDir()
	if os.Getuid() != 0 {
		return dir
	}
	if info, err := os.Stat(dir); err == nil && info.Mode()&0o001 != 0 {
		return dir
	}
	return "/tmp"
}

// New makes a folder for one server.
func New(name string) (string, error) {
	root, err := root()
	if err != nil {
		return "", fmt.Errorf("make the test binary's folder: %w", err)
	}
	dir, err := os.MkdirTemp(root, name+"-")
	if err != nil {
		return "", err
	}
	return dir, nil
}
