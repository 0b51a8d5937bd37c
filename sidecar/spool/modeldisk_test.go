package spool

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/sys/unix"
)

// modelDisk is a disk that fails, stops at a chosen operation as a killed process does, and forgets what was
// not made durable, as a power cut does.
type modelDisk struct {
	osDisk
	mu      sync.Mutex
	choice  *rand.Rand
	ops     int
	stopAt  int // the operation that is the last, and may be done by half; 0: none
	stopped bool
	fault   error
	unsound int              // syncs that are to fail
	zeroed  bool             // and then the file does not have what was written, either
	faulted bool             // there was one
	torn    int              // writes done by half, which are met as damage
	open    int              // files that were made and not closed
	files   map[string]*file // by path
	graves  map[string][]byte
}

// file is what is known of one that was made through the disk.
type file struct {
	entry   bool   // its place in the folder is durable
	durable []byte // its content on the disk
	before  []byte // content of the file that it has replaced, if that is in the folder on the disk
	failed  bool   // a sync has, and the pages are taken for clean
}

var errStopped = errors.New("the process is gone")

func newModelDisk(r *rand.Rand) *modelDisk {
	return &modelDisk{choice: r, files: map[string]*file{}, graves: map[string][]byte{}}
}

// enter counts an operation; half: it is the last one, to be done in part.
func (d *modelDisk) enter() (half bool, err error) {
	d.ops++
	switch {
	case d.stopped:
		return false, errStopped
	case d.stopAt > 0 && d.ops >= d.stopAt:
		d.stopped = true
		return true, errStopped
	}
	return false, d.fault
}

func (d *modelDisk) stop() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.stopped = true
}

func (d *modelDisk) gone() bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.stopped
}

func (d *modelDisk) fail(err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.fault, d.faulted = err, d.faulted || err != nil
}

// trouble says whether there is a fault, and whether there ever was one.
func (d *modelDisk) trouble() (now, ever bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.fault != nil, d.faulted
}

func (d *modelDisk) Create(path string) (File, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if half, err := d.enter(); err != nil {
		if half && d.choice.IntN(2) == 0 {
			if f, err := d.osDisk.Create(path); err == nil {
				_ = f.Close()
			}
		}
		return nil, err
	}
	f, err := d.osDisk.Create(path)
	if err != nil {
		return nil, err
	}
	if d.files[path] == nil {
		d.files[path] = &file{}
	}
	d.open++
	return &modelFile{File: f, disk: d, path: path}, nil
}

func (d *modelDisk) Remove(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if half, err := d.enter(); err != nil {
		if half && d.choice.IntN(2) == 0 {
			d.remove(path)
		}
		return err
	}
	d.remove(path)
	return nil
}

func (d *modelDisk) remove(path string) {
	if f := d.files[path]; f != nil && f.entry {
		d.graves[path] = f.durable // it comes back in a power cut, unless the folder is synced
	}
	delete(d.files, path)
	_ = os.Remove(path)
}

func (d *modelDisk) Rename(from, to string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	half, err := d.enter()
	if err != nil && (!half || d.choice.IntN(2) == 0) {
		return err
	}
	f := d.files[from]
	if old := d.files[to]; old != nil && old.entry {
		f.before = old.durable
	}
	f.entry = false
	delete(d.files, from)
	d.files[to] = f
	_ = os.Rename(from, to)
	return err
}

func (d *modelDisk) SyncDir(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	if _, err := d.enter(); err != nil {
		return err
	}
	for p, f := range d.files {
		if filepath.Dir(p) == path {
			f.entry, f.before = true, nil
		}
	}
	for p := range d.graves {
		if filepath.Dir(p) == path {
			delete(d.graves, p)
		}
	}
	return nil
}

// powerCut leaves on the real disk what was durable and, unless it is the worst of all cuts, some of the rest.
func (d *modelDisk) powerCut(worst bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for path, f := range d.files {
		switch {
		case !worst && !f.failed && d.choice.IntN(4) == 0: // it had been written back in time
		case !f.entry && f.before != nil:
			_ = os.WriteFile(path, f.before, 0o600)
		case !f.entry:
			_ = os.Remove(path)
		default:
			_ = os.WriteFile(path, f.durable, 0o600)
		}
	}
	for path, content := range d.graves {
		if d.choice.IntN(2) == 0 {
			_ = os.WriteFile(path, content, 0o600)
		}
	}
}

type modelFile struct {
	File
	disk *modelDisk
	path string
	once sync.Once
}

func (f *modelFile) Close() error {
	f.once.Do(func() {
		f.disk.mu.Lock()
		defer f.disk.mu.Unlock()
		f.disk.open--
	})
	return f.File.Close()
}

func (f *modelFile) WriteAt(b []byte, off int64) (int, error) {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	half, err := f.disk.enter()
	if err == nil {
		return f.File.WriteAt(b, off)
	}
	if half || f.disk.choice.IntN(2) == 0 && !f.disk.stopped {
		if half || !errors.Is(err, unix.ENOSPC) {
			f.disk.torn++ // and cannot be cut off again
		}
		_, _ = f.File.WriteAt(b[:f.disk.choice.IntN(len(b)+1)], off)
	}
	return 0, err
}

// Truncate works on a full disk, and not on a failing one.
func (f *modelFile) Truncate(size int64) error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	if _, err := f.disk.enter(); err != nil && !errors.Is(err, unix.ENOSPC) {
		return err
	}
	return f.File.Truncate(size)
}

// forget is what some file systems do with pages that they could not write.
func (d *modelDisk) forget(path string, f *file) {
	content, err := os.ReadFile(path)
	if !d.zeroed || err != nil {
		return
	}
	clear(content[min(len(f.durable), len(content)):])
	_ = os.WriteFile(path, content, 0o600)
}

// Sync fails once, and then succeeds without having done anything: as Linux does. The pages are lost in a power cut.
func (f *modelFile) Sync() error {
	f.disk.mu.Lock()
	defer f.disk.mu.Unlock()
	kept := f.disk.files[f.path]
	_, err := f.disk.enter()
	if err == nil && f.disk.unsound > 0 {
		f.disk.unsound--
		err = unix.EIO
	}
	if err != nil {
		if kept != nil && !f.disk.stopped {
			kept.failed = true
			f.disk.forget(f.path, kept)
		}
		return err
	}
	content, err := os.ReadFile(f.path)
	if err == nil && kept != nil && !kept.failed {
		kept.durable = bytes.Clone(content)
	}
	return nil
}
