package pg_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// Neither an argument nor a literal, nor what the server says of them, is in a span.
func TestSpansHaveNoValues(t *testing.T) {
	t.Parallel()
	const canary = "canary-7391"
	server := pgtest.New(t, "things")
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	d := openWith(t, pg.Settings{URL: server.OwnerURL("things"), Schema: "things", TracerProvider: provider})
	if _, err := d.Pool().Exec(t.Context(), `CREATE TABLE secrets (id int PRIMARY KEY, a text UNIQUE)`); err != nil {
		t.Fatal(err)
	}
	if n := len(spans.Ended()); n != 0 {
		t.Errorf("%d spans of a statement outside of a trace", n)
	}
	ctx, parent := provider.Tracer("test").Start(t.Context(), "request")
	for _, do := range []func() error{
		func() error {
			_, err := d.Pool().Exec(ctx, `INSERT INTO secrets VALUES ($1, $2)`, 7391, canary)
			return err
		},
		func() error {
			_, err := d.Pool().Exec(ctx, fmt.Sprintf(`INSERT INTO secrets VALUES (%d, E'%s\'') -- %s`, 73911, canary, canary))
			return err
		},
		func() error {
			_, err := d.Pool().Exec(ctx, `INSERT INTO secrets VALUES ($1, $2)`, 1, canary)
			return err
		},
		func() error { _, err := d.Pool().Exec(ctx, `SELECT $1::text::int`, canary); return err },
		func() error { _, err := d.Pool().Exec(ctx, `SELECT '`+canary+`'::int`); return err },
		func() error {
			b := &pgx.Batch{}
			b.Queue(`SELECT $1::text`, canary)
			b.Queue(`SELECT $a$` + canary + `$a$`)
			return d.Pool().SendBatch(ctx, b).Close()
		},
		func() error {
			_, err := d.Pool().CopyFrom(ctx, pgx.Identifier{"secrets"}, []string{"id", "a"}, pgx.CopyFromRows([][]any{{9, canary + "9"}}))
			return err
		},
	} {
		_ = do() // some fail, as they shall
	}
	parent.End()
	var failed int
	var texts []string
	for _, s := range spans.Ended() {
		all := s.Name() + s.Status().Description + fmt.Sprint(s.Attributes()) + fmt.Sprint(s.Events())
		if strings.Contains(all, canary) || strings.Contains(all, "7391") {
			t.Errorf("a value is shown: %s", all)
		}
		if s.Name() != "request" && (s.SpanKind() != trace.SpanKindClient || s.Parent().SpanID() != parent.SpanContext().SpanID()) {
			t.Errorf("%s is a %s of %s", s.Name(), s.SpanKind(), s.Parent().SpanID())
		}
		if strings.Contains(all, "error.type") {
			failed++
		}
		texts = append(texts, s.Name())
		for _, a := range s.Attributes() {
			if a.Key == "db.query.text" {
				texts = append(texts, a.Value.AsString())
			}
		}
	}
	if failed != 3 {
		t.Errorf("%d failed, want 3: %q", failed, texts)
	}
	if all := strings.Join(texts, ";"); !strings.Contains(all, "INSERT secrets;INSERT INTO secrets VALUES (?, ?)") || !strings.Contains(all, "BATCH SELECT") || !strings.Contains(all, "COPY secrets") {
		t.Errorf("spans: %q", all)
	}
}
