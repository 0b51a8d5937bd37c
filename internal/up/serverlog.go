package up

import (
	"bytes"
	"context"
	"log/slog"
	"regexp"
	"strings"
	"sync"

	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
)

// lineLog turns what a server writes on its stderr into log records of a service of that server's name. It is an
// io.Writer, safe for concurrent use; a line longer than maxLine is cut there. parse is called line by line.
type lineLog struct {
	log   *slog.Logger
	parse func(line string) (slog.Level, string, []slog.Attr)

	mu   sync.Mutex
	held []byte
}

const maxLine = 64 << 10

func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.held = append(l.held, p...)
	for {
		end := bytes.IndexByte(l.held, '\n')
		if end < 0 && len(l.held) < maxLine {
			return len(p), nil
		}
		if end < 0 {
			end = maxLine - 1
		}
		l.emit(string(l.held[:end]))
		l.held = append(l.held[:0], l.held[end+1:]...)
	}
}

func (l *lineLog) emit(line string) {
	line = strings.TrimSpace(line)
	if line == "" {
		return
	}
	level, msg, attrs := l.parse(line)
	l.log.LogAttrs(context.Background(), level, msg, attrs...)
}

// parsePostgres reads one server's lines, in their order.
func parsePostgres() func(line string) (slog.Level, string, []slog.Attr) {
	var hide hider
	return func(line string) (slog.Level, string, []slog.Attr) {
		l, ok := postgres.ParseLine(line)
		if !ok {
			return slog.LevelInfo, hide.literals(line), nil
		}
		hide.begin()
		attrs := []slog.Attr{slog.Int("pid", l.PID), slog.String("severity", l.Severity)}
		if l.SQLState != "00000" {
			attrs = append(attrs, slog.String("sql_state", l.SQLState))
		}
		if l.User != "" {
			attrs = append(attrs, slog.String("db_user", l.User), slog.String("db_name", l.Database))
		}
		return postgresLevel(l), hide.literals(postgresMessage(l)), attrs
	}
}

func postgresMessage(l postgres.Line) string {
	switch {
	case l.Severity == "DETAIL":
		return hideRow(l.Message)
	case l.Severity == "ERROR" && strings.HasPrefix(l.SQLState, "22"):
		return hideInput(l.Message)
	default:
		return l.Message
	}
}

// notYet is the SQL state of a server that starts or stops: whoever asks too early is told so, and nothing is wrong.
const notYet = "57P03"

func postgresLevel(l postgres.Line) slog.Level {
	if l.SQLState == notYet {
		return slog.LevelInfo
	}
	switch l.Severity {
	case "PANIC", "FATAL", "ERROR":
		return slog.LevelError
	case "WARNING":
		return slog.LevelWarn
	case "DEBUG1", "DEBUG2", "DEBUG3", "DEBUG4", "DEBUG5":
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}

var rabbitLine = regexp.MustCompile(`^\S+ \S+ \[(\w+)\] (<[\d.]+>) ?(.*)$`)

// parseRabbitMQ reads a line of RabbitMQ's default format: date, time, [level], <process>, text.
func parseRabbitMQ(line string) (slog.Level, string, []slog.Attr) {
	m := rabbitLine.FindStringSubmatch(line)
	if m == nil {
		return slog.LevelInfo, line, nil
	}
	return rabbitLevel(m[1]), m[3], []slog.Attr{slog.String("process", m[2])}
}

func rabbitLevel(word string) slog.Level {
	switch word {
	case "emergency", "alert", "critical", "error":
		return slog.LevelError
	case "warning":
		return slog.LevelWarn
	case "debug":
		return slog.LevelDebug
	default:
		return slog.LevelInfo
	}
}
