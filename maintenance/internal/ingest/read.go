package ingest

import (
	"context"
	"slices"
	"strings"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

// unnamed begins the name that SDKs give a service whose owner has given none.
const unnamed = "unknown_service"

// read makes parts, by service, of what the caller may send. What he may not is rejected; where that is all,
// it is the error. The queues are asked before anything is converted: a storm is refused cheaply.
func (r *Receiver) read(ctx context.Context, req *collogspb.ExportLogsServiceRequest) (batch, error) {
	if err := r.holds(ctx); err != nil {
		return batch{}, err
	}
	if n := count(req); n > r.settings.MaxBatch {
		return batch{}, status.Errorf(codes.InvalidArgument, "%d records in one batch, at most %d are taken", n, r.settings.MaxBatch)
	}
	b, admitted := r.admit(ctx, req)
	if len(admitted) == 0 {
		return b, b.reason
	}
	for service, resources := range admitted {
		if err := r.line.ask(service, total(resources)); err != nil {
			return batch{}, err
		}
	}
	clock := record.Clock{Now: time.Now().UTC(), Retention: r.settings.Retention}
	for service, resources := range admitted {
		p := newPart(ctx, service, convert(service, resources, clock))
		b.parts = append(b.parts, p)
		b.expired += p.expired
	}
	return b, nil
}

// holds is nil unless the caller's token was taken back.
func (r *Receiver) holds(ctx context.Context) error {
	p, foreign := access.From(ctx)
	if foreign && r.settings.Revoked != nil && r.settings.Revoked(p.Subject) {
		return status.Error(codes.Unauthenticated, "the token was revoked; get another one by signalbox token logs")
	}
	return nil
}

// admit sorts what may come in by service.
func (r *Receiver) admit(ctx context.Context, req *collogspb.ExportLogsServiceRequest) (b batch, admitted map[string][]*logspb.ResourceLogs) {
	admitted = map[string][]*logspb.ResourceLogs{}
	for _, rl := range req.GetResourceLogs() {
		n := total([]*logspb.ResourceLogs{rl})
		if n == 0 {
			continue
		}
		service, err := r.sender(ctx, record.Resource(rl.GetResource()).Service)
		if err == nil {
			admitted[service] = append(admitted[service], rl)
			continue
		}
		b.rejected += n
		if b.reason == nil {
			b.reason = err
		}
	}
	return b, admitted
}

// sender is the name under which the caller's records are stored: a service sends in its own name and in
// those that the settings give it, a foreign sender in those of its token. Whose token holds for one service
// alone need not name it.
func (r *Receiver) sender(ctx context.Context, service string) (string, error) {
	if caller := r.settings.Caller(ctx); caller != "" {
		return service, r.allow(caller, service)
	}
	p, _ := access.From(ctx)
	if names, all := p.Scope(access.Sender); (service == "" || strings.HasPrefix(service, unnamed)) && !all && len(names) == 1 {
		return names[0], nil
	}
	if service == "" {
		return "", errUnnamed()
	}
	if !p.Has(access.Sender, service) {
		return "", status.Errorf(codes.PermissionDenied, "the token may not send log records as %s", service)
	}
	return service, nil
}

func (r *Receiver) allow(caller, service string) error {
	names := r.settings.Senders[caller]
	switch {
	case service == "":
		return errUnnamed()
	case caller == service || slices.Contains(names, service) || slices.Contains(names, "*"):
		return nil
	default:
		return status.Errorf(codes.PermissionDenied, "%s may not send log records as %s", caller, service)
	}
}

func errUnnamed() error {
	return status.Error(codes.InvalidArgument, "a batch without service.name in its resource")
}

func convert(service string, resources []*logspb.ResourceLogs, clock record.Clock) []record.Record {
	all := make([]record.Record, 0, total(resources))
	for _, rl := range resources {
		resource := record.Resource(rl.GetResource())
		resource.Service = service
		for _, sl := range rl.GetScopeLogs() {
			for _, in := range sl.GetLogRecords() {
				all = append(all, record.From(resource, sl.GetScope().GetName(), in, clock))
			}
		}
	}
	return all
}

func count(req *collogspb.ExportLogsServiceRequest) int { return total(req.GetResourceLogs()) }

func total(resources []*logspb.ResourceLogs) (n int) {
	for _, rl := range resources {
		for _, sl := range rl.GetScopeLogs() {
			n += len(sl.GetLogRecords())
		}
	}
	return n
}
