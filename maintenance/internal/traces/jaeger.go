package traces

import "encoding/json"

// jaegerAnswer of /api/traces/{id}.
type jaegerAnswer struct {
	Data   json.RawMessage `json:"data"`
	Errors json.RawMessage `json:"errors"`
}

type jaegerTrace struct {
	Spans     json.RawMessage `json:"spans"`
	Processes json.RawMessage `json:"processes"`
}

type jaegerSpan struct {
	TraceID    string          `json:"traceID"`
	SpanID     string          `json:"spanID"`
	ParentID   string          `json:"parentSpanID"` // of old versions
	Name       string          `json:"operationName"`
	References json.RawMessage `json:"references"`
	Start      int64           `json:"startTime"`
	Duration   int64           `json:"duration"`
	Tags       json.RawMessage `json:"tags"`
	ProcessID  string          `json:"processID"`
}

type jaegerReference struct {
	Type    string `json:"refType"`
	TraceID string `json:"traceID"`
	SpanID  string `json:"spanID"`
}

type jaegerTag struct {
	Key   string          `json:"key"`
	Value json.RawMessage `json:"value"`
}

type jaegerProcess struct {
	Service string          `json:"serviceName"`
	Tags    json.RawMessage `json:"tags"`

	instance string
}

func fromJaeger(body []byte, id ID) (f Found) {
	var a jaegerAnswer
	g := &gathering{id: id}
	err := json.Unmarshal(body, &a)
	if err == nil && a.Data == nil {
		err = errShape
	}
	if err == nil {
		_, err = items(a.Data, 16, g.jaegerTrace) // one, by the API's word
	}
	return g.found(err)
}

func (g *gathering) jaegerTrace(raw json.RawMessage) error {
	var t jaegerTrace
	if err := json.Unmarshal(raw, &t); err != nil {
		return err
	}
	processes := map[string]jaegerProcess{}
	if _, err := fields(t.Processes, maxSpans, func(name string, raw json.RawMessage) error {
		var p jaegerProcess
		if err := json.Unmarshal(raw, &p); err != nil {
			return err
		}
		_, err := items(p.Tags, maxTags, func(raw json.RawMessage) error {
			var t jaegerTag
			err := json.Unmarshal(raw, &t)
			if t.Key == "service.instance.id" {
				p.instance = text(t.Value)
			}
			return err
		})
		processes[name] = p
		return err
	}); err != nil {
		return err
	}
	return g.each(t.Spans, func(raw json.RawMessage) (trace string, s Span, err error) {
		var told jaegerSpan
		if err := json.Unmarshal(raw, &told); err != nil {
			return "", s, err
		}
		p := processes[told.ProcessID]
		s = Span{ID: told.SpanID, Service: p.Service, Instance: p.instance, Name: told.Name, Start: moment(told.Start), Duration: lasting(told.Duration)}
		if s.Parent, err = told.parent(); err != nil {
			return "", s, err
		}
		return told.TraceID, s, told.attributes(&s)
	})
}

// parent is what the span is a child of; else, what it says to follow in the same trace, as messages once did.
func (j *jaegerSpan) parent() (parent string, err error) {
	followed := ""
	_, err = items(j.References, maxTags, func(raw json.RawMessage) error {
		var r jaegerReference
		if err := json.Unmarshal(raw, &r); err != nil {
			return err
		}
		switch {
		case r.TraceID != "" && r.TraceID != j.TraceID:
		case r.Type == "CHILD_OF" && parent == "":
			parent = r.SpanID
		case followed == "":
			followed = r.SpanID
		}
		return nil
	})
	if parent == "" {
		parent = j.ParentID
	}
	if parent == "" {
		parent = followed
	}
	return parent, err
}

func (j *jaegerSpan) attributes(s *Span) error {
	_, err := items(j.Tags, maxTags, func(raw json.RawMessage) error {
		var t jaegerTag
		if err := json.Unmarshal(raw, &t); err != nil {
			return err
		}
		switch value := text(t.Value); t.Key {
		case "span.kind":
			s.Kind = value
		case "error":
			s.Error = value == "true"
		default:
			s.tag(t.Key, value)
		}
		return nil
	})
	return err
}
