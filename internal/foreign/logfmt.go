package foreign

import (
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// readLogfmt reads a line of key=value pairs: at least two, with one of the keys by which a log line is known.
func readLogfmt(c *clock, line string) (Record, bool) {
	eq := strings.IndexByte(line, '=')
	if eq <= 0 || strings.ContainsAny(line[:eq], " \"") && line[0] != ' ' {
		return Record{}, false
	}
	all, ok := pairs(line)
	if !ok || len(all) < 2 {
		return Record{}, false
	}
	var rec Record
	known, said := false, false
	for _, p := range all {
		if rec.logfmt(c, p, &said) {
			known = true
			continue
		}
		rec.add(p.key, p.value())
	}
	if !said {
		rec.Message = noMessage
	}
	return rec, known
}

// logfmt takes a pair with a meaning; false: it is a field like any.
func (r *Record) logfmt(c *clock, p pair, said *bool) bool {
	switch p.key {
	case "time", "ts", "timestamp", "t":
		t, n, ok := c.leading(p.text)
		if !ok || n < len(p.text) {
			t, ok = epochText(p.text)
		}
		if ok && r.Time.IsZero() {
			r.Time, r.timeText = t, p.text
			return true
		}
	case "level", "lvl", "severity":
		return !r.leveled && r.level(p.text)
	case "msg", "message":
		if !*said {
			r.Message, *said = p.text, true
			return true
		}
	case "logger":
		if r.Logger == "" {
			r.Logger = p.text
			return true
		}
	case "trace_id", "traceID", "traceId":
		if r.TraceID == "" && isID(p.text, 32) {
			r.TraceID = strings.ToLower(p.text)
			return true
		}
	case "span_id", "spanID", "spanId":
		if r.SpanID == "" && isID(p.text, 16) {
			r.SpanID = strings.ToLower(p.text)
			return true
		}
	}
	return false
}

// pair of logfmt.
type pair struct {
	key, text string
	quoted    bool
	bare      bool // a key without "="
}

func (p pair) value() slog.Value {
	switch {
	case p.bare:
		return slog.BoolValue(true)
	case p.quoted || p.text == "" || len(p.text) > 20:
		return slog.StringValue(p.text)
	case p.text == "true", p.text == "false":
		return slog.BoolValue(p.text == "true")
	case digit(p.text[len(p.text)-1]) && (digit(p.text[0]) || p.text[0] == '-') && plainNumber(p.text):
		return numeric(p.text)
	}
	return slog.StringValue(p.text)
}

// plainNumber: an identifier with leading zeros, or 1e5, is a text.
func plainNumber(s string) bool {
	s = strings.TrimPrefix(s, "-")
	if len(s) > 1 && s[0] == '0' && s[1] != '.' {
		return false
	}
	return strings.Trim(s, "0123456789.") == "" && strings.Count(s, ".") <= 1 && s[0] != '.'
}

// pairs reads key=value, key="quoted value" and, once something like that was there, key alone. ok is false when the
// text is anything else.
func pairs(s string) (all []pair, ok bool) {
	for {
		s = strings.TrimLeft(s, " ")
		if s == "" {
			return all, len(all) > 0
		}
		p, rest, ok := nextPair(s)
		if !ok || p.bare && len(all) == 0 {
			return nil, false
		}
		all, s = append(all, p), rest
	}
}

func nextPair(s string) (p pair, rest string, ok bool) {
	if s[0] == '"' { // klog quotes keys
		if p.key, s, ok = quoted(s); !ok {
			return p, "", false
		}
	} else {
		end := strings.IndexAny(s, "= \"")
		if end < 0 {
			end = len(s)
		}
		p.key, s = s[:end], s[end:]
	}
	switch {
	case p.key == "" || s != "" && s[0] == '"' || strings.ContainsAny(p.key, "{}[]()<>,;"):
		return p, "", false
	case s == "" || s[0] == ' ':
		p.bare = true
		return p, s, true
	}
	s = s[1:]
	if strings.HasPrefix(s, `"`) {
		p.text, s, ok = quoted(s)
		p.quoted = true
		return p, s, ok && (s == "" || s[0] == ' ')
	}
	end := strings.IndexByte(s, ' ')
	if end < 0 {
		end = len(s)
	}
	p.text = s[:end]
	return p, s[end:], !strings.ContainsRune(p.text, '"')
}

// quoted reads a string in quotes at the start of s.
func quoted(s string) (text, rest string, ok bool) {
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			raw := s[:i+1]
			if strings.IndexByte(raw, '\\') < 0 {
				return raw[1:i], s[i+1:], true
			}
			text, err := strconv.Unquote(raw)
			if err != nil {
				text = raw[1:i] // an escape that is not Go's: as it stands
			}
			return text, s[i+1:], true
		}
	}
	return "", "", false
}

func epochText(s string) (t time.Time, ok bool) {
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		return t, false
	}
	return epoch(f)
}
