package foreign

import (
	"bytes"
	"fmt"
	"strings"
)

// MaxLine is how much of a line is looked at, in bytes. The rest is cut off, with a mark that says how much there was.
const MaxLine = 1 << 20

// lines cuts a stream into lines, whatever the sizes of its pieces.
type lines struct {
	emit func(line string, end int64)
	held []byte
	size int   // of the line that is not at its end, with what was cut off
	read int64 // bytes of the stream
	done int64 // of them in lines that were emitted
}

func (l *lines) write(p []byte) {
	for len(p) > 0 {
		end := bytes.IndexByte(p, '\n')
		if end < 0 {
			l.hold(p)
			l.read += int64(len(p))
			return
		}
		l.read += int64(end) + 1
		if l.size == 0 && end <= MaxLine {
			l.done = l.read
			l.emit(clean(p[:end]), l.read)
		} else {
			l.hold(p[:end])
			l.end()
		}
		p = p[end+1:]
	}
}

func (l *lines) hold(p []byte) {
	l.size += len(p)
	l.held = append(l.held, p[:min(len(p), MaxLine-len(l.held))]...)
}

// end takes what is there as a line, if anything is.
func (l *lines) end() {
	if l.size == 0 && l.done == l.read {
		return
	}
	text := clean(l.held)
	if l.size > MaxLine {
		text += fmt.Sprintf("…[truncated, %d bytes]", l.size)
	}
	l.held, l.size, l.done = l.held[:0], 0, l.read
	l.emit(text, l.read)
}

// clean takes out the end of a DOS line, the mark at the start of a Windows file, and colours.
func clean(p []byte) string {
	p = bytes.TrimSuffix(p, []byte("\r"))
	p = bytes.TrimPrefix(p, []byte("\uFEFF"))
	if bytes.IndexByte(p, 0x1b) < 0 {
		return string(p)
	}
	return uncoloured(string(p))
}

// uncoloured takes out SGR sequences, ESC [ … m; no other control sequence.
func uncoloured(s string) string {
	var b strings.Builder
	for {
		at := strings.Index(s, "\x1b[")
		if at < 0 {
			b.WriteString(s)
			return b.String()
		}
		b.WriteString(s[:at])
		rest := strings.TrimLeft(s[at+2:], "0123456789;:")
		if strings.HasPrefix(rest, "m") {
			s = rest[1:]
			continue
		}
		b.WriteString(s[at : at+2])
		s = s[at+2:]
	}
}
