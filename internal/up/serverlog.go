package up

import (
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
)

// lineLog turns what a server writes on its stderr into log records of a service of that server's name. It is an
// io.Writer, safe for concurrent use; Close emits what still waits for lines that continue it.
type lineLog struct {
	mu     sync.Mutex
	stream *foreign.Stream
	idle   *time.Timer // runs while something waits
}

func newLineLog(format foreign.Format, emit func(foreign.Record)) *lineLog {
	l := &lineLog{stream: foreign.NewStream(foreign.Settings{Format: format, Location: time.UTC}, emit)}
	l.idle = time.AfterFunc(foreign.Idle, l.flush)
	return l
}

func (l *lineLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	_, _ = l.stream.Write(p) // it does not fail
	if l.stream.Waiting() {
		l.idle.Reset(foreign.Idle)
	}
	return len(p), nil
}

func (l *lineLog) flush() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stream.Flush()
}

// Close ends the stream; it never fails.
func (l *lineLog) Close() error {
	l.idle.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stream.Close()
	return nil
}

// hidePostgres takes out of a PostgreSQL's records what they repeat of statements and rows, and gives them to emit. It
// reads one server's records in their order.
func hidePostgres(emit func(foreign.Record)) func(foreign.Record) {
	var hide hider
	return func(r foreign.Record) {
		if r.Format == foreign.PostgreSQL {
			if !slices.ContainsFunc(r.Attrs, func(a slog.Attr) bool { return a.Key == foreign.KeyContinued }) {
				hide.begin()
			}
			r.Message = hideSeverity(r)
		}
		r.Message = hide.literals(r.Message)
		for i, a := range r.Attrs {
			if a.Key == foreign.KeyStack {
				r.Attrs[i].Value = slog.StringValue(hide.literals(a.Value.String()))
			}
		}
		emit(r)
	}
}

// hideSeverity hides what needs no quotes to be a row's or somebody's input.
func hideSeverity(r foreign.Record) string {
	var severity, state string
	for _, a := range r.Attrs {
		switch a.Key {
		case foreign.KeySeverity:
			severity = a.Value.String()
		case "sql_state":
			state = a.Value.String()
		}
	}
	switch {
	case severity == "DETAIL":
		return hideRow(r.Message)
	case severity == "ERROR" && strings.HasPrefix(state, "22"):
		return hideInput(r.Message)
	default:
		return r.Message
	}
}
