package up

import (
	"fmt"
	"os"
	"sync"
)

// stderrFile takes what the services write on their stderr, so that the terminal stays readable. It is bounded: at
// maxStderr it becomes <name>.1, in place of the one before. Safe for concurrent use.
type stderrFile struct {
	name string

	mu   sync.Mutex
	file *os.File
	size int64
}

const maxStderr = 64 << 20

func openStderr(name string) (*stderrFile, error) {
	s := &stderrFile{name: name}
	return s, s.open()
}

func (s *stderrFile) open() error {
	file, err := os.OpenFile(s.name, os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("open the services' stderr: %w", err)
	}
	info, err := file.Stat()
	if err != nil {
		return fmt.Errorf("open the services' stderr: %w", err)
	}
	s.file, s.size = file, info.Size()
	return nil
}

// Write appends p whole.
func (s *stderrFile) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.size > maxStderr {
		if err := s.rotate(); err != nil {
			return 0, err
		}
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return n, err
}

func (s *stderrFile) rotate() error {
	if err := s.file.Close(); err != nil {
		return err
	}
	if err := os.Rename(s.name, s.name+".1"); err != nil {
		return err
	}
	return s.open()
}

// Close ends writing.
func (s *stderrFile) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.file.Close()
}
