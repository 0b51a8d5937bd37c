// Package ingest is the OTLP receiver of the log: it reads a batch, has it stored together with the ledger,
// and acknowledges after the commit. It writes no log lines of its own, since they would come back here:
// what happens shows in the metrics.
//
// Batches wait in a queue for each service, bounded by what they cost (a record, or each KiB of a longer
// one, costs 1). One writer, two under load, takes from all queues in turn, so that a service that sends
// more than its share waits behind itself and nobody else:
//
//	Export ─▶ read ─▶ queue of its service ─┐
//	Export ─▶ read ─▶ queue of its service ─┼─▶ writer: up to 8192 in turn, one transaction ─▶ every Export answered
//	Export ─▶ read ─▶ queue full: refused   ┘
//
// A writer exists only while something waits; there is nothing to start or to stop.
//
// Requests in protobuf are read from their bytes (package record's Wire), as to make messages of them took most of what
// receiving costs; what is unusual in them is read by way of messages, with the same result.
package ingest

import (
	"context"
	"fmt"
	"runtime"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// Result of one batch.
type Result struct {
	Stored     int
	Duplicates int // refused silently: they are stored already
	Expired    int // refused with a reason: older than the retention
	Gaps       int // holes that the batch has shown
}

// Plus adds two results.
func (r Result) Plus(o Result) Result {
	return Result{r.Stored + o.Stored, r.Duplicates + o.Duplicates, r.Expired + o.Expired, r.Gaps + o.Gaps}
}

// Store keeps batches. After an error the batch may be written again.
type Store interface {
	Write(ctx context.Context, all []record.Record) (Result, error)
}

// Settings of a Receiver.
type Settings struct {
	Store       Store
	Caller      func(ctx context.Context) string // the verified name of the calling service; "" for a foreign sender
	Senders     map[string][]string              // callers that may send for other names too; "*" is any
	Known       func() []string                  // services that metrics may name; others are counted as "other"
	Revoked     func(subject string) bool        // a foreign sender's token was taken back; nil: none was
	Unavailable func(err error) bool             // the store is away: nothing else of the batch would fare better
	Retention   time.Duration
	MaxBatch    int     // records of one request
	Queue       int     // what may wait of one service, in records (one above 1 KiB counts for each KiB)
	Quota       float64 // records a second of one service; 0: no bound but its fair share
	Stored      func()  // called after each commit that stored something; must not block
	Registerer  prometheus.Registerer
}

// Receiver implements OTLP's LogsService, and OTLP/HTTP as a handler.
type Receiver struct {
	collogspb.UnimplementedLogsServiceServer
	settings Settings
	line     *line
	metrics  *metrics
	decoding chan struct{} // a place for each request that may be decoded at once: more would take memory and no less time
}

// New makes a receiver and registers its metrics.
func New(s Settings) *Receiver {
	r := &Receiver{settings: s, decoding: make(chan struct{}, runtime.GOMAXPROCS(0))}
	r.line = newLine(newQueues(s.Queue, s.Quota), s)
	r.metrics = newMetrics(s.Registerer, s.Known, r.line.waiting)
	r.line.metrics = r.metrics
	return r
}

// Export stores the batch. Errors: Unauthenticated for a token that was taken back, PermissionDenied for names that are not the caller's own, InvalidArgument
// for a batch that is too large or names no service, ResourceExhausted with RetryInfo when a service of it has
// sent too much, Unavailable when it should be sent again.
func (r *Receiver) Export(ctx context.Context, req *collogspb.ExportLogsServiceRequest) (*collogspb.ExportLogsServiceResponse, error) {
	return r.take(ctx, func() (message, error) { return ofTree(req), nil })
}

// take stores the batch that decode gives.
func (r *Receiver) take(ctx context.Context, decode func() (message, error)) (*collogspb.ExportLogsServiceResponse, error) {
	start := time.Now()
	b, err := r.open(ctx, decode)
	if err != nil {
		r.metrics.refuse(err)
		return nil, err
	}
	if len(b.parts) > 0 {
		if err := r.store(ctx, b.parts); err != nil {
			return nil, err
		}
		r.metrics.delay.Observe(time.Since(start).Seconds())
	}
	return b.answer(r.settings.Retention), nil
}

// open decodes and reads, as many at once as there are processors.
func (r *Receiver) open(ctx context.Context, decode func() (message, error)) (batch, error) {
	select {
	case r.decoding <- struct{}{}:
		defer func() { <-r.decoding }()
	case <-ctx.Done():
		return batch{}, status.FromContextError(ctx.Err()).Err()
	}
	req, err := decode()
	if err != nil {
		return batch{}, err
	}
	return r.read(ctx, req)
}

// store queues all parts, or none, and waits until each is committed.
func (r *Receiver) store(ctx context.Context, parts []*part) error {
	if err := r.line.enter(parts); err != nil {
		r.metrics.refuse(err)
		return err
	}
	var failure error
	for _, p := range parts {
		select {
		case err := <-p.done:
			if err != nil {
				failure = err
			}
		case <-ctx.Done(): // it is stored all the same, or skipped if its turn has not come
			return status.FromContextError(ctx.Err()).Err()
		}
	}
	if failure != nil {
		return status.Error(codes.Unavailable, "the log store cannot take the batch now")
	}
	return nil
}

// batch is one request as it was read.
type batch struct {
	parts    []*part // by service
	expired  int     // records in parts that are too old to be stored
	rejected int     // records that are in no part
	reason   error   // why, of the first of them
}

func (b batch) answer(retention time.Duration) *collogspb.ExportLogsServiceResponse {
	out := &collogspb.ExportLogsServiceResponse{}
	if b.expired+b.rejected == 0 {
		return out
	}
	text := ""
	if b.expired > 0 {
		text = fmt.Sprintf("%d records are older than the retention of %s", b.expired, retention)
	}
	if b.rejected > 0 {
		if text != "" {
			text += "; "
		}
		text += fmt.Sprintf("%d records were refused: %s", b.rejected, status.Convert(b.reason).Message())
	}
	out.PartialSuccess = &collogspb.ExportLogsPartialSuccess{RejectedLogRecords: int64(b.expired + b.rejected), ErrorMessage: text}
	return out
}
