package intake

import (
	"context"
	"encoding/hex"
	"errors"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
)

// Record makes a log record of a foreign one.
func (s *Sender) Record(r foreign.Record) {
	ctx := traced(r)
	h := s.handler(&r)
	if !h.Enabled(ctx, r.Level) {
		return
	}
	at := r.Time
	if at.IsZero() {
		at = time.Now()
	}
	rec := slog.NewRecord(at, r.Level, r.Message, 0)
	rec.AddAttrs(r.Attrs...)
	_ = h.Handle(ctx, rec) // it returns no error
}

// traced carries the record's trace, where it has both ids; one alone becomes an attribute.
func traced(r foreign.Record) context.Context {
	var config trace.SpanContextConfig
	_, err1 := hex.Decode(config.TraceID[:], []byte(r.TraceID))
	_, err2 := hex.Decode(config.SpanID[:], []byte(r.SpanID))
	if err := errors.Join(err1, err2); err != nil {
		return context.Background()
	}
	return trace.ContextWithSpanContext(context.Background(), trace.NewSpanContext(config))
}

// mostLoggers bounds what hostile names can take; later ones become an attribute.
const (
	mostLoggers = 200
	longLogger  = 128
)

// handler is that of the record's logger. A single id of a trace becomes an attribute.
func (s *Sender) handler(r *foreign.Record) slog.Handler {
	switch {
	case r.TraceID != "" && r.SpanID == "":
		r.Attrs = append(r.Attrs, slog.String("trace_id", r.TraceID))
	case r.TraceID == "" && r.SpanID != "":
		r.Attrs = append(r.Attrs, slog.String("span_id", r.SpanID))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name := r.Logger
	if name == "" {
		name = s.settings.Service
	}
	h, ok := s.loggers[name]
	if !ok && (len(s.loggers) >= mostLoggers || len(name) > longLogger) {
		r.Attrs = append(r.Attrs, slog.String("logger", name))
		name = s.settings.Service
		h, ok = s.loggers[name]
	}
	if !ok {
		h = s.logs.Logger(name).Handler()
		s.loggers[name] = h
	}
	return h
}
