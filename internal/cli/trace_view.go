package cli

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// traceView draws a trace: left the tree, with the log records between the spans; right how long each span took, and when.
type traceView struct {
	*lines
	trace *traceAnswer
	room  int // cells of a line; 0: as long as it is
	tree  int // cells of the tree
	bar   int // cells of the bars
	below map[string][]*traceSpan
	notes map[string][]*traceRecord // by the span that they stand in; "": by none
}

// Widths of the columns, in cells.
const (
	leastTree = 24
	ofTook    = 9
	mostBar   = 40
	mostDeep  = 12 // what is deeper is not moved in any further
)

func newTraceView(l *lines, t *traceAnswer, wide bool) *traceView {
	v := &traceView{lines: l, trace: t, below: map[string][]*traceSpan{}, notes: map[string][]*traceRecord{}}
	widest := leastTree
	for i := range t.Spans {
		s := &t.Spans[i]
		v.below[s.Under] = append(v.below[s.Under], s)
		widest = max(widest, cells(label(s)))
	}
	for i := range t.Records {
		r := &t.Records[i]
		v.notes[r.Span] = append(v.notes[r.Span], r)
	}
	if l.screen.terminal && !wide {
		v.room = l.screen.cells
	}
	v.bar = min(mostBar, l.screen.cells/3)
	v.tree = widest
	if !wide {
		v.tree = min(widest, max(leastTree, l.screen.cells-ofTook-v.bar-4))
	}
	return v
}

func (v *traceView) print() error {
	var b strings.Builder
	v.head(&b)
	for _, s := range v.below[""] {
		v.span(&b, s)
	}
	v.strangers(&b)
	v.foot(&b)
	_, err := fmt.Fprint(v.out, b.String())
	return err
}

func (v *traceView) head(b *strings.Builder) {
	t := v.trace
	services, spans := map[string]bool{}, int64(0)
	for _, s := range t.Spans {
		if !s.Strays {
			spans++
		}
		if s.Service != "" {
			services[s.Service] = true
		}
	}
	for _, r := range t.Records {
		services[r.Service] = true
	}
	b.WriteString(v.screen.paint(bold, "trace "+printable(t.TraceID)) + "\n")
	when := ""
	if !t.Start.IsZero() {
		when = v.zone(t.Start).Format("2006-01-02 15:04:05.000") + ", "
	}
	fmt.Fprintf(b, "%s%s, %s, %s, %s\n", when, micros(t.DurationUS), counted(int64(len(services)), "service"), counted(spans, "span"), counted(int64(len(t.Records)), "record"))
	if t.Links != nil {
		b.WriteString(v.screen.paint(faint, printable(t.Links.Trace)) + "\n")
	}
	b.WriteString("\n")
}

// span writes one, and what is in it: the spans below it and its records, by time. The API bounds the depth.
func (v *traceView) span(b *strings.Builder, s *traceSpan) {
	name := pad(cut(label(s), v.tree), v.tree)
	switch {
	case s.Error:
		name = v.screen.paint(redBold, name)
	case s.Hidden, s.Strays:
		name = v.screen.paint(faint, name)
	}
	took := strings.Repeat(" ", max(0, ofTook-cells(micros(s.DurationUS)))) + micros(s.DurationUS)
	colour := cyan
	if s.Error {
		colour = red
	}
	before, bar := v.place(s)
	b.WriteString(strings.TrimRight(name+" "+took+"  "+strings.Repeat(" ", before)+v.screen.paint(colour, strings.Repeat("█", bar)), " ") + "\n")
	if s.EarlierUS > 0 {
		v.remark(b, s, faint, "began "+micros(s.EarlierUS)+" before its parent: the clocks of their hosts differ")
	}
	if why := s.Attributes["otel.status_description"]; s.Error && why != "" {
		v.remark(b, s, red, why)
	}
	below, notes := v.below[s.Key], v.notes[s.Key]
	for len(below) > 0 || len(notes) > 0 {
		if len(notes) > 0 && (len(below) == 0 || notes[0].TS.Before(below[0].Start)) {
			v.note(b, indent(s.Depth+1), s.Service, notes[0])
			notes = notes[1:]
			continue
		}
		v.span(b, below[0])
		below = below[1:]
	}
}

func indent(depth int) string { return strings.Repeat("  ", min(depth, mostDeep)) }

// label is a span as the tree names it.
func label(s *traceSpan) string {
	text := printable(s.Service + "  " + s.Name)
	switch {
	case s.Strays:
		text = "(their parents are not there)"
	case s.Hidden:
		text = "(a service that you may not see)"
	case s.Kind == "client" || s.Kind == "producer":
		text = printable(s.Service + " → " + s.Name)
	}
	if s.Error {
		text = "✗ " + text
	}
	return indent(s.Depth) + text
}

// place of a span's bar: how many cells before it, and how many it has, one at least.
func (v *traceView) place(s *traceSpan) (before, bar int) {
	whole := max(v.trace.DurationUS, 1)
	from := min(max(s.Start.Sub(v.trace.Start).Microseconds(), 0), whole)
	before = min(int(float64(from)/float64(whole)*float64(v.bar)), v.bar-1)
	bar = int(float64(s.DurationUS)/float64(whole)*float64(v.bar) + 0.5)
	return before, min(max(bar, 1), v.bar-before)
}

func (v *traceView) remark(b *strings.Builder, s *traceSpan, colour, text string) {
	in := indent(s.Depth + 1)
	b.WriteString(in + v.screen.paint(colour, v.fit(printable(text), cells(in))) + "\n")
}

// note writes a record; its service stands there where it is not the span's.
func (v *traceView) note(b *strings.Builder, in, service string, r *traceRecord) {
	first, _, more := strings.Cut(strings.TrimRight(r.Msg, "\r\n"), "\n")
	text := printable(first)
	if more {
		text += " …"
	}
	if r.Service != service {
		text = printable(r.Service) + ": " + text
	}
	for _, a := range attributes(r.Attrs) {
		text += " " + printable(a.path) + "=" + printable(a.text)
	}
	at, level := v.stamp(r.TS, "15:04:05.000"), pad(printable(r.Level), 5)
	text = v.fit(text, cells(in)+cells(at)+cells(level)+4)
	b.WriteString(in + v.screen.paint(faint, "· "+at) + " " + v.screen.paint(ofLevel(r.Level), level) + " " + text + "\n")
}

// fit cuts a text to what a terminal has room for behind so many cells.
func (v *traceView) fit(text string, behind int) string {
	if v.room == 0 {
		return text
	}
	return cut(text, max(v.room-behind, leastColumn))
}

// strangers are the records that stand in no span, by service.
func (v *traceView) strangers(b *strings.Builder) {
	by := map[string][]*traceRecord{}
	var services []string
	for _, r := range v.notes[""] {
		if by[r.Service] == nil {
			services = append(services, r.Service)
		}
		by[r.Service] = append(by[r.Service], r)
	}
	if len(services) > 0 && len(v.trace.Spans) > 0 {
		b.WriteString("\n" + v.screen.paint(faint, "in none of these spans:") + "\n")
	}
	for _, service := range services {
		b.WriteString(v.screen.paint(bold, printable(service)) + "\n")
		for _, r := range by[service] {
			v.note(b, indent(1), service, r)
		}
	}
}

// foot says what is missing.
func (v *traceView) foot(b *strings.Builder) {
	if len(v.trace.Gaps)+len(v.trace.Missing) > 0 {
		b.WriteString("\n")
	}
	slices.SortStableFunc(v.trace.Gaps, func(a, c gap) int { return a.at().Compare(c.at()) })
	for _, g := range v.trace.Gaps {
		b.WriteString(v.screen.paint(magenta, g.line(v.clock)) + "\n")
	}
	for _, m := range v.trace.Missing {
		b.WriteString(v.screen.paint(magenta, "--- "+printable(m.Part+": "+m.Detail)+" ---") + "\n")
	}
}

// micros writes microseconds as people read them.
func micros(us int64) string {
	d := time.Duration(us) * time.Microsecond
	switch {
	case d < time.Millisecond:
		return fmt.Sprintf("%d µs", us)
	case d < time.Second:
		return fmt.Sprintf("%.1f ms", float64(us)/1e3)
	case d < time.Minute:
		return fmt.Sprintf("%.2f s", d.Seconds())
	}
	return d.Round(time.Second).String()
}
