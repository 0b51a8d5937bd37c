package inproc

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
)

const (
	pending = "pending"
	parked  = "parked"
)

// store is the broker's Dir. Every write is synced, file and folder, before it returns.
type store struct {
	dir  string
	lock *os.File

	mu      sync.Mutex
	err     error                   // of the last write, nil when it went well
	refused func(path string) error // tests: a disk that is full, a process that is dead
	sync    func(f *os.File) error  // (*os.File).Sync
}

func openStore(dir string) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("open bus folder: %w", err)
	}
	lock, err := os.OpenFile(filepath.Join(dir, ".lock"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open bus folder: %w", err)
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return nil, errors.Join(fmt.Errorf("bus folder %s is in use by another process: %w", dir, err), lock.Close())
	}
	return &store{dir: dir, lock: lock, sync: (*os.File).Sync}, nil
}

func (s *store) close() error { return s.lock.Close() }

// queues are the names of those that were declared.
func (s *store) queues() ([]string, error) {
	entries, err := os.ReadDir(s.dir)
	if err != nil {
		return nil, fmt.Errorf("read bus folder: %w", err)
	}
	var names []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || !e.IsDir() {
			continue
		}
		name, err := url.PathUnescape(e.Name())
		if err != nil {
			return nil, fmt.Errorf("read bus folder: %w", err)
		}
		names = append(names, name)
	}
	return names, nil
}

// folder is one queue's. A leading dot is escaped: dot files are the store's own.
func (s *store) folder(queue string) string {
	name := url.PathEscape(queue)
	if strings.HasPrefix(name, ".") {
		name = "%2E" + name[1:]
	}
	return filepath.Join(s.dir, name)
}

// declare makes a queue's folders.
func (s *store) declare(queue string) error {
	for _, sub := range []string{pending, parked} {
		if err := os.MkdirAll(filepath.Join(s.folder(queue), sub), 0o700); err != nil {
			return fmt.Errorf("declare queue %q: %w", queue, err)
		}
	}
	return errors.Join(s.syncDir(s.folder(queue)), s.syncDir(s.dir))
}

// write puts v at path, whole or not at all.
func (s *store) write(path string, v any) error {
	body, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode %s: %w", filepath.Base(path), err)
	}
	err = s.replace(path, body)
	s.mu.Lock()
	s.err = err
	s.mu.Unlock()
	return err
}

func (s *store) replace(path string, body []byte) error {
	if err := s.refuse(path); err != nil {
		return err
	}
	tmp := path + ".new"
	if err := s.create(tmp, body); err != nil {
		return errors.Join(err, remove(tmp))
	}
	if err := os.Rename(tmp, path); err != nil {
		return errors.Join(err, remove(tmp))
	}
	return s.syncDir(filepath.Dir(path))
}

func (s *store) create(path string, body []byte) error {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_TRUNC|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	if _, err := f.Write(body); err != nil {
		return errors.Join(err, f.Close())
	}
	return errors.Join(s.sync(f), f.Close())
}

func (s *store) syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(s.sync(d), d.Close())
}

// drop removes path without a sync: should it come back after a crash, the event is tried once more.
func (s *store) drop(path string) error {
	if err := s.refuse(path); err != nil {
		return err
	}
	return remove(path)
}

func (s *store) refuse(path string) error {
	s.mu.Lock()
	refused := s.refused
	s.mu.Unlock()
	if refused == nil {
		return nil
	}
	return refused(path)
}

// healthy is nil, or why the last write failed and a new one would, too.
func (s *store) healthy() error {
	s.mu.Lock()
	failed := s.err != nil
	s.mu.Unlock()
	if !failed {
		return nil
	}
	probe := filepath.Join(s.dir, ".probe")
	if err := s.write(probe, "probe"); err != nil {
		return err
	}
	return s.drop(probe)
}

// list is the events' files of a folder in their order.
func (s *store) list(queue, sub string) ([]string, error) {
	return s.find(queue, sub, ".json")
}

func (s *store) find(queue, sub, ext string) ([]string, error) {
	dir := filepath.Join(s.folder(queue), sub)
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, e := range entries {
		if path := filepath.Join(dir, e.Name()); filepath.Ext(path) == ext {
			paths = append(paths, path)
		}
	}
	return paths, nil
}

// sweep removes what a crash left half-written. Only before anybody writes.
func (s *store) sweep(queue, sub string) error {
	paths, err := s.find(queue, sub, ".new")
	for _, path := range paths {
		err = errors.Join(err, s.drop(path))
	}
	return err
}

func read(path string, v any) error {
	body, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, v); err != nil {
		return fmt.Errorf("read %s: %w", path, err)
	}
	return nil
}

func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}
