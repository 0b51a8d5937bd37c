package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"
)

// stream writes server-sent events; a client that does not read for 10 s is given up.
type stream struct {
	w       http.ResponseWriter
	control *http.ResponseController
}

func newStream(w http.ResponseWriter) *stream {
	return &stream{w: w, control: http.NewResponseController(w)}
}

func (s *stream) start() error {
	s.w.Header().Set("Content-Type", "text/event-stream")
	s.w.Header().Set("Cache-Control", "no-cache")
	s.w.Header().Set("X-Accel-Buffering", "no")
	s.w.WriteHeader(http.StatusOK)
	return s.write(": signalbox\n\n")
}

// event writes one; without a name it only tells the place, which the client sends when it comes again.
func (s *stream) event(name, id string, body any) error {
	text := ""
	if id != "" {
		text = "id: " + id + "\n"
	}
	if name == "" {
		return s.write("%s\n", text)
	}
	data, err := json.Marshal(body)
	if err != nil {
		return err
	}
	return s.write("%sevent: %s\ndata: %s\n\n", text, name, data)
}

func (s *stream) write(format string, args ...any) error {
	_ = s.control.SetWriteDeadline(time.Now().Add(writeLimit)) // a server without deadlines has none to miss
	_, err := fmt.Fprintf(s.w, format, args...)
	return err
}

func (s *stream) flush() error { return s.control.Flush() }
