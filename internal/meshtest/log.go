package meshtest

import (
	"bytes"
	"io"
	"strings"
	"sync"
)

// Log keeps what the services write to stderr. Safe for concurrent use.
type Log struct {
	mu sync.Mutex
	by map[string]*bytes.Buffer
}

// Of is the stderr of a service; its instances share it.
func (l *Log) Of(service string) io.Writer {
	return writer(func(p []byte) (int, error) {
		l.mu.Lock()
		defer l.mu.Unlock()
		if l.by == nil {
			l.by = map[string]*bytes.Buffer{}
		}
		if l.by[service] == nil {
			l.by[service] = &bytes.Buffer{}
		}
		return l.by[service].Write(p)
	})
}

type writer func(p []byte) (int, error)

func (w writer) Write(p []byte) (int, error) { return w(p) }

// Lines of all services that contain word, in the order of each service.
func (l *Log) Lines(word string) (found []string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, buf := range l.by {
		for line := range strings.Lines(buf.String()) {
			if strings.Contains(line, word) {
				found = append(found, line)
			}
		}
	}
	return found
}
