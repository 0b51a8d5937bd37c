package foreign

import (
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

// wrapped is a line as a container runtime keeps it: what the program wrote, when, and where to.
type wrapped struct {
	text, stream string
	at           time.Time
	head         string // what the runtime wrote before the text
	partial      bool   // the line goes on in the next one of this stream
}

// unwrap reads Docker's json-file and the CRI's format. Of any other line it returns the line.
//
//	{"log":"text\n","stream":"stderr","time":"2026-11-21T06:48:09.338344123Z"}
//	2026-11-21T06:48:09.338344123Z stderr F text
func (c *clock) unwrap(line string) wrapped {
	if strings.HasPrefix(line, `{"log":"`) {
		if w, ok := c.docker(line); ok {
			return w
		}
	}
	if t, n, ok := c.iso(line); ok && line[10] == 'T' {
		if w, ok := cri(line[n:]); ok {
			w.at, w.head = t, line[:len(line)-len(w.text)]
			return w
		}
	}
	return wrapped{text: line}
}

func (c *clock) docker(line string) (w wrapped, ok bool) {
	if !gjson.Valid(line) {
		return w, false
	}
	fields := 0
	gjson.Parse(line).ForEach(func(key, v gjson.Result) bool {
		switch fields++; {
		case v.Type != gjson.String:
			fields = -9
		case key.Str == "log":
			w.text = v.Str
		case key.Str == "stream":
			w.stream = v.Str
		case key.Str == "time":
			w.at, _, ok = c.iso(v.Str)
		default:
			fields = -9
		}
		return true
	})
	w.partial = !strings.HasSuffix(w.text, "\n")
	w.text = strings.TrimSuffix(strings.TrimSuffix(w.text, "\n"), "\r")
	return w, ok && fields == 3 && (w.stream == "stdout" || w.stream == "stderr")
}

func cri(s string) (w wrapped, ok bool) {
	for _, stream := range [...]string{"stdout", "stderr"} {
		rest, ok := strings.CutPrefix(s, " "+stream+" ")
		if !ok {
			continue
		}
		tag, text, _ := strings.Cut(rest, " ")
		w := wrapped{text: text, stream: stream, partial: tag == "P"}
		return w, tag == "P" || tag == "F"
	}
	return w, false
}
