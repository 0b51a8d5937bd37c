package traces

import (
	"encoding/json"
	"fmt"
)

// gathering are the spans of an answer as they are read, of which not all need belong to the trace.
type gathering struct {
	id        ID
	spans     []Span
	strangers int
	cut       bool
}

// each reads the spans of a list.
func (g *gathering) each(raw json.RawMessage, read func(json.RawMessage) (trace string, s Span, err error)) error {
	cut, err := items(raw, maxSpans-len(g.spans), func(raw json.RawMessage) error {
		trace, s, err := read(raw)
		switch {
		case err != nil:
			return err
		case !g.id.is(trace) || s.ID == "":
			g.strangers++
		default:
			g.spans = append(g.spans, s.tidy())
		}
		return nil
	})
	g.cut = g.cut || cut
	return err
}

// found says what there is, and what is wrong with it.
func (g *gathering) found(err error) (f Found) {
	switch {
	case err != nil:
		f.lacks(Unreadable, "the trace store's answer is no trace: "+short(err.Error(), maxName))
		return f
	case len(g.spans) == 0 && g.strangers > 0:
		f.lacks(Unreadable, "the trace store's answer is another trace")
		return f
	case len(g.spans) == 0:
		f.unknown()
		return f
	}
	f.Spans = g.spans
	if g.cut {
		f.lacks(Truncated, fmt.Sprintf("the trace has more than %d spans; these are some of them", maxSpans))
	}
	if g.strangers > 0 {
		f.lacks(Unreadable, fmt.Sprintf("the trace store's answer holds %d spans that are not of this trace", g.strangers))
	}
	return f
}

// tag keeps an attribute, as much of it as is shown; some say something of the span itself.
func (s *Span) tag(name, value string) {
	switch name {
	case "otel.status_code":
		s.Error = s.Error || value == "ERROR"
		return
	case "signalbox.partial":
		s.Partial = value == "true"
	case "internal.span.format", "": // Jaeger's own
		return
	}
	if s.Attributes == nil {
		s.Attributes = map[string]string{}
	}
	if len(s.Attributes) == maxKept {
		return
	}
	s.Attributes[short(name, maxName)] = short(value, maxValue)
}

// tidy bounds what was told.
func (s Span) tidy() Span {
	s.ID, s.Parent = spanID(s.ID), spanID(s.Parent)
	if s.Parent == "0000000000000000" {
		s.Parent = ""
	}
	for _, text := range []*string{&s.Service, &s.Instance, &s.Name, &s.Kind} {
		*text = short(*text, maxName)
	}
	return s
}
