package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
)

var errAway = errors.New("the store is away")

// probe is a store whose behaviour a test sets.
type probe struct {
	mu     sync.Mutex
	writes [][]record.Record
	write  func(all []record.Record) error // nil: all is well
}

func (p *probe) Write(_ context.Context, all []record.Record) (Result, error) {
	p.mu.Lock()
	write := p.write
	p.mu.Unlock()
	if write != nil {
		if err := write(all); err != nil {
			return Result{}, err
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.writes = append(p.writes, all)
	return Result{Stored: len(all)}, nil
}

func (p *probe) stored() (n int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, w := range p.writes {
		n += len(w)
	}
	return n
}

type callerKey struct{}

func as(ctx context.Context, service string) context.Context {
	return context.WithValue(ctx, callerKey{}, service)
}

func holding(ctx context.Context, services ...string) context.Context {
	return access.With(ctx, access.Principal{Subject: "x", Grants: []access.Grant{{Role: access.Sender, Services: services}}})
}

func receiver(store Store, edit ...func(*Settings)) (*Receiver, *prometheus.Registry) {
	registry := prometheus.NewRegistry()
	s := Settings{
		Store: store, Caller: func(ctx context.Context) string { name, _ := ctx.Value(callerKey{}).(string); return name },
		Senders: map[string][]string{"up": {"*"}}, Known: func() []string { return []string{"catalogs", "gateway"} },
		Unavailable: func(err error) bool { return errors.Is(err, errAway) }, Retention: time.Hour, MaxBatch: 10_000, Queue: 20_000,
		Stored: func() {}, Registerer: registry,
	}
	for _, e := range edit {
		e(&s)
	}
	return New(s), registry
}

func text(k, v string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: k, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v}}}
}

// request has n records of each service.
func request(n int, services ...string) *collogspb.ExportLogsServiceRequest {
	out := &collogspb.ExportLogsServiceRequest{}
	for _, service := range services {
		rl := &logspb.ResourceLogs{Resource: &resourcepb.Resource{Attributes: []*commonpb.KeyValue{text("service.name", service)}}, ScopeLogs: []*logspb.ScopeLogs{{}}}
		for i := range n {
			rl.ScopeLogs[0].LogRecords = append(rl.ScopeLogs[0].LogRecords, &logspb.LogRecord{Body: text("", fmt.Sprint(service, i)).GetValue()})
		}
		out.ResourceLogs = append(out.ResourceLogs, rl)
	}
	return out
}

func TestAnIdleLineAnswersAtOnceAndABusyOneGathers(t *testing.T) {
	t.Parallel()
	store := &probe{}
	r, _ := receiver(store)
	began := time.Now()
	if _, err := r.Export(as(t.Context(), "catalogs"), request(1, "catalogs")); err != nil {
		t.Fatal(err)
	}
	t.Logf("METRIC ingest_idle_answer_ms=%.2f limit=5", float64(time.Since(began).Microseconds())/1000)
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if _, err := r.Export(as(t.Context(), "catalogs"), request(1, "catalogs")); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if store.stored() != 101 || len(store.writes) > 20 {
		t.Errorf("%d records in %d transactions", store.stored(), len(store.writes))
	}
	if l := r.line; l.waiting() != 0 {
		t.Errorf("%v left", l.waiting())
	}
	wait.For(t, 5*time.Second, "the writers to end", func() bool { r.line.mu.Lock(); defer r.line.mu.Unlock(); return r.line.writing == 0 })
}

func TestOneServicesOverflowIsItsOwn(t *testing.T) {
	t.Parallel()
	hold := make(chan struct{})
	store := &probe{write: func([]record.Record) error { <-hold; return nil }}
	r, registry := receiver(store, func(s *Settings) { s.Queue = 1000 })
	results := make(chan error, 16)
	send := func(service string, n int) {
		go func() {
			_, err := r.Export(as(t.Context(), service), request(n, service))
			results <- err
		}()
	}
	waits := func(n float64) {
		t.Helper()
		wait.For(t, 5*time.Second, "the queue", func() bool { return r.line.waiting() == n })
	}
	send("catalogs", 10) // on its way into the store, which holds it
	wait.For(t, 5*time.Second, "a writer", func() bool { r.line.mu.Lock(); defer r.line.mu.Unlock(); return !r.line.began.IsZero() })
	waits(0)
	send("catalogs", 900)
	waits(900)
	_, err := r.Export(as(t.Context(), "catalogs"), request(200, "catalogs"))
	st := status.Convert(err)
	var info *errdetails.RetryInfo
	for _, d := range st.Details() {
		info, _ = d.(*errdetails.RetryInfo)
	}
	if st.Code() != codes.ResourceExhausted || info.GetRetryDelay().AsDuration() <= 0 {
		t.Fatalf("a full queue: %v", err)
	}
	send("gateway", 200)
	send("outsider", 1)
	waits(1101)
	close(hold)
	for range 4 {
		if err := <-results; err != nil {
			t.Errorf("of those that were let in: %v", err)
		}
	}
	if store.stored() != 1111 {
		t.Errorf("stored %d", store.stored())
	}
	if got := testutil.ToFloat64(r.metrics.refused.WithLabelValues(queueFull)); got != 1 {
		t.Errorf("refused: %v", got)
	}
	if got := testutil.ToFloat64(r.metrics.senders.WithLabelValues(others, "taken")); got != 1 {
		t.Errorf("of others: %v", got)
	}
	if n, err := testutil.GatherAndCount(registry, "signalbox_ingest_sender_records_total"); err != nil || n != 4 {
		t.Errorf("%d series: %v", n, err)
	}
}

func TestAFailedWriteFailsOnlyWhatWasInIt(t *testing.T) {
	t.Parallel()
	store := &probe{}
	r, _ := receiver(store)
	store.write = func(all []record.Record) error {
		if all[0].Service == "catalogs" {
			return errAway
		}
		return nil
	}
	if _, err := r.Export(as(t.Context(), "catalogs"), request(3, "catalogs")); status.Code(err) != codes.Unavailable {
		t.Errorf("got %v", err)
	}
	if _, err := r.Export(as(t.Context(), "gateway"), request(3, "gateway")); err != nil {
		t.Errorf("after it: %v", err)
	}
}

// What the store refuses, or chokes on, keeps none of those out that were in one transaction with it.
func TestABadBatchPoisonsNobody(t *testing.T) {
	t.Parallel()
	for name, bad := range map[string]func() error{
		"an error": func() error { return errors.New("will not have it") },
		"a panic":  func() error { panic("choked") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &probe{}
			hold := make(chan struct{})
			store.write = func(all []record.Record) error {
				<-hold
				for _, rec := range all {
					if rec.Service == "catalogs" {
						return bad()
					}
				}
				return nil
			}
			r, _ := receiver(store)
			var ended sync.WaitGroup
			for _, service := range []string{"gateway", "catalogs", "gateway", "up"} {
				ended.Go(func() {
					_, err := r.Export(as(t.Context(), service), request(2, service))
					want := codes.OK
					if service == "catalogs" {
						want = codes.Unavailable
					}
					if status.Code(err) != want {
						t.Errorf("%s: %v", service, err)
					}
				})
			}
			close(hold)
			ended.Wait()
			if store.stored() != 6 {
				t.Errorf("stored %d", store.stored())
			}
		})
	}
}

func TestWhoMaySendAsWhom(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		ctx      context.Context
		services []string
		code     codes.Code
		stored   []string
		rejected int64
	}{
		"itself":                   {as(t.Context(), "catalogs"), []string{"catalogs"}, codes.OK, []string{"catalogs"}, 0},
		"another":                  {as(t.Context(), "catalogs"), []string{"gateway"}, codes.PermissionDenied, nil, 0},
		"up for a server":          {as(t.Context(), "up"), []string{"postgresql"}, codes.OK, []string{"postgresql"}, 0},
		"a service without a name": {as(t.Context(), "catalogs"), []string{""}, codes.InvalidArgument, nil, 0},
		"foreign":                  {holding(t.Context(), "shop"), []string{"shop"}, codes.OK, []string{"shop"}, 0},
		"foreign, not its own":     {holding(t.Context(), "shop"), []string{"catalogs"}, codes.PermissionDenied, nil, 0},
		"foreign, without a name":  {holding(t.Context(), "shop"), []string{""}, codes.OK, []string{"shop"}, 0},
		"an SDK's word for none":   {holding(t.Context(), "shop"), []string{"unknown_service:main"}, codes.OK, []string{"shop"}, 0},
		"of several, which":        {holding(t.Context(), "shop", "till"), []string{""}, codes.InvalidArgument, nil, 0},
		"a collector's mixture":    {holding(t.Context(), "shop", "till"), []string{"shop", "catalogs", "till"}, codes.OK, []string{"shop", "till"}, 2},
		"for all":                  {holding(t.Context()), []string{"a", "b"}, codes.OK, []string{"a", "b"}, 0},
		"nobody":                   {t.Context(), []string{"shop"}, codes.PermissionDenied, nil, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := &probe{}
			r, _ := receiver(store)
			out, err := r.Export(c.ctx, request(2, c.services...))
			if status.Code(err) != c.code || out.GetPartialSuccess().GetRejectedLogRecords() != c.rejected {
				t.Fatalf("%v %v", out, err)
			}
			got := map[string]int{}
			for _, w := range store.writes {
				for _, rec := range w {
					got[rec.Service]++
				}
			}
			if len(got) != len(c.stored) {
				t.Errorf("stored %v", got)
			}
			for _, s := range c.stored {
				if got[s] != 2 {
					t.Errorf("stored %v", got)
				}
			}
		})
	}
}

func TestEmptyAndHugeRequests(t *testing.T) {
	t.Parallel()
	store := &probe{}
	r, _ := receiver(store)
	ctx := as(t.Context(), "catalogs")
	for name, req := range map[string]*collogspb.ExportLogsServiceRequest{
		"nil": nil, "empty": {}, "no records": request(0, "catalogs"), "a resource without anything": {ResourceLogs: []*logspb.ResourceLogs{{}, nil}},
		"a scope without anything": {ResourceLogs: []*logspb.ResourceLogs{{ScopeLogs: []*logspb.ScopeLogs{nil, {}}}}},
	} {
		if out, err := r.Export(ctx, req); err != nil || out.GetPartialSuccess() != nil {
			t.Errorf("%s: %v %v", name, out, err)
		}
	}
	if _, err := r.Export(ctx, request(10_001, "catalogs")); status.Code(err) != codes.InvalidArgument {
		t.Errorf("a huge one: %v", err)
	}
	if _, err := r.Export(ctx, request(10_000, "catalogs")); err != nil {
		t.Errorf("the largest: %v", err)
	}
	if store.stored() != 10_000 {
		t.Errorf("stored %d", store.stored())
	}
}

func TestTransactionsSuitTheStore(t *testing.T) {
	t.Parallel()
	l := newLine(newQueues(1000, 0), Settings{})
	for range 10 {
		l.suit(enough, time.Second)
	}
	if l.size != quantum {
		t.Errorf("a slow store gets %d", l.size)
	}
	if l.suit(1, time.Second); l.size != quantum {
		t.Errorf("%d", l.size)
	}
	for range 10 {
		l.suit(1, time.Millisecond)
	}
	if l.size != enough {
		t.Errorf("a quick store gets %d", l.size)
	}
}

// A token that was taken back is told from one that may not send as somebody; a service of the mesh has no token.
func TestARevokedTokenSendsNothing(t *testing.T) {
	t.Parallel()
	store := &probe{}
	taken := "x"
	r, _ := receiver(store, func(s *Settings) { s.Revoked = func(subject string) bool { return subject == taken } })
	if _, err := r.Export(holding(t.Context(), "catalogs"), request(1, "catalogs")); status.Code(err) != codes.Unauthenticated {
		t.Errorf("revoked: %v", err)
	}
	if n := testutil.ToFloat64(r.metrics.refused.WithLabelValues("revoked")); n != 1 || store.stored() != 0 {
		t.Errorf("%v counted, %d stored", n, store.stored())
	}
	if _, err := r.Export(as(t.Context(), "catalogs"), request(1, "catalogs")); err != nil {
		t.Errorf("a service of the mesh: %v", err)
	}
	taken = "y"
	if _, err := r.Export(holding(t.Context(), "catalogs"), request(1, "catalogs")); err != nil || store.stored() != 2 {
		t.Errorf("another's is revoked: %v, %d stored", err, store.stored())
	}
}
