// Package host answers what a private server needs to know of this machine: which user it may run as,
// where its data can lie, which port is free.
package host

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"net"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

// Credential is the unprivileged user for a server: the first of names that exists, else nobody. It is
// nil (the caller's own user) when the caller is not root.
func Credential(names ...string) (*guard.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range append(names, "nobody") {
		u, err := user.Lookup(name)
		if err != nil {
			continue
		}
		uid, errUID := strconv.ParseUint(u.Uid, 10, 32)
		gid, errGID := strconv.ParseUint(u.Gid, 10, 32)
		if err := errors.Join(errUID, errGID); err != nil {
			return nil, fmt.Errorf("read user %s: %w", name, err)
		}
		return &guard.Credential{UID: uint32(uid), GID: uint32(gid)}, nil
	}
	return nil, fmt.Errorf("run servers as root: no unprivileged user among %v, nobody", names)
}

// Place makes dir, owned by the server's user, and returns it; where that user could not enter it (a
// state folder under /root), a folder under /var/lib/signalbox that is always the same for this dir.
func Place(dir string, who *guard.Credential) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", fmt.Errorf("place server data: %w", err)
	}
	if who != nil && !enterable(filepath.Dir(dir), *who) {
		hash := sha256.Sum256([]byte(filepath.Dir(dir)))
		dir = filepath.Join("/var/lib/signalbox", hex.EncodeToString(hash[:8]), filepath.Base(dir))
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o711); err != nil {
		return "", fmt.Errorf("place server data: %w", err)
	}
	return dir, Own(dir, who)
}

// Own makes dir if need be and gives it to the user, closed to all others.
func Own(dir string, who *guard.Credential) error {
	if err := os.Mkdir(dir, 0o700); err != nil && !errors.Is(err, os.ErrExist) {
		return fmt.Errorf("make server folder: %w", err)
	}
	return Give(dir, who)
}

// Give makes the user the owner of a file or folder.
func Give(path string, who *guard.Credential) error {
	if who == nil {
		return nil
	}
	return os.Lchown(path, int(who.UID), int(who.GID))
}

// enterable reports whether the user may pass through every folder on the way. Folders that do not
// exist yet will be made so that he can.
func enterable(dir string, who guard.Credential) bool {
	for {
		info, err := os.Stat(dir)
		if err == nil && !passes(info, who) || err != nil && !errors.Is(err, os.ErrNotExist) {
			return false
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return true
		}
		dir = parent
	}
}

func passes(info os.FileInfo, who guard.Credential) bool {
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !ok:
		return false
	case stat.Uid == who.UID:
		return info.Mode()&0o100 != 0
	case stat.Gid == who.GID:
		return info.Mode()&0o010 != 0
	default:
		return info.Mode()&0o001 != 0
	}
}

// Ports tried are below the range from which systems take the local end of outgoing connections: while a
// server is down, a client that dials its port over and over could otherwise be given that very port and
// connect to itself, and the server would find it taken.
const lowestPort, highestPort = 15000, 32000

// FreePort is a TCP port of the loopback that could be bound just now. Another process may take it before
// the server does; callers try again with another one.
func FreePort() (int, error) {
	for range 200 {
		n, err := rand.Int(rand.Reader, big.NewInt(highestPort-lowestPort))
		if err != nil {
			return 0, fmt.Errorf("choose port: %w", err)
		}
		port := lowestPort + int(n.Int64())
		l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", strconv.Itoa(port)))
		if err != nil {
			continue
		}
		return port, l.Close()
	}
	return 0, fmt.Errorf("no free port between %d and %d", lowestPort, highestPort)
}

// Open is nil when something listens at each address.
func Open(ctx context.Context, addresses ...string) error {
	for _, a := range addresses {
		var d net.Dialer
		conn, err := d.DialContext(ctx, "tcp", a)
		if err != nil {
			return err
		}
		_ = conn.Close()
	}
	return nil
}

// Secret is 24 random bytes for a password, in letters and digits.
func Secret() string { return rand.Text() + rand.Text()[:12] }
