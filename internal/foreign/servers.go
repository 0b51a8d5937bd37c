package foreign

import (
	"log/slog"
	"strings"
	"time"
)

// notYet is the SQL state of a PostgreSQL that starts or stops: whoever asks too early is told so, and nothing is wrong.
const notYet = "57P03"

// readPostgres reads a line of PostgreSQL's stderr log whose log_line_prefix begins with a time (%m or %t) and a process
// ([%p]), which the default and Debian's do. What else is in the prefix is read too: SQL state, user@database.
//
//	2026-11-21 06:48:09.338 UTC [12] 42P01 app@mesh ERROR:  relation "x" does not exist
func readPostgres(c *clock, line string) (Record, bool) {
	t, n, ok := c.iso(line)
	if !ok || line[10] != ' ' {
		return Record{}, false
	}
	rest := line[n:]
	if zone, after, ok := strings.Cut(strings.TrimPrefix(rest, " "), " "); ok && !strings.HasPrefix(rest, " [") {
		if t, ok = inZone(t, zone); !ok {
			return Record{}, false
		}
		rest = " " + after
	}
	rec := Record{Time: t, timeText: line[:len(line)-len(rest)]}
	pid, rest, ok := strings.Cut(strings.TrimPrefix(rest, " ["), "] ")
	if !ok || pid == "" || strings.Trim(pid, "0123456789-") != "" {
		return rec, false
	}
	prefix, text, ok := strings.Cut(rest, ":  ")
	if !ok || len(prefix) > 256 {
		return rec, false
	}
	rec.add(KeyPID, numeric(pid))
	rec.Message = text
	return rec, rec.postgresPrefix(prefix)
}

func inZone(t time.Time, name string) (time.Time, bool) {
	if name == "" || len(name) > 5 || strings.ToUpper(name) != name || strings.Trim(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") != "" {
		return t, false
	}
	zone, ok := named(name)
	if !ok {
		return t, true
	}
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), t.Nanosecond(), zone), true
}

// postgresPrefix reads what stands before the text; the last word is the severity.
func (r *Record) postgresPrefix(prefix string) bool {
	words := strings.Fields(prefix)
	if len(words) == 0 {
		return false
	}
	severity := words[len(words)-1]
	l, ok := postgresLevel(severity)
	if !ok {
		return false
	}
	r.Level, r.leveled = l, true
	r.add(KeySeverity, slog.StringValue(severity))
	for _, w := range words[:len(words)-1] {
		user, db, at := strings.Cut(w, "@")
		switch {
		case len(w) == 5 && strings.Trim(w, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "":
			if w == notYet {
				r.Level = slog.LevelInfo
			}
			if w != "00000" {
				r.text("sql_state", w)
			} else {
				r.levelText = w
			}
		case at:
			r.text("db_user", user)
			r.text("db_name", strings.TrimSuffix(db, ":"))
		default:
			r.text("prefix", w)
		}
	}
	return true
}

func postgresLevel(severity string) (slog.Level, bool) {
	switch severity {
	case "PANIC":
		return LevelFatal, true
	case "FATAL", "ERROR": // FATAL ends one session, not the server
		return slog.LevelError, true
	case "WARNING":
		return slog.LevelWarn, true
	case "DEBUG", "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4", "DEBUG5":
		return slog.LevelDebug, true
	case "LOG", "INFO", "NOTICE", "DETAIL", "HINT", "STATEMENT", "CONTEXT", "QUERY", "LOCATION", "BACKTRACE":
		return slog.LevelInfo, true
	}
	return 0, false
}

// readRabbitMQ reads a line of RabbitMQ's default format: date, time, [level], <process>, text.
//
//	2026-11-21 06:48:09.338344+01:00 [warning] <0.673.0> closing AMQP connection
func readRabbitMQ(c *clock, line string) (Record, bool) {
	t, n, ok := c.iso(line)
	if !ok || !strings.HasPrefix(line[n:], " [") {
		return Record{}, false
	}
	word, rest, ok := strings.Cut(line[n+2:], "] <")
	rec := Record{Time: t, timeText: line[:n]}
	if !ok || !rec.level(word) {
		return rec, false
	}
	process, text, ok := strings.Cut(rest, ">")
	if !ok || strings.Trim(process, "0123456789.") != "" {
		return rec, false
	}
	rec.text("process", "<"+process+">")
	rec.Message = strings.TrimPrefix(text, " ")
	return rec, true
}
