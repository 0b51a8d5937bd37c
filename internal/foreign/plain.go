package foreign

import (
	"regexp"
	"strings"
)

// What common layouts have after the time. What none of them fits stays in the message.
type layouts struct{ logback, spring, python *regexp.Regexp }

// plainLayouts are compiled once and never change.
var plainLayouts = layouts{
	// [main] INFO  com.example.Shop - text  |  INFO [main] com.example.Shop - text
	logback: regexp.MustCompile(`^ *(?:\[([^\]]*)\] +([A-Za-z]+)|([A-Z]+) +\[([^\]]*)\]) +([\w.$/-]+) *(?:-|:) (.*)$`),
	// INFO 1234 --- [main] o.e.Shop : text
	spring: regexp.MustCompile(`^ +([A-Z]+) (\d+) --- (?:\[([^\]]*)\] )*\[([^\]]*)\] ([\w.$/\[\]-]+) *: (.*)$`),
	// - shop.cart - INFO - text
	python: regexp.MustCompile(`^ - ([\w.]+) - ([A-Z]+) - (.*)$`),
}

// readPlain takes every line: a time at its start and a level near it are understood, the rest is the message.
func readPlain(c *clock, line string) (Record, bool) {
	rec := Record{Message: line}
	if t, n, ok := c.leading(line); ok && n < len(line) {
		rec.Time, rec.timeText, rec.Message = t, line[:n], line[n:]
		if rec.layout(line[n:]) {
			return rec, true
		}
		rec.Message = strings.TrimLeft(line[n:], " \t")
		rec.leadingLevel()
	}
	rec.guess()
	return rec, true
}

// leadingLevel takes the level off the message where it stands first: "[INFO] text", "WARN: text", "ERROR text".
func (r *Record) leadingLevel() {
	word, rest, ok := strings.Cut(r.Message, " ")
	if !ok {
		return
	}
	bare := strings.Trim(word, "[]:|")
	if w, ok := levelWord(word); !ok || w != bare || len(word) > len(w)+2 {
		return
	}
	if r.level(bare) {
		r.Message = strings.TrimLeft(rest, " ")
	}
}

// layout looks before it matches: most lines have none of them.
func (r *Record) layout(text string) bool {
	l := &plainLayouts
	switch head := strings.TrimLeft(text, " "); {
	case strings.Contains(text, " --- "):
		if m := l.spring.FindStringSubmatch(text); m != nil && r.level(m[1]) {
			r.text(KeyPID, m[2])
			r.text("application", m[3])
			r.text("thread", strings.TrimSpace(m[4]))
			r.Logger, r.Message = m[5], m[6]
			return true
		}
	case strings.HasPrefix(text, " - "):
		if m := l.python.FindStringSubmatch(text); m != nil && r.level(m[2]) {
			r.Logger, r.Message = m[1], m[3]
			return true
		}
	case head != "" && (head[0] == '[' || head[0] >= 'A' && head[0] <= 'Z' && strings.Contains(head, " [")):
		if m := l.logback.FindStringSubmatch(text); m != nil && r.level(m[2]+m[3]) {
			r.text("thread", m[1]+m[4])
			r.Logger, r.Message = m[5], m[6]
			return true
		}
	}
	return false
}
