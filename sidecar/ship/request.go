package ship

import (
	"bytes"
	"fmt"
	"strings"

	common "go.opentelemetry.io/proto/otlp/common/v1"
	resource "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// Names on the wire. The store keeps its ledger by epoch, class and seq.
const (
	AttrEpoch = "signalbox.epoch" // of the resource
	AttrClass = "signalbox.class" // of a record: debug, info, warn or error
	AttrSeq   = "signalbox.seq"   // of a record: its place in the class
)

// requestOf holds the records of one batch, by logger, as they stand on the wire; each carries its sequence, whatever a
// program has logged under that name.
func requestOf(id spool.Identity, class string, records []spool.Record) ([]byte, error) {
	scopes := map[string]*wire{}
	var order []*wire
	var w wire
	for _, r := range records {
		if !w.line(r.Line, class, r.Seq) {
			if err := w.unusual(r, class); err != nil {
				return nil, err
			}
		}
		scope := scopes[string(w.logger)]
		if scope == nil {
			scope = newScope(w.logger)
			scopes[string(w.logger)] = scope
			order = append(order, scope)
		}
		scope.text(scopeLogsRecord, w.b)
	}
	return joined(id, order)
}

// unusual writes a record by way of OTLP's tree, which takes no text that is none.
func (w *wire) unusual(r spool.Record, class string) (err error) {
	d := decode(bytes.ToValidUTF8(r.Line, []byte("\uFFFD")))
	d.Attributes = unique(d.Attributes, text(AttrClass, class))
	d.Attributes = unique(d.Attributes, integer(AttrSeq, int64(r.Seq)))
	w.logger = []byte(d.logger)
	if w.b, err = (proto.MarshalOptions{}).MarshalAppend(w.b[:0], d.LogRecord); err != nil {
		return fmt.Errorf("encode record %d: %w", r.Seq, err)
	}
	return nil
}

// newScope begins a ScopeLogs.
func newScope(logger []byte) *wire {
	scope := &wire{}
	from := scope.begin(scopeLogsSelf)
	scope.text(scopeName, logger)
	scope.end(from)
	return scope
}

// joined is the request of all scopes.
func joined(id spool.Identity, scopes []*wire) ([]byte, error) {
	resource, err := proto.Marshal(resourceOf(id))
	if err != nil {
		return nil, fmt.Errorf("encode the resource: %w", err)
	}
	size := len(resource) + 64
	for _, scope := range scopes {
		size += len(scope.b) + 12
	}
	all := wire{b: make([]byte, 0, size)}
	from := all.begin(requestResourceLogs)
	all.text(resourceLogsSelf, resource)
	for _, scope := range scopes {
		all.text(resourceLogsScope, scope.b)
	}
	all.end(from)
	return all.b, nil
}

// resourceOf an epoch. What is no text in a setting must not cost the records.
func resourceOf(id spool.Identity) *resource.Resource {
	text := func(key, value string) *common.KeyValue { return text(key, strings.ToValidUTF8(value, "\uFFFD")) }
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
