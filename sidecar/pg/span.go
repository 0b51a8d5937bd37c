package pg

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// spans are children only: a query outside of a trace that is recorded has none, and costs one look into its context. They
// carry the statement with its placeholders, without literals and never an argument; of an error its code, since the
// server's text repeats values.
type spans struct {
	tracer trace.Tracer
	schema string
}

func newSpans(s Settings) *spans {
	provider := s.TracerProvider
	if provider == nil {
		provider = tracenoop.NewTracerProvider()
	}
	return &spans{tracer: provider.Tracer("github.com/signalbox-mesh/signalbox/sidecar/pg"), schema: s.Schema}
}

type spanKey struct{}

// recorded says whether a span would be: only for one that is anything read of the statement.
func recorded(ctx context.Context) bool { return trace.SpanFromContext(ctx).IsRecording() }

// start begins the span of one operation, which is called by its summary.
func (s *spans) start(ctx context.Context, operation, summary string, more ...attribute.KeyValue) context.Context {
	if summary == "" {
		summary = "postgresql"
	}
	attrs := append([]attribute.KeyValue{attribute.String("db.system.name", "postgresql"), attribute.String("db.namespace", s.schema),
		attribute.String("db.operation.name", operation), attribute.String("db.query.summary", summary)}, more...)
	ctx, span := s.tracer.Start(ctx, summary, trace.WithSpanKind(trace.SpanKindClient), trace.WithAttributes(attrs...))
	return context.WithValue(ctx, spanKey{}, span)
}

func (s *spans) end(ctx context.Context, rows int64, err error) {
	span, ok := ctx.Value(spanKey{}).(trace.Span)
	if !ok {
		return
	}
	if kind := errorType(err); kind != "" {
		span.SetAttributes(attribute.String("error.type", kind))
		span.SetStatus(codes.Error, kind)
	} else if rows >= 0 && !errors.Is(err, pgx.ErrNoRows) {
		span.SetAttributes(attribute.Int64("db.response.returned_rows", rows))
	}
	span.End()
}

// TraceQueryStart implements pgx.QueryTracer.
func (s *spans) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if !recorded(ctx) {
		return ctx
	}
	text := withoutLiterals(q.SQL)
	return s.start(ctx, operation(q.SQL), summary(text), attribute.String("db.query.text", text))
}

// TraceQueryEnd implements pgx.QueryTracer.
func (s *spans) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryEndData) {
	s.end(ctx, q.CommandTag.RowsAffected(), q.Err)
}

// TraceBatchStart implements pgx.BatchTracer.
func (s *spans) TraceBatchStart(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchStartData) context.Context {
	if !recorded(ctx) || b.Batch == nil {
		return ctx
	}
	return s.start(ctx, "BATCH", batchSummary(b.Batch), attribute.Int("db.operation.batch.size", b.Batch.Len()))
}

// mostInBatch is how many things that a batch does are told; one that is put together of more would have ever other names.
const mostInBatch = 3

// batchSummary is what its statements do, each once, without those that begin and end a transaction.
func batchSummary(b *pgx.Batch) string {
	const batch = "BATCH"
	var all []string
	for _, q := range b.QueuedQueries {
		one := summary(withoutLiterals(q.SQL))
		switch {
		case one == "BEGIN" || one == "COMMIT" || slices.Contains(all, one):
		case one == "" || len(all) == mostInBatch:
			return batch
		default:
			all = append(all, one)
		}
	}
	if text := strings.TrimSpace(batch + " " + strings.Join(all, "; ")); len(text) <= maxSummary {
		return text
	}
	return batch
}

// TraceBatchQuery implements pgx.BatchTracer: each statement of a batch is an event of its span, for they share a round trip.
func (s *spans) TraceBatchQuery(ctx context.Context, _ *pgx.Conn, q pgx.TraceBatchQueryData) {
	span, ok := ctx.Value(spanKey{}).(trace.Span)
	if !ok {
		return
	}
	attrs := []attribute.KeyValue{attribute.String("db.operation.name", operation(q.SQL)), attribute.String("db.query.text", withoutLiterals(q.SQL))}
	if kind := errorType(q.Err); kind != "" {
		attrs = append(attrs, attribute.String("error.type", kind))
	}
	span.AddEvent("query", trace.WithAttributes(attrs...))
}

// TraceBatchEnd implements pgx.BatchTracer.
func (s *spans) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchEndData) {
	s.end(ctx, -1, b.Err)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (s *spans) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, c pgx.TraceCopyFromStartData) context.Context {
	if !recorded(ctx) {
		return ctx
	}
	table := withoutNumbers(strings.Join(c.TableName, "."))
	return s.start(ctx, "COPY", "COPY "+table, attribute.String("db.collection.name", table))
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (s *spans) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, c pgx.TraceCopyFromEndData) {
	s.end(ctx, c.CommandTag.RowsAffected(), c.Err)
}
