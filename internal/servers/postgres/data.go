package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/host"
)

// prepare makes the data folder and the password beside it, or finds both again.
func (s *Server) prepare(ctx context.Context) error {
	_, err := os.Stat(filepath.Join(s.data(), "PG_VERSION"))
	switch {
	case err == nil:
		return s.readPassword(filepath.Join(s.dir, "password"))
	case !errors.Is(err, fs.ErrNotExist):
		return err
	case s.settings.Disposable:
		return s.copyTemplate(ctx)
	default:
		return s.initialise(ctx, s.dir)
	}
}

func (s *Server) readPassword(path string) error {
	b, err := os.ReadFile(path)
	s.password = strings.TrimSpace(string(b))
	return err
}

// initialise runs initdb, under guard, into a folder of its own beside data and renames that at the end: an initdb
// that was cut short is never taken for a database, and one that is being killed just now disturbs nobody.
func (s *Server) initialise(ctx context.Context, dir string) error {
	s.password = host.Secret()
	password, half := filepath.Join(dir, "password"), filepath.Join(dir, "half-made-"+rand.Text()[:8])
	if err := errors.Join(os.WriteFile(password, []byte(s.password+"\n"), 0o600), host.Give(password, s.who)); err != nil {
		return err
	}
	args := []string{
		"--pgdata=" + half, "--username=" + Superuser, "--pwfile=" + password, "--auth=scram-sha-256",
		"--encoding=UTF8", "--locale=C.UTF-8", "--no-instructions",
	}
	if s.settings.Disposable {
		args = append(args, "--no-sync", "--wal-segsize=4")
	}
	if err := s.initdb(ctx, dir, args); err != nil {
		return fmt.Errorf("initdb: %w", errors.Join(err, os.RemoveAll(half)))
	}
	return errors.Join(os.Rename(half, filepath.Join(dir, "data")), removeHalfMade(dir))
}

func (s *Server) initdb(ctx context.Context, dir string, args []string) error {
	said := &host.Tail{}
	p, err := guard.Start(ctx, guard.Command{
		Name: "initdb", Path: filepath.Join(s.bin, "initdb"), Args: args, Env: environment(), Dir: dir, Credential: s.who,
		Disposable: true, Stdout: said, Stderr: said,
		Lock: filepath.Join(dir, "lock"), LockWait: s.settings.LockWait, // as the server that will work on it
	})
	if err != nil {
		return err
	}
	select {
	case <-p.Done():
	case <-ctx.Done():
		return errors.Join(ctx.Err(), p.Stop(canceled(ctx)))
	}
	if err := p.Err(); err != nil {
		return fmt.Errorf("%w%s", err, said)
	}
	return nil
}

// removeHalfMade takes away what earlier tries have left.
func removeHalfMade(dir string) error {
	left, err := filepath.Glob(filepath.Join(dir, "half-made*"))
	for _, one := range left {
		err = errors.Join(err, os.RemoveAll(one))
	}
	return err
}

func as(who *guard.Credential) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setpgid: true}
	if who != nil {
		attr.Credential = &syscall.Credential{Uid: who.UID, Gid: who.GID}
	}
	return attr
}

// copyTemplate takes the data from a cached initdb, which is made once per user and server version. Test
// binaries that make it at the same time all succeed: the first rename wins.
func (s *Server) copyTemplate(ctx context.Context) error {
	cache, err := os.UserCacheDir()
	if err != nil { // no home: nowhere to keep a template
		return s.initialise(ctx, s.dir)
	}
	sum := sha256.Sum256([]byte(s.bin + " wal-segsize=4 C.UTF-8 1"))
	template := filepath.Join(cache, "signalbox", "postgres-"+hex.EncodeToString(sum[:6]))
	if _, err := os.Stat(template); errors.Is(err, fs.ErrNotExist) {
		if err := s.makeTemplate(ctx, template); err != nil {
			return err
		}
	}
	if err := s.copyTree(template, s.dir); err != nil {
		return fmt.Errorf("copy template: %w", err)
	}
	return s.readPassword(filepath.Join(s.dir, "password"))
}

func (s *Server) makeTemplate(ctx context.Context, template string) error {
	made := filepath.Join(s.dir, "template") // where the server's user may write
	if err := host.Own(made, s.who); err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(made) }()
	if err := s.initialise(ctx, made); err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(template), 0o700); err != nil {
		return err
	}
	half, err := os.MkdirTemp(filepath.Dir(template), "half-made-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(half) }()
	if err := s.copyTree(made, half); err != nil {
		return err
	}
	if err := os.Rename(half, template); err != nil && !errors.Is(err, fs.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return err
	}
	return nil
}

// copyTree copies folders and plain files, all for the server's user alone.
func (s *Server) copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, rel)
		if d.IsDir() {
			return host.Own(target, s.who)
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return errors.Join(os.WriteFile(target, b, 0o600), host.Give(target, s.who))
	})
}

// clearStalePID removes what kill -9 of a postmaster leaves. PostgreSQL does it itself unless the process
// id was given to somebody else meanwhile; then it would refuse to start for ever. A postmaster that still
// works on this data is left to itself: the guard's lock, or PostgreSQL's own, decides.
func (s *Server) clearStalePID() error {
	path := filepath.Join(s.data(), "postmaster.pid")
	pid, err := filePID(path)
	if errors.Is(err, fs.ErrNotExist) || err == nil && s.alive(pid) {
		return nil
	}
	return os.Remove(path)
}

// alive reports whether the process is a postgres that works in our data folder.
func (s *Server) alive(pid int) bool {
	if err := syscall.Kill(pid, 0); err != nil {
		return false // gone, or another user's
	}
	cwd, err := os.Readlink(filepath.Join("/proc", strconv.Itoa(pid), "cwd"))
	return err != nil || cwd == s.data() // where nothing can be known, it is taken to be ours
}

// filePID is line 1 of a postmaster.pid.
func filePID(path string) (int, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return 0, err
	}
	line, _, _ := strings.Cut(string(b), "\n")
	pid, err := strconv.Atoi(strings.TrimSpace(line))
	if err != nil {
		return 0, fmt.Errorf("%s: first line is no process id", path)
	}
	return pid, nil
}
