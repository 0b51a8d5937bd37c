package ship

import (
	"encoding/hex"
	"log/slog"
	"time"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
)

// decoded is a line of the spool as OTLP has it.
type decoded struct {
	*logs.LogRecord
	logger string
}

// decode reads a line. One that it cannot read is shipped all the same, as a message.
func decode(line []byte) decoded {
	d := decoded{LogRecord: &logs.LogRecord{}}
	p := parser{b: line}
	if !p.object(d.field(&p)) || d.Body == nil {
		d = decoded{LogRecord: &logs.LogRecord{Body: textValue(string(line))}}
	}
	d.ObservedTimeUnixNano = d.TimeUnixNano
	if d.TimeUnixNano == 0 {
		d.ObservedTimeUnixNano = uint64(time.Now().UnixNano())
	}
	return d
}

// field takes the value of one key of the line.
func (d *decoded) field(p *parser) func(key string) bool {
	return func(key string) bool {
		if key == "attrs" {
			attrs, ok := p.pairs()
			d.Attributes = attrs
			return ok
		}
		v, ok := p.text()
		switch key {
		case "ts":
			d.TimeUnixNano = nanoseconds(v)
		case "level":
			d.SeverityText, d.SeverityNumber = v, severity(v)
		case "logger":
			d.logger = v
		case "msg":
			d.Body = textValue(v)
		case "trace_id":
			d.TraceId, _ = hex.DecodeString(v)
		case "span_id":
			d.SpanId, _ = hex.DecodeString(v)
		}
		return ok
	}
}

// nanoseconds since 1970; 0, which OTLP reads as unknown, for what it cannot count.
func nanoseconds(text string) uint64 {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil || at.Year() < 1970 || at.Year() > 2261 {
		return 0
	}
	return uint64(at.UnixNano())
}

// severity puts slog's levels, four apart, on OTLP's numbers, which are four apart too.
func severity(text string) logs.SeverityNumber {
	var l slog.Level
	if l.UnmarshalText([]byte(text)) != nil {
		return logs.SeverityNumber_SEVERITY_NUMBER_UNSPECIFIED
	}
	return logs.SeverityNumber(min(max(int(l)+9, 1), 24))
}

// unique leaves the last of the attributes that share a key: OTLP forbids two.
func unique(attrs []*common.KeyValue, kv *common.KeyValue) []*common.KeyValue {
	for i, a := range attrs {
		if a.Key == kv.Key {
			attrs[i] = kv
			return attrs
		}
	}
	return append(attrs, kv)
}
