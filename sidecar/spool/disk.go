package spool

import (
	"io"
	"os"
)

// Disk is what the spool asks of a file system; tests put faults into it.
type Disk interface {
	// Create makes a new file, or opens the one that is there.
	Create(path string) (File, error)
	Remove(path string) error
	// Rename puts a file in the place of another.
	Rename(from, to string) error
	// Open is for reading.
	Open(path string) (io.ReaderAt, error)
	ReadFile(path string) ([]byte, error)
	// SyncDir makes the creation and removal of files in a folder durable.
	SyncDir(path string) error
}

// File is an open segment or cursor.
type File interface {
	WriteAt(b []byte, off int64) (int, error)
	// Sync returns after the data is on the disk (fdatasync).
	Sync() error
	Truncate(size int64) error
	Close() error
}

type osDisk struct{}

func (osDisk) Create(path string) (File, error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, err
	}
	return osFile{f}, nil
}

func (osDisk) Rename(from, to string) error { return os.Rename(from, to) }

func (osDisk) Remove(path string) error { return os.Remove(path) }

func (osDisk) Open(path string) (io.ReaderAt, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err // not a *os.File that is nil
	}
	return f, nil
}

func (osDisk) ReadFile(path string) ([]byte, error) { return os.ReadFile(path) }

func (osDisk) SyncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

type osFile struct{ *os.File }
