package trace

import (
	"encoding/hex"

	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
)

// traceParent reads "00-<32 digits>-<16>-<2>". A version that is not known may have more behind it. What is malformed is
// the zero context.
func traceParent(text string) (sc trace.SpanContext) {
	const length = 55
	if len(text) < length || len(text) > 256 || text[2] != '-' || text[35] != '-' || text[52] != '-' {
		return sc
	}
	var version, flags [1]byte
	var c trace.SpanContextConfig
	if !unhex(version[:], text[:2]) || !unhex(c.TraceID[:], text[3:35]) || !unhex(c.SpanID[:], text[36:52]) || !unhex(flags[:], text[53:55]) {
		return sc
	}
	switch {
	case version[0] == 0xff, version[0] == 0 && len(text) != length, len(text) > length && text[length] != '-':
		return sc
	}
	c.TraceFlags, c.Remote = trace.TraceFlags(flags[0])&trace.FlagsSampled, true
	return trace.NewSpanContext(c)
}

// withState adds the tracestate; a malformed one is left out, as the standard wants it.
func withState(sc trace.SpanContext, from propagation.TextMapCarrier) trace.SpanContext {
	text := fields(from, "tracestate", "Tracestate")
	if text == "" || len(text) > maxState {
		return sc
	}
	state, err := trace.ParseTraceState(text)
	if err != nil {
		return sc
	}
	return sc.WithTraceState(state)
}

func traceParentOf(sc trace.SpanContext) string {
	id, span := sc.TraceID(), sc.SpanID()
	b := append(make([]byte, 0, 55), "00-"...)
	b = append(hex.AppendEncode(b, id[:]), '-')
	b = append(hex.AppendEncode(b, span[:]), '-', '0')
	return string(append(b, digit(sc.IsSampled())...))
}

// readB3 reads the single header, else the several. open: the sender leaves the decision to us. A header that tells of a
// decision and no ids begins no trace.
func readB3(from propagation.TextMapCarrier) (sc trace.SpanContext, open bool) {
	if text, one := field(from, "b3", "B3"); one {
		if sc, open = b3Single(text); sc.IsValid() {
			return sc, open
		}
	}
	id, one := field(from, "x-b3-traceid", "X-B3-Traceid")
	if !one {
		return sc, false
	}
	span, _ := field(from, "x-b3-spanid", "X-B3-Spanid")
	sampled, _ := field(from, "x-b3-sampled", "X-B3-Sampled")
	if flags, _ := field(from, "x-b3-flags", "X-B3-Flags"); flags == "1" {
		sampled = "d"
	}
	return b3(id, span, sampled)
}

// b3Single reads "<16 or 32 digits>-<16>", then perhaps "-<decision>" and "-<parent's 16>".
func b3Single(text string) (sc trace.SpanContext, open bool) {
	id := 16
	if len(text) > 32 && text[16] != '-' {
		id = 32
	}
	if len(text) < id+17 || len(text) > 68 || text[id] != '-' {
		return sc, false
	}
	span, rest := text[id+1:id+17], text[id+17:]
	switch {
	case rest == "":
		return b3(text[:id], span, "")
	case rest[0] != '-' || len(rest) < 2:
		return sc, false
	}
	if len(rest) > 2 {
		var parent trace.SpanID
		if rest[2] != '-' || !unhex(parent[:], rest[3:]) {
			return sc, false
		}
	}
	return b3(text[:id], span, rest[1:2])
}

func b3(id, span, decision string) (sc trace.SpanContext, open bool) {
	c := trace.SpanContextConfig{Remote: true}
	into := c.TraceID[:]
	if len(id) == 16 {
		into = c.TraceID[8:]
	}
	if !unhex(into, id) || !unhex(c.SpanID[:], span) {
		return sc, false
	}
	switch decision {
	case "1", "d", "true":
		c.TraceFlags = trace.FlagsSampled
	case "0", "false":
	case "":
		open = true
	default:
		return sc, false
	}
	sc = trace.NewSpanContext(c)
	return sc, open && sc.IsValid()
}

func b3Of(sc trace.SpanContext) string {
	id, span := sc.TraceID(), sc.SpanID()
	b := append(hex.AppendEncode(make([]byte, 0, 51), id[:]), '-')
	b = append(hex.AppendEncode(b, span[:]), '-')
	return string(append(b, digit(sc.IsSampled())...))
}

// unhex reads exactly as many lower-case digits as fill into.
func unhex(into []byte, text string) bool {
	if len(text) != 2*len(into) {
		return false
	}
	for i := range into {
		high, low := nibble(text[2*i]), nibble(text[2*i+1])
		if high > 15 || low > 15 {
			return false
		}
		into[i] = high<<4 | low
	}
	return true
}

func nibble(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	default:
		return 255
	}
}
