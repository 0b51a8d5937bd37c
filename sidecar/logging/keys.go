package logging

// Keys of a record. Attributes of the caller lie inside KeyAttrs, so that none can hide one of these.
const (
	KeyTime     = "ts"       // RFC 3339 with nanoseconds, UTC
	KeyLevel    = "level"    // DEBUG, INFO, WARN, ERROR, and slog's steps between them (INFO+2)
	KeyService  = "service"  // name of the service
	KeyInstance = "instance" // name of the instance
	KeyLogger   = "logger"   // service.part and so on; a level set for one holds for those below
	KeyMessage  = "msg"      // says what happened; what varies is in attrs
	KeyTraceID  = "trace_id" // of the span in the context, 32 hex digits
	KeySpanID   = "span_id"  // 16 hex digits
	KeyAttrs    = "attrs"    // the attributes, as one object
)

// Keys of attributes that several packages use, so that one query finds them all.
const (
	KeyError      = "err"             // text of an error
	KeyUserID     = "user_id"         // the caller's id, as identity gave it
	KeyAudit      = "audit"           // true: kept like an ERROR, whatever the level
	KeyDurationMS = "duration_ms"     // milliseconds, with decimals
	KeyStack      = "stack"           // of the goroutine that panicked
	KeyTruncated  = "truncated_attrs" // how many attributes did not fit
	KeyLeaseID    = "lease_id"        // of the lease that a line is about, or that let it through
	KeyRetro      = "retroactive"     // true: the line was below its level, and shipped because of how its trace ended
	KeyRetroWhy   = "retroactive_why" // how the trace ended
)
