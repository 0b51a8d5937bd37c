package foreign

import (
	"encoding/hex"
	"encoding/json"
	"log/slog"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"
)

const (
	deepJSON  = 200 // levels; what is deeper is plain text
	deepGroup = 8   // levels that become groups of attributes; deeper ones stay JSON
)

// readJSON reads an object on one line. The keys of zap, zerolog, logrus, slog, bunyan, pino, structlog, hclog, Logback,
// ECS, GELF and Google's are known; all others become attributes.
func readJSON(c *clock, line string) (Record, bool) {
	line = strings.TrimSpace(line)
	if len(line) < 2 || line[0] != '{' || line[len(line)-1] != '}' || !shallow(line) || !gjson.Valid(line) {
		return Record{}, false
	}
	j := jsonLine{clock: c}
	gjson.Parse(line).ForEach(func(key, value gjson.Result) bool {
		j.field(key.String(), value)
		return true
	})
	if !j.said {
		j.rec.Message = noMessage
	}
	return j.rec, true
}

// shallow: the library reads by recursion.
func shallow(line string) bool {
	depth := 0
	for _, b := range []byte(line) {
		switch b {
		case '{', '[':
			depth++
		case '}', ']':
			depth--
		}
		if depth > deepJSON {
			return false
		}
	}
	return true
}

type jsonLine struct {
	clock *clock
	rec   Record
	said  bool // there was a message
}

func (j *jsonLine) field(key string, v gjson.Result) {
	switch key {
	case "time", "ts", "timestamp", "@timestamp", "t", "datetime", "asctime", "eventTime":
		if j.time(v) {
			return
		}
	case "level", "lvl", "severity", "log.level", "loglevel", "levelname", "@level", "l", "severity_text":
		if j.level(v) {
			return
		}
	case "msg", "message", "@message", "short_message", "event", "M", "body":
		if v.Type == gjson.String && !j.said {
			j.rec.Message, j.said = v.Str, true
			return
		}
	case "logger", "log.logger", "logger_name", "loggerName", "@module":
		if v.Type == gjson.String && j.rec.Logger == "" {
			j.rec.Logger = v.Str
			return
		}
	case "trace_id", "traceId", "trace.id", "traceID", "otelTraceID":
		if v.Type == gjson.String && j.rec.TraceID == "" && isID(v.Str, 32) {
			j.rec.TraceID = strings.ToLower(v.Str)
			return
		}
	case "span_id", "spanId", "span.id", "spanID", "otelSpanID":
		if v.Type == gjson.String && j.rec.SpanID == "" && isID(v.Str, 16) {
			j.rec.SpanID = strings.ToLower(v.Str)
			return
		}
	case "log": // ECS nests: {"log":{"level":"info","logger":"x"}}
		if v.IsObject() && !j.rec.leveled {
			j.nested(v)
			return
		}
	case "stacktrace", "stack_trace", "error.stack_trace", "exc_info", "stack":
		if v.Type == gjson.String {
			key = KeyStack
		}
	}
	j.rec.add(key, value(v, 1))
}

// nested reads what ECS keeps under "log".
func (j *jsonLine) nested(v gjson.Result) {
	var rest Record
	v.ForEach(func(key, inner gjson.Result) bool {
		switch {
		case key.String() == "level" && j.level(inner):
		case key.String() == "logger" && inner.Type == gjson.String && j.rec.Logger == "":
			j.rec.Logger = inner.Str
		default:
			rest.add(key.String(), value(inner, 2))
		}
		return true
	})
	rest.settle()
	if len(rest.Attrs) > 0 {
		j.rec.add("log", slog.GroupValue(rest.Attrs...))
	}
}

func (j *jsonLine) time(v gjson.Result) bool {
	if !j.rec.Time.IsZero() {
		return false
	}
	var t time.Time
	ok := false
	switch v.Type { //nolint:exhaustive // the others are no times
	case gjson.Number:
		t, ok = epoch(v.Num)
	case gjson.String:
		n := 0
		if t, n, ok = j.clock.leading(v.Str); ok && n < len(v.Str) {
			ok = false // more than a time
		}
	}
	if ok {
		j.rec.Time, j.rec.timeText = t, v.String()
	}
	return ok
}

func (j *jsonLine) level(v gjson.Result) bool {
	if j.rec.leveled {
		return false
	}
	switch v.Type { //nolint:exhaustive // the others are no levels
	case gjson.Number:
		l, ok := numberLevel(v.Num)
		if ok {
			j.rec.Level, j.rec.leveled, j.rec.levelText = l, true, v.Raw
			if v.Num != math.Trunc(v.Num/10)*10 {
				ok = false // syslog's, and steps between the names: the number is kept too
			}
		}
		return ok
	case gjson.String:
		return j.rec.level(v.Str)
	}
	return false
}

// value is a JSON value as an attribute's. Numbers keep their digits.
func value(v gjson.Result, depth int) slog.Value {
	switch v.Type {
	case gjson.String:
		return slog.StringValue(v.Str)
	case gjson.True, gjson.False:
		return slog.BoolValue(v.Bool())
	case gjson.Number:
		return numeric(v.Raw)
	case gjson.Null:
		return slog.AnyValue(nil)
	case gjson.JSON:
	}
	if !v.IsObject() || depth >= deepGroup {
		return slog.AnyValue(json.RawMessage(v.Raw))
	}
	group := Record{}
	v.ForEach(func(key, inner gjson.Result) bool {
		group.add(key.String(), value(inner, depth+1))
		return true
	})
	group.settle()
	if len(group.Attrs) == 0 {
		return slog.AnyValue(json.RawMessage("{}")) // an empty group would leave no trace
	}
	return slog.GroupValue(group.Attrs...)
}

// numeric is a number, or its text where a number would lose digits.
func numeric(text string) slog.Value {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return slog.Int64Value(n)
	}
	if n, err := strconv.ParseUint(text, 10, 64); err == nil {
		return slog.Uint64Value(n)
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && len(text) <= 17 {
		return slog.Float64Value(f)
	}
	return slog.StringValue(text)
}

// isID: digits hexadecimal digits that are not all zero.
func isID(s string, digits int) bool {
	if len(s) != digits || strings.Trim(s, "0") == "" {
		return false
	}
	_, err := hex.DecodeString(s)
	return err == nil
}
