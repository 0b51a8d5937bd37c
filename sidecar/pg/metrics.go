package pg

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

// metrics are OpenTelemetry's db.client metrics in their Prometheus form. The pool's name is the schema,
// so that a service with two schemas has both on one registry. The one departure from the conventions is
// db_client_connections for connection.count: promtool reserves the suffix _count for histograms.
type metrics struct {
	duration *prometheus.HistogramVec
	pending  atomic.Int64
	pool     *pgxpool.Pool

	count, limit, requests, timeouts, created, waited *prometheus.Desc
	edge                                              *telemetry.Edge // nil: none is counted
}

func newMetrics(schema string) *metrics {
	pool := prometheus.Labels{"db_client_connection_pool_name": schema}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("db_client_connection"+name, help, labels, pool)
	}
	return &metrics{
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:                            "db_client_operation_duration_seconds",
			Help:                            "Duration of database client operations",
			ConstLabels:                     prometheus.Labels{"db_system_name": "postgresql", "db_namespace": schema},
			Buckets:                         []float64{.001, .005, .01, .05, .1, .5, 1, 5, 10},
			NativeHistogramBucketFactor:     1.1,
			NativeHistogramMaxBucketNumber:  100,
			NativeHistogramMinResetDuration: time.Hour,
		}, []string{"db_operation_name", "error_type"}),
		count:    desc("s", "Connections that are in the state", "db_client_connection_state"),
		limit:    desc("_max", "Most connections that are allowed"),
		requests: desc("_pending_requests", "Requests that wait for a connection now"),
		timeouts: desc("_timeouts_total", "Requests for a connection that were given up"),
		created:  desc("_created_total", "Connections that were opened"),
		waited:   desc("_wait_time_seconds_total", "Time that requests have waited for a connection because none was free"),
	}
}

func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	if err := r.Register(m.duration); err != nil {
		return err
	}
	if err := r.Register(m); err != nil {
		r.Unregister(m.duration)
		return err
	}
	return nil
}

func (m *metrics) unregister(r prometheus.Registerer) {
	if r != nil {
		r.Unregister(m.duration)
		r.Unregister(m)
	}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.count, m.limit, m.requests, m.timeouts, m.created, m.waited} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	s := m.pool.Stat()
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	counter := func(d *prometheus.Desc, v float64) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.CounterValue, v)
	}
	gauge(m.count, float64(s.AcquiredConns()), "used")
	gauge(m.count, float64(s.IdleConns()), "idle")
	gauge(m.limit, float64(s.MaxConns()))
	gauge(m.requests, float64(m.pending.Load()))
	counter(m.timeouts, float64(s.CanceledAcquireCount()))
	counter(m.created, float64(s.NewConnsCount()))
	counter(m.waited, s.EmptyAcquireWaitTime().Seconds())
}

type startKey struct{}

// start of one operation travels in the context from pgx's first hook to its last.
type start struct {
	at        time.Time
	operation string
}

func begin(ctx context.Context, operation string) context.Context {
	return context.WithValue(ctx, startKey{}, start{at: time.Now(), operation: operation})
}

func (m *metrics) end(ctx context.Context, err error) {
	kind := errorType(err)
	m.ended(ctx, kind, serversFault(kind))
}

// ended counts the operation; failed says whether it is an error of the edge.
func (m *metrics) ended(ctx context.Context, kind string, failed bool) {
	s, ok := ctx.Value(startKey{}).(start)
	if !ok {
		return
	}
	took := time.Since(s.at)
	if m.edge != nil {
		m.edge.Observe(ctx, took, failed)
	}
	telemetry.Observe(ctx, m.duration.WithLabelValues(s.operation, kind), took.Seconds())
}

// errorType is the SQLSTATE, or a word for what has none.
func errorType(err error) string {
	var answer *pgconn.PgError
	switch {
	case err == nil || errors.Is(err, pgx.ErrNoRows):
		return ""
	case errors.As(err, &answer):
		return answer.Code
	case errors.Is(err, context.Canceled):
		return "canceled"
	case pgconn.Timeout(err) || errors.Is(err, context.DeadlineExceeded):
		return "timeout"
	default:
		return "connection"
	}
}

// serversFault says whether what went wrong is the server's doing, or there was no answer: classes 08, 53, 57, 58 and XX of
// PostgreSQL's "error codes", but for a statement that somebody had it cancel.
func serversFault(kind string) bool {
	switch {
	case kind == "timeout", kind == "connection":
		return true
	case len(kind) != 5 || kind == "57014":
		return false
	default:
		return slices.Contains([]string{"08", "53", "57", "58", "XX"}, kind[:2])
	}
}

// operation is the statement's verb; an unknown one is OTHER, so that no text becomes a label.
func operation(sql string) string {
	word, _, _ := strings.Cut(strings.TrimSpace(sql), " ")
	word = strings.ToUpper(strings.TrimRight(word, ";\n\t("))
	switch word {
	case "SELECT", "INSERT", "UPDATE", "DELETE", "WITH", "MERGE", "BEGIN", "COMMIT", "ROLLBACK", "LISTEN", "NOTIFY":
		return word
	default:
		return "OTHER"
	}
}

// TraceQueryStart implements pgx.QueryTracer.
func (m *metrics) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	return begin(ctx, operation(q.SQL))
}

// TraceQueryEnd implements pgx.QueryTracer.
func (m *metrics) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryEndData) {
	m.end(ctx, q.Err)
}

// TraceBatchStart implements pgx.BatchTracer.
func (m *metrics) TraceBatchStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceBatchStartData) context.Context {
	return begin(ctx, "BATCH")
}

// TraceBatchQuery implements pgx.BatchTracer.
func (m *metrics) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

// TraceBatchEnd implements pgx.BatchTracer.
func (m *metrics) TraceBatchEnd(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchEndData) {
	m.end(ctx, b.Err)
}

// TraceCopyFromStart implements pgx.CopyFromTracer.
func (m *metrics) TraceCopyFromStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceCopyFromStartData) context.Context {
	return begin(ctx, "COPY")
}

// TraceCopyFromEnd implements pgx.CopyFromTracer.
func (m *metrics) TraceCopyFromEnd(ctx context.Context, _ *pgx.Conn, c pgx.TraceCopyFromEndData) {
	m.end(ctx, c.Err)
}

// TraceConnectStart implements pgx.ConnectTracer.
func (m *metrics) TraceConnectStart(ctx context.Context, _ pgx.TraceConnectStartData) context.Context {
	return begin(ctx, "CONNECT")
}

// TraceConnectEnd implements pgx.ConnectTracer: who gets no connection makes no query, and would be nowhere counted. One that comes
// about is no call.
func (m *metrics) TraceConnectEnd(ctx context.Context, c pgx.TraceConnectEndData) {
	if c.Err != nil {
		kind := errorType(c.Err)
		m.ended(ctx, kind, kind != "canceled") // whoever is to blame, nothing passes
	}
}

// TraceAcquireStart implements pgxpool.AcquireTracer.
func (m *metrics) TraceAcquireStart(ctx context.Context, _ *pgxpool.Pool, _ pgxpool.TraceAcquireStartData) context.Context {
	m.pending.Add(1)
	return ctx
}

// TraceAcquireEnd implements pgxpool.AcquireTracer.
func (m *metrics) TraceAcquireEnd(context.Context, *pgxpool.Pool, pgxpool.TraceAcquireEndData) {
	m.pending.Add(-1)
}
