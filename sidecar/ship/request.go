package ship

import (
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	common "go.opentelemetry.io/proto/otlp/common/v1"
	logs "go.opentelemetry.io/proto/otlp/logs/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// Names on the wire. The store keeps its ledger by epoch, class and seq.
const (
	AttrEpoch = "signalbox.epoch" // of the resource
	AttrClass = "signalbox.class" // of a record: debug, info, warn or error
	AttrSeq   = "signalbox.seq"   // of a record: its place in the class
)

// request holds the records of one batch, by logger; each carries its sequence, whatever a
// program has logged under that name.
func (s *stream) request(records []spool.Record) *collector.ExportLogsServiceRequest {
	scopes := map[string]*logs.ScopeLogs{}
	all := &logs.ResourceLogs{Resource: resourceOf(s.epoch.Identity)}
	for _, r := range records {
		record := decode(r.Line)
		record.Attributes = unique(record.Attributes, text(AttrClass, s.queue.Class().String()))
		record.Attributes = unique(record.Attributes, integer(AttrSeq, int64(r.Seq)))
		scope := scopes[record.logger]
		if scope == nil {
			scope = &logs.ScopeLogs{Scope: &common.InstrumentationScope{Name: record.logger}}
			scopes[record.logger] = scope
			all.ScopeLogs = append(all.ScopeLogs, scope)
		}
		scope.LogRecords = append(scope.LogRecords, record.LogRecord)
	}
	return &collector.ExportLogsServiceRequest{ResourceLogs: []*logs.ResourceLogs{all}}
}

func resourceOf(id spool.Identity) *resource.Resource {
	return &resource.Resource{Attributes: []*common.KeyValue{
		text("service.name", id.Service),
		text("service.instance.id", id.Instance),
		text("service.version", id.Version),
		text("deployment.environment.name", id.Environment),
		text(AttrEpoch, id.Epoch),
	}}
}

func text(key, value string) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: textValue(value)}
}

func integer(key string, value int64) *common.KeyValue {
	return &common.KeyValue{Key: key, Value: &common.AnyValue{Value: &common.AnyValue_IntValue{IntValue: value}}}
}

func textValue(s string) *common.AnyValue {
	return &common.AnyValue{Value: &common.AnyValue_StringValue{StringValue: s}}
}
