// Package ingest is the OTLP/gRPC receiver of the log: it reads a batch, has it stored together with the
// ledger, and acknowledges after the commit. It writes no log lines of its own, since they would come
// back here: what happens shows in the metrics.
package ingest

import (
	"context"
	"fmt"
	"slices"
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
	Store      Store
	Caller     func(ctx context.Context) string // the verified name of the calling service
	Senders    map[string][]string              // callers that may send for other names too; "*" is any
	Retention  time.Duration
	MaxBatch   int    // records of one request
	Parallel   int    // batches stored at once
	Stored     func() // called after each commit that stored something; must not block
	Registerer prometheus.Registerer
}

// Receiver implements OTLP's LogsService.
type Receiver struct {
	collogspb.UnimplementedLogsServiceServer
	settings Settings
	slots    chan struct{}
	metrics  metrics
}

// New makes a receiver and registers its metrics.
func New(s Settings) *Receiver {
	return &Receiver{settings: s, slots: make(chan struct{}, s.Parallel), metrics: newMetrics(s.Registerer)}
}

// Export stores the batch. Errors: PermissionDenied for a name that is not the caller's own,
// InvalidArgument for a batch that is too large, Unavailable when it should be sent again.
func (r *Receiver) Export(ctx context.Context, req *collogspb.ExportLogsServiceRequest) (*collogspb.ExportLogsServiceResponse, error) {
	all, err := r.read(ctx, req)
	if err != nil {
		r.metrics.refused.Inc()
		return nil, err
	}
	select {
	case r.slots <- struct{}{}:
		defer func() { <-r.slots }()
	case <-ctx.Done():
		return nil, status.FromContextError(ctx.Err()).Err()
	}
	start := time.Now()
	res, err := r.settings.Store.Write(ctx, all)
	r.metrics.observe(res, time.Since(start), err)
	if err != nil {
		return nil, status.Error(codes.Unavailable, "the log store cannot take the batch now")
	}
	if res.Stored > 0 {
		r.settings.Stored()
	}
	return answer(res, r.settings.Retention), nil
}

func answer(res Result, retention time.Duration) *collogspb.ExportLogsServiceResponse {
	if res.Expired == 0 {
		return &collogspb.ExportLogsServiceResponse{}
	}
	return &collogspb.ExportLogsServiceResponse{PartialSuccess: &collogspb.ExportLogsPartialSuccess{
		RejectedLogRecords: int64(res.Expired),
		ErrorMessage:       fmt.Sprintf("%d records are older than the retention of %s", res.Expired, retention),
	}}
}

func (r *Receiver) read(ctx context.Context, req *collogspb.ExportLogsServiceRequest) ([]record.Record, error) {
	n := count(req)
	if n > r.settings.MaxBatch {
		return nil, status.Errorf(codes.InvalidArgument, "%d records in one batch, at most %d are taken", n, r.settings.MaxBatch)
	}
	clock := record.Clock{Now: time.Now().UTC(), Retention: r.settings.Retention}
	all := make([]record.Record, 0, n)
	for _, rl := range req.GetResourceLogs() {
		resource := record.Resource(rl.GetResource())
		if err := r.allow(r.settings.Caller(ctx), resource.Service); err != nil {
			return nil, err
		}
		for _, sl := range rl.GetScopeLogs() {
			for _, in := range sl.GetLogRecords() {
				all = append(all, record.From(resource, sl.GetScope().GetName(), in, clock))
			}
		}
	}
	return all, nil
}

// allow lets a service send in its own name, and in those that the settings give it.
func (r *Receiver) allow(caller, service string) error {
	names := r.settings.Senders[caller]
	if service == "" {
		return status.Error(codes.InvalidArgument, "a batch without service.name in its resource")
	}
	if caller == service || slices.Contains(names, service) || slices.Contains(names, "*") {
		return nil
	}
	return status.Errorf(codes.PermissionDenied, "%s may not send log records as %s", caller, service)
}

func count(req *collogspb.ExportLogsServiceRequest) (n int) {
	for _, rl := range req.GetResourceLogs() {
		for _, sl := range rl.GetScopeLogs() {
			n += len(sl.GetLogRecords())
		}
	}
	return n
}
