package follow

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"
)

// source is an open file and how far it was read.
type source struct {
	file *os.File
	path string
	dev  uint64
	ino  uint64
	off  int64
	head []byte // what it begins with, as it was when it was read
}

// openSource opens a file; a folder or a device is an error.
func openSource(path string) (*source, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is no regular file: pipe it in, `… | signalbox ship --service NAME`", path)
	}
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	dev, ino := identity(info)
	return &source{file: f, path: path, dev: dev, ino: ino}, nil
}

func identity(info os.FileInfo) (dev, ino uint64) {
	if st, ok := info.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Dev), st.Ino //nolint:unconvert // it is signed on macOS
	}
	return 0, 0
}

func (s *source) place(offset int64) place {
	return place{dev: s.dev, inode: s.ino, offset: offset, headSize: len(s.head), headHash: hashOf(s.head)}
}

// read takes what follows; 0 is the present end of the file.
func (s *source) read(p []byte) (int, error) {
	n, err := s.file.ReadAt(p, s.off)
	if n > 0 || err == io.EOF { //nolint:errorlint // ReadAt returns it bare
		err = nil
	}
	if n > 0 && len(s.head) < headBytes && int64(len(s.head)) == min(s.off, headBytes) {
		s.head = append(s.head, p[:min(n, headBytes-len(s.head))]...)
	}
	s.off += int64(n)
	return n, err
}

// is says whether a place can be in this file: an empty beginning is every file's, so that the inode decides.
func (s *source) is(p place) bool { return p.headSize > 0 || s.dev == p.dev && s.ino == p.inode }

// resume goes on at a place, if this is its file.
func (s *source) resume(p place) bool {
	head, ok := s.begins(p.headSize)
	if !ok || hashOf(head) != p.headHash || s.size() < p.offset {
		return false
	}
	s.head, s.off = head, p.offset
	return true
}

// begins is what the file has in its first n bytes; false: it has not as many.
func (s *source) begins(n int) ([]byte, bool) {
	head := make([]byte, n)
	got, _ := s.file.ReadAt(head, 0)
	return head[:got], got == n
}

// changed: the file was truncated, whether or not it has grown since.
func (s *source) changed() bool {
	if s.size() < s.off {
		return true
	}
	head, ok := s.begins(len(s.head))
	return !ok || !bytes.Equal(head, s.head)
}

func (s *source) size() int64 {
	info, err := s.file.Stat()
	if err != nil {
		return 0
	}
	return info.Size()
}

// rotatedName is what rotation appends: .1, -20261121, .2026-11-21_06; not .gz, for what is compressed was read, or is lost.
var rotatedName = regexp.MustCompile(`^[.\-_][0-9][0-9.\-_T]*$`)

// sibling is a rotated file beside the path.
type sibling struct {
	path     string
	dev, ino uint64
	changed  time.Time
}

// siblings of the path, in the order in which they were last written.
func siblings(path string) []sibling {
	dir, base := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil
	}
	var all []sibling
	for _, e := range entries {
		rest, ok := strings.CutPrefix(e.Name(), base)
		if !ok || !rotatedName.MatchString(rest) {
			continue
		}
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		dev, ino := identity(info)
		all = append(all, sibling{filepath.Join(dir, e.Name()), dev, ino, info.ModTime()})
	}
	slices.SortStableFunc(all, func(a, b sibling) int { return a.changed.Compare(b.changed) })
	return all
}

// rotated opens the sibling that a place is in: by its inode, or by what it begins with, as a copy has it.
func rotated(path string, at place) *source {
	all := siblings(path)
	slices.SortStableFunc(all, func(a, b sibling) int { return rank(b, at) - rank(a, at) })
	for _, one := range all {
		if at.headSize == 0 && rank(one, at) == 0 {
			continue // an empty beginning is everybody's
		}
		s, err := openSource(one.path)
		if err != nil {
			continue
		}
		if s.resume(at) {
			return s
		}
		_ = s.file.Close()
	}
	return nil
}

func rank(s sibling, at place) int {
	if s.ino == at.inode && s.dev == at.dev {
		return 1
	}
	return 0
}

// later lists the siblings that were written after the given file, oldest first.
func later(path string, than *source) []string {
	var names []string
	found := false
	for _, one := range siblings(path) {
		if found {
			names = append(names, one.path)
		}
		found = found || one.ino == than.ino && one.dev == than.dev
	}
	return names
}
