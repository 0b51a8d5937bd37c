package record

import (
	"encoding/hex"
	"log/slog"
	"time"

	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
)

// Resource and record attributes with a meaning of their own.
const (
	attrClass    = "signalbox.class"
	attrSeq      = "signalbox.seq"
	attrEpoch    = "signalbox.epoch"
	attrOriginal = "signalbox.original_time"
)

// Resource is the part of a record that its sender says once.
func Resource(r *resourcepb.Resource) Record {
	var rec Record
	for _, kv := range r.GetAttributes() {
		if to := rec.field(kv.GetKey()); to != nil {
			*to = name(kv.GetValue().GetStringValue())
		}
	}
	return rec
}

func (r *Record) field(key string) *string {
	switch key {
	case "service.name":
		return &r.Service
	case "service.instance.id":
		return &r.Instance
	case "service.version":
		return &r.Version
	case "deployment.environment.name", "deployment.environment":
		return &r.Environment
	case "k8s.cluster.name":
		return &r.Cluster
	case "k8s.namespace.name":
		return &r.Namespace
	case "k8s.node.name":
		return &r.Node
	case attrEpoch:
		return &r.Epoch
	default:
		return nil
	}
}

// From reads one record of the resource and the logger.
func From(resource Record, logger string, in *logspb.LogRecord, c Clock) Record {
	rec := resource
	rec.Logger = name(logger)
	rec.Level = levelOf(int32(in.GetSeverityNumber()), in.GetSeverityText())
	rec.TraceID, rec.SpanID = id(in.GetTraceId(), 16), id(in.GetSpanId(), 8)
	rec.Msg = message(in.GetBody())
	original := rec.date(in.GetTimeUnixNano(), in.GetObservedTimeUnixNano(), c)
	rec.Attrs = encode(rec.ledger(in.GetAttributes()), original)
	rec.Expired = c.tooOld(rec.TS)
	return rec
}

// date sets when it happened. A time that is too far ahead is not believed, and becomes a last attribute.
func (r *Record) date(at, observed uint64, c Clock) (original [2]string) {
	r.TS = moment(at, observed, c.Now)
	if c.tooNew(r.TS) {
		original = [2]string{attrOriginal, r.TS.Format(time.RFC3339Nano)}
		r.TS = c.Now
	}
	return original
}

// ledger takes the record's place in its stream out of the attributes: the last two of these names, since
// the sidecar adds its own behind whatever a program has logged.
func (r *Record) ledger(all []*commonpb.KeyValue) []*commonpb.KeyValue {
	class, seq := last(all, attrClass), last(all, attrSeq)
	if class < 0 || seq < 0 || r.Epoch == "" {
		return all
	}
	text, n := all[class].GetValue().GetStringValue(), all[seq].GetValue().GetIntValue()
	if text == "" || n <= 0 {
		return all
	}
	r.Class, r.Seq = name(text), uint64(n)
	rest := make([]*commonpb.KeyValue, 0, len(all)-2)
	for i, kv := range all {
		if i != class && i != seq {
			rest = append(rest, kv)
		}
	}
	return rest
}

func last(all []*commonpb.KeyValue, key string) int {
	for i := len(all) - 1; i >= 0; i-- {
		if all[i].GetKey() == key {
			return i
		}
	}
	return -1
}

// levelOf maps OTLP's numbers on slog's, as OpenTelemetry's slog bridge does; without a number the text counts.
func levelOf(number int32, text string) slog.Level {
	if number > 0 && number <= 24 {
		return slog.Level(number - int32(logspb.SeverityNumber_SEVERITY_NUMBER_INFO))
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(text)); err != nil || l < -64 || l > 64 {
		return slog.LevelInfo
	}
	return l
}

// moment is when it happened, as far as it is known.
func moment(at, observed uint64, now time.Time) time.Time {
	for _, ns := range [...]uint64{at, observed} {
		if ns > 1<<63-1 {
			return time.Unix(0, 1<<63-1).UTC()
		}
		if ns > 0 {
			return time.Unix(0, int64(ns)).UTC()
		}
	}
	return now
}

// message is the body's text; a body that is no text is kept as JSON.
func message(body *commonpb.AnyValue) string {
	switch b := body.GetValue().(type) {
	case nil:
		return ""
	case *commonpb.AnyValue_StringValue:
		return clean(b.StringValue, MaxMessage)
	}
	return clean(string(appendValue(nil, body, 0)), MaxMessage)
}

// id is b in hexadecimal; all zeroes, or a wrong length, is no id.
func id(b []byte, size int) string {
	if len(b) != size {
		return ""
	}
	for _, c := range b {
		if c != 0 {
			return hex.EncodeToString(b)
		}
	}
	return ""
}
