package ingest

import (
	"context"
	"slices"
	"strings"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

// unnamed begins the name that SDKs give a service whose owner has given none.
const unnamed = "unknown_service"

// read makes parts, by service, of what the caller may send. What he may not is rejected; where that is all,
// it is the error. The queues are asked before anything is converted: a storm is refused cheaply.
func (r *Receiver) read(ctx context.Context, m message) (batch, error) {
	if err := r.holds(ctx); err != nil {
		return batch{}, err
	}
	if n := m.count(); n > r.settings.MaxBatch {
		return batch{}, status.Errorf(codes.InvalidArgument, "%d records in one batch, at most %d are taken", n, r.settings.MaxBatch)
	}
	b, admitted, others := r.admit(ctx, m)
	for service, all := range admitted {
		if err := r.line.ask(service, message{all: all}.count()); err != nil {
			return batch{}, err
		}
	}
	clock := record.Clock{Now: time.Now().UTC(), Retention: r.settings.Retention}
	var wire record.Wire
	_, ok := convert("", others, clock, &wire) // a batch that is damaged is refused whole
	kept := 0
	for service, all := range admitted {
		var records []record.Record
		if ok {
			records, ok = convert(service, all, clock, &wire)
		}
		kept += textsOf(records)
		p := newPart(ctx, service, records)
		b.parts = append(b.parts, p)
		b.expired += p.expired
	}
	switch {
	case !ok || m.parts+wire.Messages > maxParts:
		slow, err := m.slowly()
		if err != nil {
			return batch{}, err
		}
		return r.read(ctx, slow)
	case len(admitted) == 0:
		return b, b.reason
	case kept < len(m.raw)/4:
		b.own()
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

// admit sorts what may come in by service, and what may not.
func (r *Receiver) admit(ctx context.Context, m message) (b batch, admitted map[string][]sent, others []sent) {
	admitted = map[string][]sent{}
	for _, s := range m.all {
		if s.n == 0 {
			continue
		}
		service, err := r.sender(ctx, s.resource.Service)
		if err == nil {
			admitted[service] = append(admitted[service], s)
			continue
		}
		others = append(others, s)
		b.rejected += s.n
		if b.reason == nil {
			b.reason = err
		}
	}
	return b, admitted, others
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
