package postgres

import (
	"regexp"
	"strconv"
	"time"
)

// linePrefix makes every line of the server parseable: time, process, SQL state, user and database.
const linePrefix = "%m [%p] %e %q%u@%d "

// Line is one record of the server's log.
type Line struct {
	Time           time.Time
	PID            int
	SQLState       string // 00000: none
	User, Database string // "": a background process
	Severity       string // LOG, ERROR, FATAL, DETAIL, STATEMENT …
	Message        string
}

var linePattern = regexp.MustCompile(
	`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3}) UTC \[(\d+)\] ([0-9A-Z]{5}) (?:(\S+?)@(\S*) )?([A-Z0-9]+):  (.*)$`)

// ParseLine reads a line without its end. ok is false for the continuation of the line before, which
// begins with a tab, and for what other programs write into the same stream.
func ParseLine(line string) (l Line, ok bool) {
	m := linePattern.FindStringSubmatch(line)
	if m == nil {
		return Line{}, false
	}
	at, err := time.Parse("2006-01-02 15:04:05.000", m[1])
	if err != nil {
		return Line{}, false
	}
	pid, err := strconv.Atoi(m[2])
	if err != nil {
		return Line{}, false
	}
	return Line{Time: at, PID: pid, SQLState: m[3], User: m[4], Database: m[5], Severity: m[6], Message: m[7]}, true
}
