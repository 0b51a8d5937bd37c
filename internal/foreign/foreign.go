// Package foreign reads the log lines of programs that are not ours: which format a line has, its time, level,
// message and fields, and which lines belong together.
//
//	bytes ──Lines──▶ line ──unwrap──▶ line ──┬─ continues the open record? ──▶ joined to it
//	                (bounded)  (docker, CRI)  └─ Recogniser ──▶ a new record
//
// Nothing is dropped: what is not understood stays in the message, what is understood becomes a time, a level or an
// attribute, and what exceeds a bound is cut with a mark. Colours are taken out, and empty lines between records.
// Nothing here panics, whatever it is given.
package foreign

import (
	"log/slog"
	"slices"
	"time"
)

// Format is a family of lines.
type Format string

// Formats that are told apart. Nginx and Apache are their error logs; Access is what both write of requests.
const (
	JSON       Format = "json"
	Logfmt     Format = "logfmt"
	Klog       Format = "klog"
	Syslog     Format = "syslog"
	Access     Format = "access"
	Nginx      Format = "nginx"
	Apache     Format = "apache"
	PostgreSQL Format = "postgresql"
	RabbitMQ   Format = "rabbitmq"
	Plain      Format = "plain"

	Auto Format = "auto" // each line decides
)

// Formats that a user may ask for, Auto first.
func Formats() []string {
	return []string{"auto", "json", "logfmt", "klog", "syslog", "access", "nginx", "apache", "postgresql", "rabbitmq", "plain"}
}

// Keys of attributes that the formats share. The others are named after the format's own fields.
const (
	KeySeverity  = "severity"  // the level's own name, where ours says less
	KeyStack     = "stack"     // the lines of a trace
	KeyContinued = "continued" // true: goes on where the record before was cut
	KeyStream    = "stream"    // stdout or stderr
	KeyHost      = "host"
	KeyApp       = "app"
	KeyPID       = "pid"
)

// Levels beside slog's four; they are what OpenTelemetry calls TRACE and FATAL.
const (
	LevelTrace = slog.LevelDebug - 4
	LevelFatal = slog.LevelError + 4
)

// noMessage stands for the text that a structured record does not have; the same for all, so that they are one pattern.
const noMessage = "(no message)"

// Record is what one line, with those that continue it, says.
type Record struct {
	Format  Format
	Time    time.Time // zero: the line has none
	Level   slog.Level
	Logger  string // name of the part that wrote it; "": not said
	Message string
	Attrs   []slog.Attr
	TraceID string // 32 hex digits, or ""
	SpanID  string // 16 hex digits, or ""
	End     int64  // bytes of the stream up to the end of the record's last line

	more                []slog.Attr // beyond mostAttrs
	leveled             bool        // the line names its level
	timeText, levelText string      // what was understood, and is kept nowhere else
	wrapText            string      // likewise, of the container runtime
}

// Settings of a Recogniser and of a Stream.
type Settings struct {
	Format   Format           // "" or Auto: each line decides
	Now      func() time.Time // for formats without a year; nil: time.Now
	Location *time.Location   // of times without a zone; nil: time.Local
}

func (s Settings) withDefaults() Settings {
	if s.Now == nil {
		s.Now = time.Now
	}
	if s.Location == nil {
		s.Location = time.Local
	}
	return s
}

// reader reads a line of one format; false: it is of another.
type reader struct {
	format Format
	read   func(c *clock, line string) (Record, bool)
}

// Recogniser reads lines one by one. For one goroutine.
type Recogniser struct {
	clock   clock
	readers []reader
	last    int // whose line the latest one was: it is asked first
}

// NewRecogniser for one stream.
func NewRecogniser(s Settings) *Recogniser {
	s = s.withDefaults()
	return &Recogniser{clock: clock{now: s.Now, zone: s.Location}, readers: readersOf(s.Format)}
}

// readersOf lists the strict ones first: Plain takes everything.
func readersOf(f Format) []reader {
	all := []reader{
		{JSON, readJSON}, {Klog, readKlog}, {Syslog, readSyslogPRI}, {Access, readAccess}, {Nginx, readNginx}, {Apache, readApache},
		{RabbitMQ, readRabbitMQ}, {PostgreSQL, readPostgres}, {Syslog, readSyslogFile}, {Logfmt, readLogfmt}, {Plain, readPlain},
	}
	if f == "" || f == Auto {
		return all
	}
	return slices.DeleteFunc(all, func(r reader) bool {
		web := r.format == Access && (f == Nginx || f == Apache)
		return r.format != f && r.format != Plain && !web
	})
}

// Line reads one line without its end.
func (r *Recogniser) Line(line string) Record {
	plain := len(r.readers) - 1
	if r.last < plain {
		if rec, ok := r.try(r.last, line); ok {
			return rec
		}
	}
	for i := range plain {
		if i == r.last {
			continue
		}
		if rec, ok := r.try(i, line); ok {
			r.last = i
			return rec
		}
	}
	rec, _ := r.try(plain, line) // its lines do not change what is asked first: they may stand between those of a format
	return rec
}

func (r *Recogniser) try(i int, line string) (Record, bool) {
	rec, ok := r.readers[i].read(&r.clock, line)
	rec.Format = r.readers[i].format
	rec.settle()
	return rec, ok
}
