package ingest

import (
	"bytes"
	"strings"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// message is a request: either as messages, or as bytes of which only the outermost were read, since to make messages of
// all is most of what receiving costs.
type message struct {
	all   []sent
	raw   []byte // what to make messages of, where the bytes cannot be read otherwise
	parts int    // messages around the records, and the records
}

// Bounds of what is read here, so that two bytes of the wire never take much memory; what goes beyond is looked at otherwise.
const (
	mostRecords = 32 << 10
	mostAround  = 4 << 10
	maxAbout    = 64 << 10 // bytes of a resource or a scope
)

// sent are the records of one resource.
type sent struct {
	resource record.Record
	n        int
	tree     *logspb.ResourceLogs // nil: scopes
	scopes   []scope
}

type scope struct {
	logger  string
	records []record.Span
}

// ofTree is the request as messages.
func ofTree(req *collogspb.ExportLogsServiceRequest) message {
	m := message{all: make([]sent, 0, len(req.GetResourceLogs()))}
	for _, rl := range req.GetResourceLogs() {
		s := sent{resource: record.Resource(rl.GetResource()), tree: rl}
		for _, sl := range rl.GetScopeLogs() {
			s.n += len(sl.GetLogRecords())
		}
		m.all = append(m.all, s)
	}
	return m
}

// ofBytes reads the request down to its records. What is unusual there is read by way of messages.
func ofBytes(raw []byte) (message, error) {
	m := message{raw: raw}
	if m.read(record.NewSpan(raw)) {
		return m, nil
	}
	return m.slowly()
}

// slowly makes messages of the bytes. Its errors are the sender's.
func (m message) slowly() (message, error) {
	req, err := decode(m.raw, TypeProtobuf)
	if err != nil {
		return message{}, err
	}
	return ofTree(req), nil
}

func (m *message) read(in record.Span) bool {
	for f := (record.Field{}); !in.Empty(); {
		if !in.Next(&f) {
			return false
		}
		if !f.Is(1, protowire.BytesType) {
			continue
		}
		m.parts++
		s, ok := m.sent(f.Span)
		if !ok || len(m.all) == mostAround {
			return false
		}
		m.all = append(m.all, s)
	}
	return true
}

func (m *message) sent(in record.Span) (s sent, ok bool) {
	var resource *record.Span // several are to be merged, which is not done here
	for f := (record.Field{}); !in.Empty(); {
		if !in.Next(&f) {
			return s, false
		}
		ok := true
		switch {
		case f.Is(1, protowire.BytesType):
			ok = resource == nil
			one := f.Span
			resource = &one
		case f.Is(2, protowire.BytesType):
			var one scope
			one, ok = m.scope(f.Span)
			ok = ok && len(s.scopes) < mostAround
			s.scopes, s.n = append(s.scopes, one), s.n+len(one.records)
		case f.Is(3, protowire.BytesType):
			_, ok = f.Text()
		}
		if !ok {
			return s, false
		}
	}
	r := &resourcepb.Resource{}
	if !m.unmarshal(resource, r) {
		return s, false
	}
	s.resource = record.Resource(r)
	return s, true
}

func (m *message) scope(in record.Span) (s scope, ok bool) {
	m.parts++
	var about *record.Span
	for f := (record.Field{}); !in.Empty(); {
		if !in.Next(&f) {
			return s, false
		}
		ok := true
		switch {
		case f.Is(1, protowire.BytesType):
			ok = about == nil
			one := f.Span
			about = &one
		case f.Is(2, protowire.BytesType):
			m.parts++
			s.records = append(s.records, f.Span)
			ok = m.parts <= mostRecords
		case f.Is(3, protowire.BytesType):
			_, ok = f.Text()
		}
		if !ok {
			return s, false
		}
	}
	a := &commonpb.InstrumentationScope{}
	if !m.unmarshal(about, a) {
		return s, false
	}
	s.logger = a.GetName()
	return s, true
}

// unmarshal reads what comes once in many records, if it comes.
func (m *message) unmarshal(in *record.Span, out proto.Message) bool {
	if in == nil {
		return true
	}
	raw := in.Raw()
	if len(raw) > maxAbout {
		return false
	}
	m.parts += 1 + parts(raw, out.ProtoReflect().Descriptor(), 0, maxParts)
	return proto.UnmarshalOptions{RecursionLimit: maxNesting, DiscardUnknown: true}.Unmarshal(raw, out) == nil
}

// count is how many records there are.
func (m message) count() (n int) {
	for _, s := range m.all {
		n += s.n
	}
	return n
}

// convert makes records of what one service has sent; false: it is to be read by way of messages.
func convert(service string, all []sent, clock record.Clock, wire *record.Wire) (records []record.Record, ok bool) {
	records = make([]record.Record, 0, message{all: all}.count())
	for _, s := range all {
		resource := s.resource
		resource.Service = service
		for _, sl := range s.tree.GetScopeLogs() {
			for _, in := range sl.GetLogRecords() {
				records = append(records, record.From(resource, sl.GetScope().GetName(), in, clock))
			}
		}
		for _, sl := range s.scopes {
			for _, in := range sl.records {
				r, ok := wire.From(resource, sl.logger, in, clock)
				if !ok {
					return nil, false
				}
				records = append(records, r)
			}
		}
	}
	return records, true
}

// textsOf is about how many bytes of the request the records say.
func textsOf(records []record.Record) (n int) {
	for i := range records {
		n += len(records[i].Msg) + len(records[i].Attrs)
	}
	return n
}

// own lets go of the request that the records were read from. Their texts stand in it, so that it is in memory as long as they
// wait; of one that was mostly refused, cut, or padded, that would be much more than they cost in the queue.
func (b *batch) own() {
	for _, p := range b.parts {
		for i := range p.records {
			r := &p.records[i]
			r.Msg, r.Attrs = strings.Clone(r.Msg), bytes.Clone(r.Attrs)
		}
	}
}
