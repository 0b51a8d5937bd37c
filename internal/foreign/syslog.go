package foreign

import (
	"log/slog"
	"strconv"
	"strings"
)

// readSyslogPRI reads what goes over the wire: RFC 5424 with its structured data, and RFC 3164.
func readSyslogPRI(c *clock, line string) (Record, bool) {
	if !strings.HasPrefix(line, "<") {
		return Record{}, false
	}
	end := strings.IndexByte(line, '>')
	if end < 2 || end > 4 {
		return Record{}, false
	}
	pri, err := strconv.ParseUint(line[1:end], 10, 8)
	if err != nil || pri > 191 {
		return Record{}, false
	}
	rec := Record{Level: syslogLevel(int(pri)), leveled: true, levelText: line[:end+1]}
	rec.add("facility", slog.StringValue(facility(int(pri)>>3)))
	if pri&7 < 3 {
		rec.add(KeySeverity, slog.StringValue([...]string{"emerg", "alert", "crit"}[pri&7]))
	}
	text := line[end+1:]
	if strings.HasPrefix(text, "1 ") && rec.rfc5424(c, text[2:]) {
		rec.levelText = line[:end+2]
		return rec, true
	}
	return rec, rec.rfc3164(c, text)
}

// readSyslogFile reads what syslog daemons write into files: no priority, and a time of either kind.
func readSyslogFile(c *clock, line string) (Record, bool) {
	var rec Record
	return rec, rec.rfc3164(c, line)
}

// rfc3164 reads time, host, tag and text. A tag is what makes it syslog, and not any line with a time.
func (r *Record) rfc3164(c *clock, s string) bool {
	t, n, ok := c.stamp(s)
	if !ok {
		if t, n, ok = c.iso(s); ok && (s[10] != 'T' || n < 20) {
			ok = false // rsyslog's have both: the T and the zone
		}
	}
	if !ok || n >= len(s) || s[n] != ' ' {
		return false
	}
	host, rest, ok := strings.Cut(s[n+1:], " ")
	if !ok || host == "" || strings.HasSuffix(host, ":") || strings.ContainsAny(host, "[]=\"") {
		return false
	}
	tag, text, ok := strings.Cut(rest, ":")
	if !ok || tag == "" || len(tag) > 64 || strings.ContainsAny(tag, " \t\"={}") {
		return false
	}
	app, pid, bracket := strings.Cut(tag, "[")
	if bracket && !strings.HasSuffix(pid, "]") {
		return false
	}
	if _, _, isLevel := levelOf(app); isLevel || host == strings.ToUpper(host) && levelName(host) {
		return false // "… ERROR main: text" is somebody else's
	}
	r.Time, r.timeText = t, s[:n]
	r.text(KeyHost, host)
	r.text(KeyApp, app)
	r.text(KeyPID, strings.TrimSuffix(pid, "]"))
	r.Message = strings.TrimPrefix(text, " ")
	r.guess()
	return true
}

func levelName(s string) bool {
	_, _, ok := levelOf(s)
	return ok
}

// guess takes the level from the text where nothing else says it.
func (r *Record) guess() {
	if r.leveled {
		return
	}
	if word, ok := shouted(r.Message); ok {
		r.Level, _, r.leveled = levelOf(word)
		return
	}
	r.Level, _ = announced(r.Message)
}

// rfc5424 reads what follows the version: time, host, app, process, message id, structured data, text.
func (r *Record) rfc5424(c *clock, s string) bool {
	var head [5]string
	for i := range head {
		field, rest, ok := strings.Cut(s, " ")
		if !ok || field == "" {
			return false
		}
		head[i], s = field, rest
	}
	mark := len(r.Attrs)
	if head[0] != "-" {
		t, n, ok := c.iso(head[0])
		if !ok || n != len(head[0]) {
			return false
		}
		r.Time, r.timeText = t, head[0]
	}
	for i, key := range [...]string{KeyHost, KeyApp, KeyPID, "msgid"} {
		r.text(key, head[i+1])
	}
	rest, ok := r.structured(s)
	if !ok {
		r.Attrs = r.Attrs[:mark]
		return false
	}
	r.Message = strings.TrimPrefix(strings.TrimPrefix(rest, " "), "\uFEFF")
	return true
}

// structured reads "-" or elements [id name="value" …]; each becomes a group.
func (r *Record) structured(s string) (rest string, ok bool) {
	if s == "-" || strings.HasPrefix(s, "- ") {
		return s[1:], true
	}
	for strings.HasPrefix(s, "[") {
		end := strings.IndexAny(s, " ]")
		if end < 2 {
			return "", false
		}
		id, params := s[1:end], Record{}
		s = s[end:]
		for strings.HasPrefix(s, " ") {
			name, value, ok := strings.Cut(s[1:], `="`)
			if !ok || name == "" || strings.ContainsAny(name, ` ]"`) {
				return "", false
			}
			text, more, ok := parameter(value)
			if !ok {
				return "", false
			}
			params.add(name, slog.StringValue(text))
			s = more
		}
		if !strings.HasPrefix(s, "]") {
			return "", false
		}
		s = s[1:]
		params.settle()
		if len(params.Attrs) == 0 {
			r.add(id, slog.StringValue(""))
			continue
		}
		r.add(id, slog.GroupValue(params.Attrs...))
	}
	return s, s == "" || s[0] == ' '
}

// parameter reads a value up to its closing quote; \" \\ and \] are escapes, other backslashes stand for themselves.
func parameter(s string) (text, rest string, ok bool) {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		switch {
		case s[i] == '"':
			return b.String(), s[i+1:], true
		case s[i] == '\\' && i+1 < len(s) && strings.IndexByte(`"\]`, s[i+1]) >= 0:
			i++
		}
		b.WriteByte(s[i])
	}
	return "", "", false
}

func facility(n int) string {
	names := [...]string{"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp", "ntp", "audit", "alert", "clock"}
	if n < len(names) {
		return names[n]
	}
	return "local" + strconv.Itoa(n-len(names))
}
