package up

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// state is the folder that a mesh keeps between two runs: keys, passwords, addresses, spools, the servers' data.
//
//	STATE/lock           held while `up` runs: one mesh, one folder
//	STATE/mesh.json      addresses of the running mesh (0600)
//	STATE/token          the admin's user token (0600)
//	STATE/ops-token      for POST /loggers, the last resort when everything else is down (0600)
//	STATE/secrets.json   generated passwords of the database roles (0600)
//	STATE/keys/*.pem     each service's Ed25519 key (0600), bundle.json with the public ones
//	STATE/tls/…          certificates of this run, where it has --mtls (0600)
//	STATE/spool/…        log lines not yet acknowledged by the store
//	STATE/leases/…       what each instance holds for a time, for a restart without view-service (0600)
//	STATE/bus/…          the in-process bus's durable queues
type state struct {
	dir  string
	lock *os.File
}

// openState makes the folder where it is missing and takes its lock.
func openState(dir string) (*state, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("state folder: %w", err)
	}
	if err := os.MkdirAll(filepath.Join(dir, "keys"), 0o700); err != nil {
		return nil, fmt.Errorf("make state folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open lock of the state folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("another signalbox runs on %s: stop it, or choose another folder with --state", dir), lock.Close())
	}
	return &state{dir: dir, lock: lock}, nil
}

// Running reports whether an `up` holds the folder's lock.
func Running(dir string) bool {
	lock, err := os.Open(filepath.Join(dir, "lock"))
	if err != nil {
		return false
	}
	defer lock.Close() //nolint:errcheck // only its lock was looked at
	return syscall.Flock(int(lock.Fd()), syscall.LOCK_SH|syscall.LOCK_NB) != nil
}

func (s *state) close() error {
	return errors.Join(remove(s.path("mesh.json")), s.lock.Close())
}

func (s *state) path(parts ...string) string {
	return filepath.Join(append([]string{s.dir}, parts...)...)
}

func remove(name string) error {
	if err := os.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// keys makes sure that every named service has a key, and writes the bundle of all public ones.
func (s *state) keys(names []string) error {
	public := servicetoken.Keys{}
	for _, name := range names {
		key, err := servicetoken.LoadOrGenerateKey(s.keyFile(name))
		if err != nil {
			return fmt.Errorf("key of %s: %w", name, err)
		}
		public[name] = []ed25519.PublicKey{key.Public().(ed25519.PublicKey)} //nolint:forcetypeassert // what crypto/ed25519 documents
	}
	return servicetoken.WriteBundle(s.bundleFile(), public)
}

func (s *state) keyFile(service string) string { return s.path("keys", service+".pem") }
func (s *state) bundleFile() string            { return s.path("keys", "bundle.json") }

// secrets returns the password of every named role, made once and kept.
func (s *state) secrets(roles []string) (map[string]string, error) {
	kept := map[string]string{}
	raw, err := os.ReadFile(s.path("secrets.json"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("read secrets: %w", err)
	}
	if err == nil {
		if err := json.Unmarshal(raw, &kept); err != nil {
			return nil, fmt.Errorf("read %s: %w", s.path("secrets.json"), err)
		}
	}
	for _, role := range roles {
		if kept[role] == "" {
			kept[role] = rand.Text()
		}
	}
	return kept, s.writeJSON("secrets.json", kept)
}

// opsToken makes sure that there is a token for POST /loggers.
func (s *state) opsToken() error {
	if raw, err := os.ReadFile(s.opsTokenFile()); err == nil && len(raw) > 0 {
		return nil
	}
	return s.write("ops-token", []byte(rand.Text()+"\n"))
}

func (s *state) opsTokenFile() string { return s.path("ops-token") }

// writeJSON replaces a file whole, readable by the owner alone.
func (s *state) writeJSON(name string, v any) error {
	raw, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("encode %s: %w", name, err)
	}
	return s.write(name, append(raw, '\n'))
}

func (s *state) write(name string, raw []byte) error {
	tmp := s.path(name + ".new")
	if err := os.WriteFile(tmp, raw, 0o600); err != nil {
		return fmt.Errorf("write %s: %w", name, err)
	}
	return os.Rename(tmp, s.path(name))
}
