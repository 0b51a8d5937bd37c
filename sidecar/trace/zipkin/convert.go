package zipkin

import (
	"encoding/binary"
	"encoding/json"
	"time"

	"github.com/openzipkin/zipkin-go/model"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// convert follows OpenTelemetry's "SDK exporters: Zipkin".
func convert(s sdktrace.ReadOnlySpan) model.SpanModel {
	return model.SpanModel{
		SpanContext:    spanContext(s),
		Name:           s.Name(),
		Kind:           kind(s.SpanKind()),
		Timestamp:      s.StartTime(),
		Duration:       max(s.EndTime().Sub(s.StartTime()), time.Microsecond),
		LocalEndpoint:  local(s),
		RemoteEndpoint: remote(s),
		Annotations:    annotations(s.Events()),
		Tags:           tags(s),
	}
}

func spanContext(s sdktrace.ReadOnlySpan) model.SpanContext {
	sc := model.SpanContext{TraceID: traceID(s.SpanContext().TraceID()), ID: spanID(s.SpanContext().SpanID())}
	if s.Parent().HasSpanID() {
		parent := spanID(s.Parent().SpanID())
		sc.ParentID = &parent
	}
	return sc
}

func traceID(id trace.TraceID) model.TraceID {
	return model.TraceID{High: binary.BigEndian.Uint64(id[:8]), Low: binary.BigEndian.Uint64(id[8:])}
}

func spanID(id trace.SpanID) model.ID { return model.ID(binary.BigEndian.Uint64(id[:])) }

func kind(k trace.SpanKind) model.Kind {
	switch k {
	case trace.SpanKindServer:
		return model.Server
	case trace.SpanKindClient:
		return model.Client
	case trace.SpanKindProducer:
		return model.Producer
	case trace.SpanKindConsumer:
		return model.Consumer
	default:
		return model.Undetermined
	}
}

func local(s sdktrace.ReadOnlySpan) *model.Endpoint {
	name, _ := s.Resource().Set().Value("service.name")
	return &model.Endpoint{ServiceName: name.AsString()}
}

// remote is the first of the attributes that name the other side; only callers have one.
func remote(s sdktrace.ReadOnlySpan) *model.Endpoint {
	if k := s.SpanKind(); k != trace.SpanKindClient && k != trace.SpanKindProducer {
		return nil
	}
	for _, key := range []attribute.Key{"peer.service", "service.peer.name", "server.address", "network.peer.address", "db.namespace"} {
		for _, a := range s.Attributes() {
			if a.Key == key && a.Value.Type() == attribute.STRING && a.Value.AsString() != "" {
				return &model.Endpoint{ServiceName: a.Value.AsString()}
			}
		}
	}
	return nil
}

func annotations(events []sdktrace.Event) []model.Annotation {
	var all []model.Annotation
	for _, e := range events {
		value := e.Name
		if len(e.Attributes) > 0 {
			value = `"` + e.Name + `": ` + object(e.Attributes)
		}
		all = append(all, model.Annotation{Timestamp: e.Time, Value: value})
	}
	return all
}

func object(attributes []attribute.KeyValue) string {
	m := make(map[string]any, len(attributes))
	for _, a := range attributes {
		m[string(a.Key)] = a.Value.AsInterface()
	}
	text, err := json.Marshal(m)
	if err != nil { // NaN and the like
		return "{}"
	}
	return string(text)
}

func tags(s sdktrace.ReadOnlySpan) map[string]string {
	m := make(map[string]string, len(s.Attributes())+4)
	for _, a := range s.Attributes() {
		m[string(a.Key)] = a.Value.String()
	}
	if v, ok := s.Resource().Set().Value("service.instance.id"); ok {
		m["service.instance.id"] = v.AsString()
	}
	m["otel.scope.name"] = s.InstrumentationScope().Name
	switch st := s.Status(); st.Code {
	case codes.Ok:
		m["otel.status_code"] = "OK"
	case codes.Error:
		m["otel.status_code"] = "ERROR"
		m["error"] = st.Description
	}
	return m
}
