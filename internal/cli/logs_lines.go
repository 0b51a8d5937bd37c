package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// shape is how records are shown.
type shape struct {
	output
	Columns string `help:"What to show of each record, by comma: time level service instance logger msg attrs id trace span link version …, or an attribute's path; +NAME adds to the usual ones." placeholder:"LIST"`
	UTC     bool   `help:"Show times in UTC, not in local time."`
}

// usual columns.
const usual = "time,level,service,msg,attrs"

// list is the columns asked for. Errors: misuse.
func (s shape) list() ([]string, error) {
	text := strings.ReplaceAll(s.Columns, " ", "")
	if text == "" {
		text = usual
	}
	names := strings.Split(text, ",")
	if strings.HasPrefix(text, "+") {
		all := strings.Split(usual, ",")
		for _, n := range names {
			all = slices.Insert(all, len(all)-2, strings.TrimPrefix(n, "+"))
		}
		names = all
	}
	if slices.Contains(names, "") {
		return nil, misuse("--columns %q: a name is missing; want names by comma, as time,level,msg, or +id", s.Columns)
	}
	return names, nil
}

// lines prints records and gaps, as lines for people or as JSON, one a line. Not safe for concurrent use.
type lines struct {
	out     io.Writer
	screen  screen
	json    bool
	utc     bool
	wide    bool // tables are not shortened to the terminal
	columns []string
	widths  map[string]int
	today   string // records of this day are shown without their date
	told    map[string]bool
	marked  string // id of a record to point at
}

// maxColumn is as far as a column grows with what it holds.
const maxColumn = 32

func newLines(p Process, s shape, now time.Time) (*lines, error) {
	columns, err := s.list()
	l := &lines{out: p.Stdout, screen: screenOf(p.Stdout, p.Environ), json: s.JSON, utc: s.UTC, columns: columns,
		widths: map[string]int{"level": 5, "service": 12}, told: map[string]bool{}}
	l.today = l.zone(now).Format(time.DateOnly)
	return l, err
}

func (l *lines) zone(t time.Time) time.Time {
	if l.utc {
		return t.UTC()
	}
	return t.Local()
}

// clock is a time of day, with its date when that is not today's.
func (l *lines) clock(t time.Time) string { return l.stamp(t, "15:04:05") }

func (l *lines) stamp(t time.Time, layout string) string {
	t = l.zone(t)
	if t.Format(time.DateOnly) != l.today {
		layout = "2006-01-02 " + layout
	}
	return t.Format(layout)
}

// record prints one.
func (l *lines) record(raw json.RawMessage) error {
	if l.json {
		_, err := fmt.Fprintf(l.out, "%s\n", raw)
		return err
	}
	var r record
	if err := json.Unmarshal(raw, &r); err != nil {
		return fmt.Errorf("read a record: %w", err)
	}
	return l.show(&r)
}

func (l *lines) show(r *record) error {
	var b strings.Builder
	if l.marked != "" {
		b.WriteString(map[bool]string{true: l.screen.paint(bold, "> "), false: "  "}[r.ID == l.marked])
	}
	var rest string
	for i, name := range l.columns {
		if i > 0 {
			b.WriteByte(' ')
		}
		text, more := l.column(r, name, i == len(l.columns)-1)
		b.WriteString(text)
		rest += more
	}
	_, err := fmt.Fprintln(l.out, strings.TrimRight(b.String(), " ")+rest)
	return err
}

// column is a record's text in it; rest holds the message's further lines, which stand below, moved in, so that no
// message can pass for a record.
func (l *lines) column(r *record, name string, last bool) (text, rest string) {
	switch name {
	case "time", "ts":
		return l.screen.paint(faint, l.stamp(r.TS, "15:04:05.000")), ""
	case "level":
		return l.screen.paint(ofLevel(r.Level), pad(r.Level, l.widths["level"])), ""
	case "msg":
		first, more, _ := strings.Cut(strings.TrimRight(r.Msg, "\r\n"), "\n")
		for line := range strings.Lines(more) {
			rest += "\n    | " + printable(strings.TrimRight(line, "\r\n"))
		}
		return printable(first), rest
	case "attrs":
		return l.attrs(r), ""
	}
	text = printable(r.field(name))
	if last {
		return text, ""
	}
	l.widths[name] = min(max(l.widths[name], cells(text)), maxColumn)
	return pad(text, l.widths[name]), ""
}

// attrs are key=value, but those that have a column of their own. One that only has the name of a record's column, as a
// foreign program's "level" or the "time" of ship --restamp, stays.
func (l *lines) attrs(r *record) string {
	var all []string
	for _, a := range attributes(r.Attrs) {
		if slices.Contains(l.columns, a.path) && !ofRecord(a.path) || slices.Contains(l.columns, "attr."+a.path) {
			continue
		}
		all = append(all, l.screen.paint(cyan, printable(a.path)+"=")+printable(a.text))
	}
	return strings.Join(all, " ")
}

// gap prints one, once.
func (l *lines) gap(g gap) error {
	if l.told[g.key()] {
		return nil
	}
	l.told[g.key()] = true
	if l.json {
		raw, err := json.Marshal(map[string]gap{"gap": g})
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(l.out, "%s\n", raw)
		return err
	}
	return l.note(g.line(l.clock))
}

// note prints a line that is no record; programs that read JSON do not see it.
func (l *lines) note(text string) error {
	if l.json {
		return nil
	}
	_, err := fmt.Fprintln(l.out, l.screen.paint(magenta, text))
	return err
}

// all prints records, oldest first, and the gaps where they are.
func (l *lines) all(records []json.RawMessage, gaps []gap) error {
	slices.SortStableFunc(gaps, func(a, b gap) int { return a.at().Compare(b.at()) })
	for _, raw := range records {
		var r struct{ TS time.Time }
		if err := json.Unmarshal(raw, &r); err != nil {
			return fmt.Errorf("read a record: %w", err)
		}
		for len(gaps) > 0 && gaps[0].at().Before(r.TS) {
			if err := l.gap(gaps[0]); err != nil {
				return err
			}
			gaps = gaps[1:]
		}
		if err := l.record(raw); err != nil {
			return err
		}
	}
	for _, g := range gaps {
		if err := l.gap(g); err != nil {
			return err
		}
	}
	return nil
}
