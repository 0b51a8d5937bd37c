package rabbitmq

import (
	"regexp"
	"time"
)

// Line is one record of the node's log.
type Line struct {
	Time    time.Time
	Level   string // debug, info, notice, warning, error, critical, alert, emergency
	Process string // Erlang's id of the process that wrote it
	Message string
}

var linePattern = regexp.MustCompile(
	`^(\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{1,9}[+-]\d\d:\d\d) \[([a-z]+)\] (<[0-9.]+>) ?(.*)$`)

// ParseLine reads a line without its end. ok is false for what does not begin like a record: the banner,
// and what other programs write into the same stream. A record of several lines repeats its beginning.
func ParseLine(line string) (l Line, ok bool) {
	m := linePattern.FindStringSubmatch(line)
	if m == nil {
		return Line{}, false
	}
	at, err := time.Parse("2006-01-02 15:04:05.999999999-07:00", m[1])
	if err != nil {
		return Line{}, false
	}
	return Line{Time: at, Level: m[2], Process: m[3], Message: m[4]}, true
}
