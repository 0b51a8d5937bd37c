package traces

import (
	"encoding/json"
	"strings"
)

// zipkinSpan is one of the list that /api/v2/trace/{id} answers with.
type zipkinSpan struct {
	TraceID  string          `json:"traceId"`
	ID       string          `json:"id"`
	ParentID string          `json:"parentId"`
	Name     string          `json:"name"`
	Kind     string          `json:"kind"`
	Start    int64           `json:"timestamp"`
	Duration int64           `json:"duration"`
	Tags     json.RawMessage `json:"tags"`
	Local    struct {
		Service string `json:"serviceName"`
	} `json:"localEndpoint"`
}

func fromZipkin(body []byte, id ID) Found {
	g := &gathering{id: id}
	return g.found(g.each(body, func(raw json.RawMessage) (trace string, s Span, err error) {
		var told zipkinSpan
		if err := json.Unmarshal(raw, &told); err != nil {
			return "", s, err
		}
		s = Span{ID: told.ID, Parent: told.ParentID, Service: told.Local.Service, Name: told.Name, Kind: strings.ToLower(told.Kind),
			Start: moment(told.Start), Duration: lasting(told.Duration)}
		_, err = fields(told.Tags, maxTags, func(name string, value json.RawMessage) error {
			switch v := text(value); name {
			case "service.instance.id":
				s.Instance = v
			case "error": // there is one where the span failed, empty where nobody said why
				s.Error = true
				if v != "" {
					s.tag("otel.status_description", v)
				}
			default:
				s.tag(name, v)
			}
			return nil
		})
		return told.TraceID, s, err
	}))
}
