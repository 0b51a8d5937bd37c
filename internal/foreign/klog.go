package foreign

import (
	"log/slog"
	"strconv"
	"strings"
	"time"
)

// readKlog reads what klog and glog write:
//
//	I1121 06:48:09.338344   12345 server.go:123] "Pod status updated" pod="kube-system/dns" status="ready"
//	W20261121 06:48:09.338344 12345 server.cc:12] text
func readKlog(c *clock, line string) (Record, bool) {
	var rec Record
	if len(line) < 20 || !rec.klogLevel(line[0]) {
		return rec, false
	}
	n, ok := rec.klogTime(c, line)
	if !ok {
		return rec, false
	}
	rest := strings.TrimLeft(line[n:], " ")
	thread, rest, ok := strings.Cut(rest, " ")
	if _, err := strconv.ParseUint(thread, 10, 64); !ok || err != nil {
		return rec, false
	}
	source, text, ok := strings.Cut(rest, "]")
	if !ok || strings.ContainsRune(source, ' ') || !strings.ContainsRune(source, ':') {
		return rec, false
	}
	rec.add("thread", numeric(thread))
	rec.text("source", source)
	rec.klogText(strings.TrimPrefix(text, " "))
	return rec, true
}

func (r *Record) klogLevel(letter byte) bool {
	l, ok := map[byte]slog.Level{'I': slog.LevelInfo, 'W': slog.LevelWarn, 'E': slog.LevelError, 'F': LevelFatal, 'D': slog.LevelDebug}[letter]
	r.Level, r.leveled = l, ok
	return ok
}

func (r *Record) klogTime(c *clock, line string) (n int, ok bool) {
	year, at := 0, 1
	if y, ok := number(line, 1, 8); ok {
		year, at = y/10000, 5
	}
	date, ok := number(line, at, 4)
	if !ok || at+5 > len(line) || line[at+4] != ' ' {
		return 0, false
	}
	sec, nano, n, ok := daytime(line[at+5:])
	if !ok || date < 101 || date > 1231 || date%100 == 0 || date%100 > 31 {
		return 0, false
	}
	if year == 0 {
		r.Time = c.thisYear(date/100, date%100, sec, nano)
	} else {
		r.Time = time.Date(year, time.Month(date/100), date%100, 0, 0, sec, nano, c.zone)
	}
	r.timeText = line[:at+5+n]
	return at + 5 + n, usable(r.Time)
}

// klogText reads a structured call's text: a quoted message, and pairs.
func (r *Record) klogText(text string) {
	r.Message = text
	if !strings.HasPrefix(text, `"`) {
		return
	}
	msg, rest, ok := quoted(text)
	if !ok || rest != "" && rest[0] != ' ' {
		return
	}
	var all []pair
	if strings.TrimLeft(rest, " ") != "" {
		if all, ok = pairs(rest); !ok {
			return
		}
	}
	r.Message = msg
	for _, p := range all {
		r.add(p.key, p.value())
	}
}
