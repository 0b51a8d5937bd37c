package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/ingest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
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
	o.Description = "Server-sent events, each with the place behind it as its id: record, whose data is one log record; gap, whose data says what is " +
		"missing (one may come again after a new connection); end, when it is time to come again; comments as heartbeat, every 10 s. " +
		"A client that comes again with the last id misses no record and gets none twice, on any replica."
	most, least := 1000.0, 0.0
	o.Parameters = []*huma.Param{
		text("q", "the query, as for logs", query.MaxLength),
		{Name: "backlog", In: "query", Description: "how many records of before to begin with",
			Schema: &huma.Schema{Type: huma.TypeInteger, Minimum: &least, Maximum: &most, Default: 0}},
		text("since", "how far back the records to begin with may lie: RFC 3339, or how long ago, as 15m; default: 24h", 64),
		text("after", "the id of the last event that came: goes on behind it", maxAfter),
		{Name: "Last-Event-ID", In: "header", Description: "the same, as browsers send it", Schema: &huma.Schema{Type: huma.TypeString}},
	}
	o.Responses = streamed("text/event-stream")
	return o
}

// exportOperation describes the export, which is streamed.
func exportOperation() huma.Operation {
	o := op(http.MethodGet, "/logs/export", "export-log-records", "Stream every matching record, oldest first")
	o.Description = "NDJSON or CSV (RFC 4180 with a header; a cell that a spreadsheet would take for a formula has a ' before it), by format or Accept. " +
		`The last line says that it is whole and what is missing from the log in that time: {"end":{"records":…,"complete":true,"gaps":[…]}}, ` +
		"or in CSV lines that begin with # gap: and # end:. Without it, the export is cut off."
	o.Parameters = []*huma.Param{
		text("q", "the query, as for logs", query.MaxLength),
		text("since", "from this time on: RFC 3339, or how long ago, as 15m or 7d; default: 24h before until", 64),
		text("until", "before this time; default: now", 64),
		{Name: "format", In: "query", Description: "default: what Accept names, else ndjson",
			Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{"ndjson", "csv"}}},
	}
	o.Responses = streamed("application/x-ndjson", "text/csv")
	return o
}

func text(name, description string, longest int) *huma.Param {
	return &huma.Param{Name: name, In: "query", Description: description, Schema: &huma.Schema{Type: huma.TypeString, MaxLength: &longest}}
}

func streamed(types ...string) map[string]*huma.Response {
	content := map[string]*huma.MediaType{}
	for _, t := range types {
		content[t] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return map[string]*huma.Response{"200": {Description: "OK", Content: content}}
}
