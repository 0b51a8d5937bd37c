// Package traces reads one trace from where the mesh's spans are kept, by Jaeger's or Zipkin's query API, and puts its
// spans in order: a tree in which log records find their place.
//
// What keeps spans is none of ours: it may be away, slow, or wrong. Whatever it does, the answer is the spans that could be
// read, and why others are missing; it takes two seconds at most, and bounded memory.
package traces

import (
	"math"
	"time"
)

// Bounds of one reading.
const (
	within     = 2 * time.Second
	maxBytes   = 16 << 20 // of an answer
	maxSpans   = 10_000
	maxDepth   = 256
	maxTags    = 256  // of a span, that are looked at
	maxKept    = 64   // of them, that are shown
	maxName    = 256  // bytes of a name, an id, or an attribute's key
	maxValue   = 1024 // bytes of an attribute's value
	maxReading = 4    // at once on one replica
)

// Span is one, as it was told.
type Span struct {
	ID         string // 16 hexadecimal digits; what is none is kept as it came
	Parent     string // "": a root
	Service    string
	Instance   string // "": not told
	Name       string
	Kind       string // server, client, producer, consumer, internal; "": not told
	Start      time.Time
	Duration   time.Duration // in microseconds
	Error      bool
	Partial    bool // its trace was kept from an error on only, so that what came before is not there
	Attributes map[string]string
}

// End of the span.
func (s *Span) End() time.Time { return s.Start.Add(s.Duration) }

// Reason why a part is missing. They are a closed set: clients may switch on it.
type Reason string

// The reasons.
const (
	NotConfigured Reason = "not_configured" // nobody has said where spans are kept
	Unreachable   Reason = "unreachable"    // no answer, or one that says no
	Unreadable    Reason = "unreadable"     // an answer that is no trace, or not the one asked for
	TooLarge      Reason = "too_large"
	SampledOut    Reason = "sampled_out" // the store answers, and knows no span of it
	Partial       Reason = "partial"     // an error had the rest of it kept, or parents are not there
	Truncated     Reason = "truncated"   // there are more than one answer holds
	Unavailable   Reason = "unavailable" // the log store cannot be reached
	TimeUp        Reason = "time_up"     // the log could not be looked through in time
)

// Missing is a part of a trace that is not there.
type Missing struct {
	Part   string // Spans or Records
	Reason Reason
	Detail string // a sentence for people
}

// The parts.
const (
	Spans   = "spans"
	Records = "records"
)

// Found is what could be read: no spans only with a reason.
type Found struct {
	Spans   []Span
	Missing []Missing
}

func (f *Found) lacks(r Reason, detail string) {
	f.Missing = append(f.Missing, Missing{Spans, r, detail})
}

// outcome is the first reason, or found: a metric's label.
func (f *Found) outcome() string {
	if len(f.Missing) > 0 {
		return string(f.Missing[0].Reason)
	}
	return "found"
}

// moment is a time in microseconds since 1970; zero for one that cannot be.
func moment(micro int64) time.Time {
	if t := time.UnixMicro(micro).UTC(); micro > 0 && t.Year() <= 9999 {
		return t
	}
	return time.Time{}
}

// lasting is a duration in microseconds; what cannot be is the nearest that can.
func lasting(micro int64) time.Duration {
	const longest = math.MaxInt64 / int64(time.Microsecond) / 100 // of which a hundred can be added up
	return time.Duration(min(max(micro, 0), longest)) * time.Microsecond
}

// short cuts a text of another's to so many bytes.
func short(text string, most int) string {
	if len(text) <= most {
		return text
	}
	for most > 0 && text[most]&0xc0 == 0x80 { // within a character
		most--
	}
	return text[:most] + "…"
}
