package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/ingest"
)

// ExportOperation describes OTLP/HTTP, whose messages are OTLP's own.
func ExportOperation() huma.Operation {
	o := op(http.MethodPost, "/otlp/v1/logs", "export-logs", "Take log records (OTLP/HTTP)")
	o.MaxBodyBytes = ingest.MaxBody
	o.Description = "An ExportLogsServiceRequest of OpenTelemetry in protobuf or JSON, gzipped or not: at most 4 MiB, 16 MiB unpacked. " +
		"The role's scope bounds the service.name that the records may have. Errors are a google.rpc.Status in the request's encoding; " +
		"429 and 503 say with Retry-After when to come again."
	body := func() map[string]*huma.MediaType {
		return map[string]*huma.MediaType{
			ingest.TypeProtobuf: {Schema: &huma.Schema{Type: huma.TypeString, Format: "binary"}},
			ingest.TypeJSON:     {Schema: &huma.Schema{Type: huma.TypeObject}},
		}
	}
	o.RequestBody = &huma.RequestBody{Required: true, Content: body()}
	o.Responses = map[string]*huma.Response{"200": {Description: "ExportLogsServiceResponse; partialSuccess says what was not taken, and why", Content: body()}}
	return o
}

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
