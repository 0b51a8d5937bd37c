package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"
)

// tailOperation describes the stream, which huma does not serve.
func tailOperation() huma.Operation {
	o := op(http.MethodGet, "/logs/tail", "tail-logs", "Follow the log as it is stored")
	o.Description = "Server-sent events: record, whose data is one log record; end, when it is time to ask again, with after for the next request; comments as heartbeat."
	most, least, longest, after := 1000.0, 0.0, 4096, maxAfter
	o.Parameters = []*huma.Param{
		{Name: "q", In: "query", Description: "the query, as for logs", Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &longest}},
		{Name: "backlog", In: "query", Description: "how many records of before to begin with",
			Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most, Default: 0}},
		{Name: "after", In: "query", Description: "after of an end event: goes on from there, so that nothing is missed in between",
			Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &after}},
	}
	o.Responses = map[string]*huma.Response{"200": {Description: "OK", Content: map[string]*huma.MediaType{
		"text/event-stream": {Schema: &huma.Schema{Type: huma.TypeString}}}}}
	return o
}
