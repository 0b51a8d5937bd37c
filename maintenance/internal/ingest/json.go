package ingest

import (
	"encoding/base64"
	"encoding/hex"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
)

// hexIDs mends trace and span ids of OTLP/JSON, which writes them in hexadecimal where protobuf's JSON has base64.
// What was read as base64 is written as base64 again, which gives the text as it came: hexadecimal digits are base64's
// too, and 16 or 32 of them need no padding. Whatever else stood there is no id, and the record will have none.
func hexIDs(req *collogspb.ExportLogsServiceRequest) {
	for _, rl := range req.GetResourceLogs() {
		for _, sl := range rl.GetScopeLogs() {
			for _, r := range sl.GetLogRecords() {
				if r != nil {
					r.TraceId, r.SpanId = fromHex(r.TraceId), fromHex(r.SpanId)
				}
			}
		}
	}
}

func fromHex(read []byte) []byte {
	id, err := hex.DecodeString(base64.StdEncoding.EncodeToString(read))
	if err != nil {
		return nil
	}
	return id
}
