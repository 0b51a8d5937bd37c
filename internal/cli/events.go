package cli

import (
	"bufio"
	"bytes"
	"io"
)

// event is one server-sent event (WHATWG HTML, 9.2). Its id is the stream's last one.
type event struct {
	name string // "message" if it has none
	id   string
	data []byte
}

// maxEvent bounds one line of a stream, in bytes.
const maxEvent = 8 << 20

// eachEvent gives each event of a stream to fn, those without data too when they bring an id; comments count as an
// event without a name, so that a sign of life shows. It returns nil at the stream's end.
func eachEvent(stream io.Reader, fn func(event) error) error {
	lines := bufio.NewScanner(stream)
	lines.Buffer(nil, maxEvent)
	var e event
	begun := false
	for lines.Scan() {
		line := lines.Bytes()
		if len(line) == 0 {
			if begun {
				if err := fn(e.named()); err != nil {
					return err
				}
			}
			e, begun = event{id: e.id}, false
			continue
		}
		begun = true
		e.line(line)
	}
	return lines.Err()
}

func (e event) named() event {
	if e.name == "" && len(e.data) > 0 {
		e.name = "message"
	}
	return e
}

func (e *event) line(line []byte) {
	field, value, _ := bytes.Cut(line, []byte(":"))
	value = bytes.TrimPrefix(value, []byte(" "))
	switch string(field) {
	case "event":
		e.name = string(value)
	case "id":
		e.id = string(value)
	case "data":
		if e.data != nil {
			e.data = append(e.data, '\n')
		}
		e.data = append(e.data, value...)
	}
}
