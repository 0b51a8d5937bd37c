package foreign

import (
	"log/slog"
	"slices"
	"strings"
	"time"
)

// Idle is how long a record waits for lines that continue it. Whoever feeds a Stream calls Flush after it.
const Idle = time.Second

// Bounds of a joined record; the logging keeps 32 KiB of a message and 64 KiB of a stack. What exceeds them goes on in
// records of their own, marked with KeyContinued.
const (
	mostLines   = 1000
	mostMessage = 30 << 10
	mostStack   = 60 << 10
)

// Stream makes records of the bytes that are written to it, in order. For one goroutine.
type Stream struct {
	lines      lines
	recogniser *Recogniser
	emit       func(Record)

	open    *Record // waits for lines that continue it
	from    string  // stdout or stderr in a container's log
	trace   trace
	stack   strings.Builder
	message strings.Builder // what continues the message
	joined  int             // lines
	blank   int             // empty lines since the last one that was joined
	part    wrapped         // the first of a line that the container runtime has split
	parts   strings.Builder // its text so far
}

// NewStream gives each record to emit, in order, before Write, Flush or Close returns.
func NewStream(s Settings, emit func(Record)) *Stream {
	st := &Stream{recogniser: NewRecogniser(s), emit: emit}
	st.lines.emit = st.wrappedLine
	return st
}

// Write takes the next bytes. It never fails.
func (s *Stream) Write(p []byte) (int, error) {
	s.lines.write(p)
	return len(p), nil
}

// Waiting says whether a record waits for lines that continue it.
func (s *Stream) Waiting() bool { return s.open != nil }

// Flush emits the record that waits. A line without its end stays.
func (s *Stream) Flush() {
	if s.open == nil {
		return
	}
	rec := *s.open
	s.open, s.joined, s.blank, s.trace = nil, 0, 0, trace{}
	s.finish(&rec)
	s.emit(rec)
}

// Close emits all that is there, a line without its end too.
func (s *Stream) Close() {
	s.lines.end()
	if s.part.partial {
		s.line(s.whole(), s.lines.done)
	}
	s.Flush()
}

func (s *Stream) finish(rec *Record) {
	rec.Message += s.message.String()
	if stack := s.stack.String(); stack != "" {
		rec.add(KeyStack, slog.StringValue(stack))
	}
	s.message.Reset()
	s.stack.Reset()
}

// wrappedLine puts together what a container runtime has split.
func (s *Stream) wrappedLine(line string, end int64) {
	w := s.recogniser.clock.unwrap(line)
	if s.part.partial && s.part.stream != w.stream {
		s.line(s.whole(), end)
	}
	if !w.partial && !s.part.partial {
		s.line(w, end)
		return
	}
	if !s.part.partial {
		s.part = w
	}
	s.parts.WriteString(w.text)
	if !w.partial || s.parts.Len() >= MaxLine {
		s.line(s.whole(), end)
	}
}

// whole ends the line that was split.
func (s *Stream) whole() wrapped {
	w := s.part
	w.text = s.parts.String()
	s.part, s.parts = wrapped{}, strings.Builder{}
	return w
}

func (s *Stream) line(w wrapped, end int64) {
	if strings.Trim(w.text, " \t") == "" {
		s.blankLine(end)
		return
	}
	if s.open != nil && s.from == w.stream && !structured(w.text) {
		if yes, stack := s.trace.goesOn(w.text, !s.open.leveled || s.open.Level >= slog.LevelError); yes {
			s.join(w.text, stack && s.open.Format != PostgreSQL, end) // SQL has lines that look like frames
			return
		}
	}
	s.Flush()
	s.begin(w, end)
}

// structured: an indented line may be a record of its own.
func structured(line string) bool {
	line = strings.TrimLeft(line, " \t")
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' {
		return false
	}
	_, ok := readJSON(&clock{now: time.Now, zone: time.UTC}, line)
	return ok
}

// blankLine stays with a record only if more of it follows.
func (s *Stream) blankLine(end int64) {
	if s.open == nil {
		return
	}
	s.blank++
	if s.trace.kind <= indented && s.blank > 1 {
		s.Flush()
		return
	}
	s.open.End = end
}

func (s *Stream) begin(w wrapped, end int64) {
	rec := s.recogniser.Line(w.text)
	rec.End, rec.wrapText = end, w.head
	var tr trace
	if rec.Format == Plain && rec.Time.IsZero() && tr.begins(w.text) {
		rec.Message, rec.Level = w.text, slog.LevelError
	}
	if w.stream != "" {
		rec.text(KeyStream, w.stream)
	}
	if rec.Time.IsZero() {
		rec.Time = w.at
	}
	if alone(rec.Format) {
		s.emit(rec)
		return
	}
	s.open, s.from, s.trace = &rec, w.stream, tr
}

// alone: a line of such a format is whole.
func alone(f Format) bool { return f == JSON || f == Logfmt || f == Access }

func (s *Stream) join(line string, stack bool, end int64) {
	if s.joined >= mostLines || s.stack.Len()+len(line) > mostStack || s.message.Len()+len(s.open.Message)+len(line) > mostMessage && !stack {
		s.cut(line, end)
		return
	}
	blank := strings.Repeat("\n", s.blank)
	s.joined, s.blank, s.open.End = s.joined+1, 0, end
	if !stack && s.stack.Len() == 0 {
		s.message.WriteString("\n" + blank + line)
		return
	}
	if !s.open.leveled && s.open.Level < slog.LevelError {
		s.open.Level = slog.LevelError // nobody says so, but a trace does
	}
	if s.open.Message == pythonHead && s.trace.kind == pythonTrace && !s.trace.inside {
		s.promote(line)
		return
	}
	if s.stack.Len() > 0 {
		s.stack.WriteString("\n" + blank)
	}
	s.stack.WriteString(line)
}

// promote makes the exception the message of a trace that stands alone: the head is the same for all.
func (s *Stream) promote(line string) {
	frames := s.stack.String()
	s.stack.Reset()
	s.stack.WriteString(pythonHead + "\n" + frames + "\n" + line)
	s.open.Message = line
}

// cut ends a record at its bound; the line begins one that says it goes on.
func (s *Stream) cut(line string, end int64) {
	next := Record{Format: s.open.Format, Time: s.open.Time, Level: s.open.Level, Logger: s.open.Logger, Message: line, End: end,
		Attrs: slices.Clone(s.open.Attrs), leveled: true}
	kept := s.trace
	s.Flush()
	if !next.continued() {
		next.add(KeyContinued, slog.BoolValue(true))
	}
	s.open, s.trace = &next, kept
}

func (r *Record) continued() bool {
	return slices.ContainsFunc(r.Attrs, func(a slog.Attr) bool { return a.Key == KeyContinued })
}
