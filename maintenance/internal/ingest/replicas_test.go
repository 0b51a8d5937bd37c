package ingest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/ingest"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/postgres"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// replica is one more receiver on the schema.
func replica(t *testing.T, at *pgtest.DB) (*ingest.Receiver, *pg.DB) {
	t.Helper()
	db, err := pg.Open(pg.Settings{URL: at.URL("maintenance"), OwnerURL: at.OwnerURL("maintenance"), Schema: "maintenance"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	if err := db.Migrate(t.Context(), postgres.Migrations()); err != nil {
		t.Fatal(err)
	}
	return ingest.New(ingest.Settings{
		Store: told{postgres.New(db), t}, Caller: func(context.Context) string { return "up" }, Senders: map[string][]string{"up": {"*"}},
		Known: func() []string { return nil }, Unavailable: pg.IsUnavailable, Retention: 24 * time.Hour, MaxBatch: 10_000, Queue: 4000,
		Stored: func() {}, Registerer: prometheus.NewRegistry(),
	}), db
}

// told shows why the store could not: the receiver tells it nobody, and the sender comes again.
type told struct {
	ingest.Store
	t *testing.T
}

func (s told) Write(ctx context.Context, all []record.Record) (ingest.Result, error) {
	res, err := s.Store.Write(ctx, all)
	if err != nil {
		s.t.Logf("a batch of %d: %v", len(all), err)
	}
	return res, err
}

// stream is one class of one run of one instance; its sender sends one batch after the other, as a sidecar does.
type stream struct {
	service, instance, class string
	size                     int           // records of one batch
	pause                    time.Duration // between batches
	issued                   uint64
	delays                   []time.Duration // from the call to the commit; of a batch that was refused, all tries
	refused                  int
}

func str(k, v string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: k, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v}}}
}

func num(k string, v int64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: k, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}}
}

func (s *stream) batch() *collogspb.ExportLogsServiceRequest {
	scope := &logspb.ScopeLogs{Scope: &commonpb.InstrumentationScope{Name: s.service + ".store"}}
	for range s.size {
		s.issued++
		scope.LogRecords = append(scope.LogRecords, &logspb.LogRecord{
			TimeUnixNano: uint64(time.Now().UnixNano()), SeverityNumber: logspb.SeverityNumber_SEVERITY_NUMBER_INFO,
			Body: str("", "request handled").GetValue(),
			Attributes: []*commonpb.KeyValue{str("method", "GET"), str("route", "/api/catalogs/v1/types/{name}/records"), num("status", 200), num("bytes", int64(s.issued*7919%4096)),
				str("user_id", fmt.Sprint("u-", s.issued%977)), str("signalbox.class", s.class), num("signalbox.seq", int64(s.issued))}})
	}
	resource := &resourcepb.Resource{Attributes: []*commonpb.KeyValue{str("service.name", s.service), str("service.instance.id", s.instance), str("signalbox.epoch", "e1")}}
	return &collogspb.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{Resource: resource, ScopeLogs: []*logspb.ScopeLogs{scope}}}}
}

// send goes from one replica to the other with every batch, sends one in ten to both at once, and one in ten again.
func (s *stream) send(t *testing.T, until <-chan struct{}, to []*ingest.Receiver, r *rand.Rand) {
	for n := r.IntN(2); ; n++ {
		select {
		case <-until:
			return
		case <-time.After(s.pause):
		}
		req, began := s.batch(), time.Now()
		var both sync.WaitGroup
		if r.IntN(10) == 0 {
			both.Go(func() { s.deliver(t, to[(n+1)%2], req, nil) })
		}
		s.deliver(t, to[n%2], req, &s.refused)
		s.delays = append(s.delays, time.Since(began))
		both.Wait()
		if r.IntN(10) == 0 {
			s.deliver(t, to[(n+1)%2], req, nil)
		}
	}
}

// deliver comes again until the batch is taken, and honours RetryInfo.
func (s *stream) deliver(t *testing.T, to *ingest.Receiver, req *collogspb.ExportLogsServiceRequest, refused *int) {
	for {
		_, err := to.Export(context.Background(), req)
		if err == nil {
			return
		}
		switch status.Code(err) {
		case codes.Unavailable:
			<-time.After(100 * time.Millisecond)
		case codes.ResourceExhausted:
			if refused != nil {
				*refused++
			}
		default:
			t.Errorf("%s: %v", s.instance, err)
			return
		}
		for _, d := range status.Convert(err).Details() {
			if info, ok := d.(*errdetails.RetryInfo); ok {
				<-time.After(info.GetRetryDelay().AsDuration())
			}
		}
	}
}

// Two replicas take the same streams in turn while one service sends as fast as it can: no gap, nothing twice, and
// the others hardly notice.
func TestReplicasTakeAStormAndTheOthers(t *testing.T) {
	at := pgtest.New(t, "maintenance")
	a, db := replica(t, at)
	b, _ := replica(t, at)
	r := seed.New(t)
	var noisy, quiet []*stream
	for i := range 24 { // six instances of four classes: more than fits into the queues
		noisy = append(noisy, &stream{service: "noisy", instance: fmt.Sprint("noisy-", i/4), class: []string{"debug", "info", "warn", "error"}[i%4], size: 2000})
	}
	for i := range 10 {
		quiet = append(quiet, &stream{service: fmt.Sprint("quiet-", i/2), instance: fmt.Sprint("quiet-", i), class: "info", size: 20, pause: 30 * time.Millisecond})
	}
	idle(t, a)
	until := make(chan struct{})
	var sending sync.WaitGroup
	began := time.Now()
	for _, s := range slices.Concat(noisy, quiet) {
		own := seed.Derive(r)
		sending.Go(func() { s.send(t, until, []*ingest.Receiver{a, b}, own) })
	}
	<-time.After(5 * time.Second)
	close(until)
	sending.Wait()
	took := time.Since(began).Seconds()

	var stormed, refused uint64
	for _, s := range noisy {
		stormed, refused = stormed+s.issued, refused+uint64(s.refused)
	}
	var delays []time.Duration
	for _, s := range quiet {
		delays = append(delays, s.delays...)
	}
	slices.Sort(delays)
	t.Logf("METRIC ingest_storm_records_per_second=%.0f limit=20000", float64(stormed)/took)
	t.Logf("METRIC ingest_storm_refusals=%d", refused)
	t.Logf("METRIC ingest_quiet_delay_p50_seconds=%.3f p99=%.3f max=%.3f limit=2", delays[len(delays)/2].Seconds(), delays[len(delays)*99/100].Seconds(), delays[len(delays)-1].Seconds())
	if refused == 0 {
		t.Error("the storm filled no queue: the run proves nothing")
	}
	conserved(t, db, slices.Concat(noisy, quiet))
}

// idle prints what a record costs that comes alone.
func idle(t *testing.T, to *ingest.Receiver) {
	t.Helper()
	one := &stream{service: "idle", instance: "idle-1", class: "info", size: 1}
	var delays []time.Duration
	for range 21 {
		<-time.After(60 * time.Millisecond)
		began := time.Now()
		one.deliver(t, to, one.batch(), nil)
		delays = append(delays, time.Since(began))
	}
	slices.Sort(delays)
	t.Logf("METRIC ingest_idle_answer_p50_ms=%.1f limit=5", float64(delays[10].Microseconds())/1000)
}

// conserved: every record that was issued is there once, and nothing is said to be missing.
func conserved(t *testing.T, db *pg.DB, all []*stream) {
	t.Helper()
	var lost, twice int64
	rows, err := db.Pool().Query(t.Context(), `SELECT instance, class, count(*), count(DISTINCT seq), max(seq) FROM logs GROUP BY 1, 2`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	stored := map[string][3]int64{}
	for rows.Next() {
		var instance, class string
		var n [3]int64
		if err := rows.Scan(&instance, &class, &n[0], &n[1], &n[2]); err != nil {
			t.Fatal(err)
		}
		stored[instance+"/"+class] = n
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		n := stored[s.instance+"/"+s.class]
		lost += int64(s.issued) - n[1]
		twice += n[0] - n[1]
		if n[2] > int64(s.issued) {
			t.Errorf("%s %s: %d was never issued", s.instance, s.class, n[2])
		}
	}
	var gaps int
	if err := db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM gaps`).Scan(&gaps); err != nil {
		t.Fatal(err)
	}
	t.Logf("METRIC ingest_replicas_lost=%d duplicated=%d gaps=%d limit=0", lost, twice, gaps)
	if lost != 0 || twice != 0 || gaps != 0 {
		t.Error("not conserved")
	}
}
