package foreign

import (
	"log/slog"
	"strings"
	"time"
)

// readAccess reads the common and the combined format of nginx and Apache, with a virtual host before it or more fields
// after it:
//
//	127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif HTTP/1.0" 200 2326 "http://x/" "Mozilla/4.08"
//
// An answer from 500 on is an error, from 400 on a warning.
func readAccess(_ *clock, line string) (Record, bool) {
	open := strings.Index(line, " [")
	if open < 0 || open > 300 || len(line) < open+30 || line[open+28] != ']' {
		return Record{}, false
	}
	t, ok := accessTime(line[open+2 : open+28])
	if !ok || !strings.HasPrefix(line[open+29:], ` "`) {
		return Record{}, false
	}
	who := strings.Fields(line[:open])
	request, rest, ok := quotedRaw(line[open+30:])
	if !ok || len(who) < 3 {
		return Record{}, false
	}
	rec := Record{Time: t, timeText: line[open+2 : open+28], Message: request, leveled: true}
	rec.who(who)
	rec.request(request)
	return rec, rec.answer(rest)
}

// accessTime reads "10/Oct/2000:13:55:36 -0700".
func accessTime(s string) (time.Time, bool) {
	d, ok1 := number(s, 0, 2)
	mo := monthOf(s[3:])
	y, ok2 := number(s, 7, 4)
	sec, _, n, ok3 := daytime(s[12:])
	zone, took := offset(s[21:])
	if !ok1 || !ok2 || !ok3 || mo == 0 || n != 8 || took != 5 || s[2] != '/' || s[6] != '/' || s[11] != ':' || d < 1 || d > 31 {
		return time.Time{}, false
	}
	t := time.Date(y, time.Month(mo), d, 0, 0, sec, 0, zone)
	return t, usable(t)
}

// quotedRaw reads a string in quotes; escapes stay as they are written.
func quotedRaw(s string) (text, rest string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		return "", s, false
	}
	for i := 1; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case '"':
			return s[1:i], s[i+1:], true
		}
	}
	return "", s, false
}

func (r *Record) who(fields []string) {
	last := len(fields) - 1
	r.text("user", fields[last])
	r.text("ident", fields[last-1])
	r.text("client", fields[last-2])
	r.text("vhost", strings.Join(fields[:last-2], " "))
}

func (r *Record) request(request string) {
	parts := strings.Split(request, " ")
	if len(parts) == 3 {
		r.text("method", parts[0])
		r.text("path", parts[1])
		r.text("protocol", parts[2])
	}
}

// answer reads status, size, and what the combined format adds.
func (r *Record) answer(s string) bool {
	status, ok := number(s, 1, 3)
	if !ok || len(s) < 5 || s[0] != ' ' || s[4] != ' ' {
		return false
	}
	r.add("status", slog.IntValue(status))
	switch {
	case status >= 500:
		r.Level = slog.LevelError
	case status >= 400:
		r.Level = slog.LevelWarn
	}
	size, rest, _ := strings.Cut(s[5:], " ")
	if size != "-" && size != "" {
		r.add("bytes", numeric(size))
	}
	for _, key := range [...]string{"referer", "user_agent"} {
		text, more, ok := quotedRaw(rest)
		if !ok {
			break
		}
		r.text(key, text)
		rest = strings.TrimPrefix(more, " ")
	}
	r.text("rest", rest)
	return true
}

// readNginx reads nginx's error log:
//
//	2026/11/21 06:48:09 [error] 1234#5678: *1 open() "/x" failed (2: …), client: 1.2.3.4, server: _, request: "GET / HTTP/1.1"
func readNginx(c *clock, line string) (Record, bool) {
	if len(line) < 24 || line[4] != '/' {
		return Record{}, false
	}
	t, n, ok := c.iso(line)
	if !ok || n != 19 || !strings.HasPrefix(line[n:], " [") {
		return Record{}, false
	}
	word, rest, ok := strings.Cut(line[n+2:], "] ")
	rec := Record{Time: t, timeText: line[:n]}
	if !ok || !rec.level(word) {
		return rec, false
	}
	process, rest, ok := strings.Cut(rest, ": ")
	pid, tid, hash := strings.Cut(process, "#")
	if !ok || !hash || strings.Trim(pid+tid, "0123456789") != "" {
		return rec, false
	}
	rec.text(KeyPID, pid)
	rec.text("tid", tid)
	if id, text, ok := strings.Cut(rest, " "); ok && strings.HasPrefix(id, "*") {
		rec.text("connection", id[1:])
		rest = text
	}
	rec.nginxText(rest)
	return rec, true
}

// nginxText takes off what nginx says about the request at the end of the text.
func (r *Record) nginxText(text string) {
	at := strings.Index(text, ", client: ")
	if at < 0 {
		r.Message = text
		return
	}
	r.Message = text[:at]
	for text = text[at:]; text != ""; {
		key, rest, ok := strings.Cut(strings.TrimPrefix(text, ", "), ": ")
		if !ok {
			r.text("rest", strings.TrimPrefix(text, ", "))
			return
		}
		var value string
		if v, more, ok := quotedRaw(rest); ok {
			value, text = v, more
		} else if i := strings.Index(rest, ", "); i >= 0 {
			value, text = rest[:i], rest[i:]
		} else {
			value, text = rest, ""
		}
		r.add(key, slog.StringValue(value))
	}
}

// readApache reads Apache's error log, of 2.4 and before:
//
//	[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] [client 72.15.99.187:1] AH00128: text
//	[Wed Oct 11 14:32:52 2000] [error] [client 127.0.0.1] text
func readApache(c *clock, line string) (Record, bool) {
	if len(line) < 28 || line[0] != '[' || line[4] != ' ' || !strings.Contains(days, line[1:4]) {
		return Record{}, false
	}
	end := strings.IndexByte(line, ']')
	if end < 25 || end > 40 {
		return Record{}, false
	}
	year, ok := number(line, end-4, 4)
	t, n, ok2 := c.stamp(line[5:])
	if !ok || !ok2 || 5+n+5 != end {
		return Record{}, false
	}
	rec := Record{Time: time.Date(year, t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), c.zone), timeText: line[:end+1]}
	rest := strings.TrimLeft(line[end+1:], " ")
	for strings.HasPrefix(rest, "[") {
		end := strings.IndexByte(rest, ']')
		if end < 0 || !rec.apacheTag(rest[1:end]) {
			break
		}
		rest = strings.TrimLeft(rest[end+1:], " ")
	}
	rec.Message = rest
	return rec, rec.leveled && usable(rec.Time)
}

func (r *Record) apacheTag(tag string) bool {
	if key, value, ok := strings.Cut(tag, " "); ok {
		if key == "pid" {
			value, tid, _ := strings.Cut(value, ":tid ")
			r.text(KeyPID, value)
			r.text("tid", tid)
			return true
		}
		if key == "client" || key == "remote" {
			r.text(key, value)
			return true
		}
		return false
	}
	module, word, ok := strings.Cut(tag, ":")
	if !ok {
		module, word = "", tag
	}
	if r.leveled || !r.level(strings.TrimRight(word, "12345678")) {
		return false
	}
	r.levelText = word
	r.text("module", module)
	return true
}
