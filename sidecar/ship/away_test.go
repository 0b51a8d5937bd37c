package ship

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	collector "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

// line is a connection without a network, for a bubble of synctest: its waits are the bubble's.
type line struct {
	grpc.ClientConnInterface
	store *store
}

func (l line) Invoke(ctx context.Context, _ string, args, reply any, _ ...grpc.CallOption) error {
	raw, err := proto.Marshal(args.(proto.Message))
	if err != nil {
		return err
	}
	request := &collector.ExportLogsServiceRequest{} // as the wire has it
	if err := proto.Unmarshal(raw, request); err != nil {
		return err
	}
	answer, err := l.store.Export(ctx, request)
	if err == nil {
		proto.Merge(reply.(proto.Message), answer)
	}
	return err
}

// bubble is a bed inside of synctest.
func bubble(t *testing.T, s *store) *bed {
	s.stored, s.order = map[string]string{}, map[string][]int64{}
	b := &bed{t: t, store: s, dir: filepath.Join(t.TempDir(), "catalogs", "catalogs-1"), registry: prometheus.NewRegistry()}
	b.spool = b.open(b.dir, 0)
	shipper, err := New(Settings{Spool: b.spool, Registerer: b.registry, Trouble: func(error) { b.troubles.Add(1) },
		Recovered: func(*spool.Epoch) bool { b.recovered.Add(1); return true }})
	if err != nil {
		t.Fatal(err)
	}
	b.shipper = shipper
	return b
}

// ships runs the shipper over the line until what it returns is called.
func (b *bed) ships() (stop func()) {
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); b.shipper.Run(ctx, line{store: b.store}) }()
	return func() { cancel(); <-done }
}

// TestL3_StoreAwayForADay: nothing is lost, it is never given up, and all is there soon after the store is.
func TestL3_StoreAwayForADay(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var back atomic.Bool
		b := bubble(t, &store{before: func(context.Context, []string) error {
			if back.Load() {
				return nil
			}
			return status.Error(codes.Unavailable, "down")
		}})
		stop := b.ships()
		records := 0
		for end := time.Now().Add(24 * time.Hour); time.Now().Before(end); <-time.After(time.Minute) {
			for _, c := range spool.Classes {
				write(b.spool, c, fmt.Sprint(records))
				records++
			}
		}
		if b.store.count() != 0 || b.shipper.Progress() == nil {
			t.Errorf("%d stored, progress %v", b.store.count(), b.shipper.Progress())
		}
		attempts := b.store.calls.Load()
		back.Store(true)
		returned := time.Now()
		for b.pending() > 0 && time.Since(returned) < time.Minute {
			<-time.After(10 * time.Millisecond)
		}
		t.Logf("METRIC back_to_drained_seconds=%.1f limit=20 (%d records, %d attempts in 24 h)", time.Since(returned).Seconds(), records, attempts)
		stop()
		if b.store.count() != records || b.store.doubles != 0 || b.shipper.Progress() != nil {
			t.Errorf("%d of %d stored, %d doubles, progress %v", b.store.count(), records, b.store.doubles, b.shipper.Progress())
		}
		if err := b.spool.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestL12_OwnTroubleIsSaidOncePerTenSeconds: away for a minute, with records of all classes waiting.
func TestL12_OwnTroubleIsSaidOncePerTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		b := bubble(t, &store{before: func(context.Context, []string) error { return status.Error(codes.Unavailable, "down") }})
		stop := b.ships()
		for end := time.Now().Add(time.Minute); time.Now().Before(end); <-time.After(100 * time.Millisecond) {
			for _, c := range spool.Classes {
				write(b.spool, c, "x")
			}
		}
		stop()
		t.Logf("METRIC own_lines_in_60_s=%d limit=7", b.troubles.Load())
		if n := b.troubles.Load(); n < 1 || n > 7 {
			t.Errorf("%d lines in a minute", n)
		}
		if err := b.spool.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func quota(t *testing.T, wait time.Duration) error {
	t.Helper()
	s, err := status.New(codes.ResourceExhausted, "catalogs has had its share").WithDetails(&errdetails.RetryInfo{RetryDelay: durationpb.New(wait)})
	if err != nil {
		t.Fatal(err)
	}
	return s.Err()
}

// TestQuotaIsWaitedFor: a store that names a time is left alone until then, and gets the batch whole.
func TestQuotaIsWaitedFor(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		refused, sizes := time.Time{}, []int{}
		early, refusals := 0, 0
		b := bubble(t, &store{before: func(_ context.Context, bodies []string) error {
			sizes = append(sizes, len(bodies))
			if !refused.IsZero() && time.Since(refused) < 7*time.Second {
				early++
			}
			if refusals++; refusals <= 3 {
				refused = time.Now()
				return quota(t, 7*time.Second)
			}
			return nil
		}})
		for i := range 300 {
			write(b.spool, spool.Info, fmt.Sprint(i))
		}
		stop := b.ships()
		<-time.After(time.Minute)
		stop()
		if b.store.count() != 300 || early > 0 || sizes[0] != 300 || sizes[3] != 300 {
			t.Errorf("%d stored, %d tries too early, batches of %v", b.store.count(), early, sizes)
		}
		if err := b.spool.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestBatchesAdapt: to a quick store they grow, for a slow one they shrink; the records' bytes bound them too.
func TestBatchesAdapt(t *testing.T) {
	t.Parallel()
	p := newPace()
	for range 20 {
		p.observe(p.records, 20*time.Millisecond)
	}
	if p.records != mostRecords {
		t.Errorf("%d records for a quick store", p.records)
	}
	for range 50 {
		p.observe(p.records, 2*time.Second)
	}
	if p.records != fewRecords {
		t.Errorf("%d records for a slow store", p.records)
	}
	p.observe(fewRecords/2, time.Millisecond)
	if p.records != fewRecords {
		t.Errorf("%d records after a batch that was not full", p.records)
	}
	p = pace{mostRecords}
	p.tooMuch(2000)
	if p.records != 1000 {
		t.Errorf("%d records after 2000 were too much", p.records)
	}
}

// TestBatchesAreBoundedByBytes: large records go in batches of 3 MiB.
func TestBatchesAreBoundedByBytes(t *testing.T) {
	t.Parallel()
	largest := 0
	b := newBed(t, &store{before: func(_ context.Context, bodies []string) error {
		size := 0
		for _, body := range bodies {
			size += len(body)
		}
		largest = max(largest, size)
		return nil
	}})
	for i := range 150 {
		write(b.spool, spool.Info, fmt.Sprintf("%0100000d", i))
	}
	b.run()
	b.eventually("all stored", func() bool { return b.pending() == 0 })
	if largest > spool.BatchBytes || largest < spool.BatchBytes*3/4 {
		t.Errorf("the largest batch had %d bytes", largest)
	}
}

// TestEarlierRunsAreWatchedToo: the records of an adopted epoch that nobody takes show on /hc.
func TestEarlierRunsAreWatchedToo(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var back atomic.Bool
		b := bubble(t, &store{before: func(context.Context, []string) error {
			if back.Load() {
				return nil
			}
			return status.Error(codes.Unavailable, "down")
		}})
		dead := b.open(filepath.Join(filepath.Dir(b.dir), "catalogs-9"), 0)
		for i := range 10 {
			write(dead, spool.Warn, fmt.Sprint(i))
		}
		if err := dead.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		b.spool.Adopt()
		stop := b.ships()
		<-time.After(stuckAfter - time.Second)
		if err := b.shipper.Progress(); err != nil {
			t.Errorf("too early: %v", err)
		}
		<-time.After(2 * time.Second)
		if err := b.shipper.Progress(); err == nil {
			t.Error("nobody is told of what waits")
		}
		back.Store(true)
		<-time.After(20 * time.Second)
		if err := b.shipper.Progress(); err != nil || b.recovered.Load() != 1 {
			t.Errorf("%v, %d recovered", err, b.recovered.Load())
		}
		stop()
		if err := b.spool.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

// TestDropsAreToldWithTheirCause: once the store is back, one record a second at most, and few; a record of
// them that is not kept comes again.
func TestDropsAreToldWithTheirCause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var back atomic.Bool
		s := &store{segment: 4 << 10, before: func(context.Context, []string) error {
			if back.Load() {
				return nil
			}
			return status.Error(codes.Unavailable, "down")
		}}
		b := bubble(t, s)
		if err := b.spool.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		small, err := spool.Open(spool.Settings{Dir: b.dir, Service: "catalogs", Instance: "catalogs-1", LimitBytes: 64 << 10})
		if err != nil {
			t.Fatal(err)
		}
		var told []spool.Loss
		var at []time.Time
		refuse := 1
		b.shipper, err = New(Settings{Spool: small, Registerer: prometheus.NewRegistry(), Trouble: func(error) {}, Recovered: func(*spool.Epoch) bool { return true },
			Dropped: func(l spool.Loss) bool {
				at = append(at, time.Now())
				if refuse--; refuse >= 0 {
					return false
				}
				told = append(told, l)
				return true
			}})
		if err != nil {
			t.Fatal(err)
		}
		stop := b.ships()
		for range 3000 {
			write(small, spool.Debug, "x")
			write(small, spool.Info, "x")
		}
		<-time.After(time.Minute)
		if len(told) != 0 {
			t.Errorf("told while the store is away: %v", told)
		}
		back.Store(true)
		write(small, spool.Warn, "back")
		<-time.After(time.Minute)
		stop()
		holes, issued := uint64(0), uint64(0)
		for _, l := range told {
			if l.Epoch != small.Current().Epoch || l.To-l.From+1 < l.Records || l.Reason != spool.ReasonFull {
				t.Errorf("%+v", l)
			}
			holes += l.Records
		}
		for _, state := range small.Current().States() {
			issued += state.Issued
		}
		if issued != uint64(s.count())+holes || len(told) > 8 || len(told) == 0 {
			t.Errorf("%d issued, %d stored, %d told in %d records: %v", issued, s.count(), holes, len(told), told)
		}
		for i := 1; i < len(at); i++ {
			if at[i].Sub(at[i-1]) < reportEvery {
				t.Errorf("two within %s", at[i].Sub(at[i-1]))
			}
		}
		if err := small.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestAskedReadsWrappedAnswers(t *testing.T) {
	t.Parallel()
	if d, ok := asked(fmt.Errorf("export logs: %w", quota(t, 3*time.Second))); !ok || d != 3*time.Second {
		t.Errorf("%v %v", d, ok)
	}
	if d, ok := asked(quota(t, 24*time.Hour)); !ok || d != longestWait {
		t.Errorf("%v %v", d, ok)
	}
	for _, err := range []error{errors.New("x"), status.Error(codes.ResourceExhausted, "too large")} {
		if _, ok := asked(err); ok {
			t.Errorf("%v asks to wait", err)
		}
	}
}
