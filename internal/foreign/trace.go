package foreign

import (
	"regexp"
	"strings"
)

// trace follows the shapes of stack traces, so that their lines stay with the record that they belong to. Its zero value
// is outside of any.
type trace struct {
	kind   traceKind
	inside bool // python: lines of a frame were there, so the exception's own line may come
}

type traceKind int

const (
	noTrace traceKind = iota
	indented
	goTrace
	pythonTrace
	javaTrace
	rustTrace
)

// Heads and lines of traces that are not indented.
type traceShapes struct{ goroutine, goCall, goRegister, javaHead, pythonEnd *regexp.Regexp }

// traceLines are compiled once and never change.
var traceLines = traceShapes{
	goroutine:  regexp.MustCompile(`^goroutine \d+ .*\[.*\]:$`),
	goCall:     regexp.MustCompile(`^[\w./*()\[\]{}·,%@~\-]+\(.*\)$`),
	goRegister: regexp.MustCompile(`^(r\w{1,5}|cs|fs|gs|pc|sp|lr|fault) +0x[0-9a-f]+$`),
	javaHead:   regexp.MustCompile(`^(Exception in thread ".*" )?([a-z_]\w*\.)+[A-Z][\w$]*(Exception|Error|Throwable)\b`),
	pythonEnd:  regexp.MustCompile(`^[A-Za-z_][\w.]*(:( |$)|$)`),
}

const pythonHead = "Traceback (most recent call last):"

// begins says whether a line, standing alone, begins a crash: its record is an error.
func (t *trace) begins(line string) bool {
	*t = trace{}
	switch {
	case strings.HasPrefix(line, "panic: "), strings.HasPrefix(line, "fatal error: "), goroutine(line):
		t.kind = goTrace
	case line == pythonHead:
		t.kind = pythonTrace
	case strings.HasPrefix(line, "thread '") && strings.Contains(line, " panicked at "):
		t.kind = rustTrace
	case javaHead(line):
		t.kind = javaTrace
	}
	return t.kind != noTrace
}

// goesOn says whether a line belongs to what came before it, and whether it is part of a trace rather than of a text.
// failed: what came before is an error, or may be one; Python's traces after anything else are of their own.
func (t *trace) goesOn(line string, failed bool) (yes, stack bool) {
	if line[0] == ' ' || line[0] == '\t' {
		t.inside = true
		if t.kind == noTrace {
			t.kind = indented
		}
		return true, t.kind > indented || frame(line)
	}
	switch {
	case line == pythonHead && (failed || t.kind == pythonTrace):
		*t = trace{kind: pythonTrace}
		return true, true
	case goroutine(line):
		t.kind = goTrace
		return true, true
	case strings.HasPrefix(line, "Caused by: "), strings.HasPrefix(line, "Suppressed: "):
		t.kind = javaTrace
		return true, true
	}
	switch t.kind {
	case goTrace:
		return t.goLine(line), true
	case pythonTrace:
		return t.pythonLine(line), true
	case rustTrace:
		first := !t.inside
		t.inside = true
		return first || strings.HasPrefix(line, "note: ") || line == "stack backtrace:", true
	case indented:
		return line == "}" || line == "]" || line == ")" || line == "};" || line == ");", false
	case noTrace:
		if javaHead(line) && !strings.HasPrefix(line, "Exception in thread") {
			t.kind = javaTrace
			return true, true
		}
	case javaTrace:
	}
	return false, false
}

// The cheap look comes first: these are asked of every line.
func goroutine(line string) bool {
	return strings.HasPrefix(line, "goroutine ") && traceLines.goroutine.MatchString(line)
}

func javaHead(line string) bool {
	thrown := strings.Contains(line, "Exception") || strings.Contains(line, "Error") || strings.Contains(line, "Throwable")
	return thrown && traceLines.javaHead.MatchString(line)
}

// frame: an indented line that is a frame of a stack, in Java, JavaScript, .NET, Python or Ruby.
func frame(line string) bool {
	line = strings.TrimLeft(line, " \t")
	return strings.HasPrefix(line, "at ") || strings.HasPrefix(line, `File "`) || strings.HasPrefix(line, "... ") ||
		strings.HasPrefix(line, "from ") && strings.Contains(line, ":in ")
}

func (t *trace) goLine(line string) bool {
	for _, head := range [...]string{"created by ", "[signal ", "exit status ", "runtime stack:", "goroutine ", "panic: ", "...additional frames", "[recovered"} {
		if strings.HasPrefix(line, head) {
			return true
		}
	}
	return traceLines.goCall.MatchString(line) || traceLines.goRegister.MatchString(line)
}

func (t *trace) pythonLine(line string) bool {
	if strings.HasPrefix(line, "During handling of the above exception") || strings.HasPrefix(line, "The above exception was the direct cause") {
		return true
	}
	if t.inside && traceLines.pythonEnd.MatchString(line) {
		t.inside = false
		return true
	}
	return false
}
