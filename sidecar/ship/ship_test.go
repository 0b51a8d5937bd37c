package ship

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestShipsAllInOrder(t *testing.T) {
	t.Parallel()
	b := newBed(t, &store{segment: 32 << 10})
	b.run()
	const each = 1000
	for i := range each {
		for _, c := range spool.Classes[:3] {
			write(b.spool, c, fmt.Sprint(i))
		}
	}
	write(b.spool, spool.Error, "e")
	b.eventually("all stored", func() bool { return b.store.count() == 3*each+1 && b.pending() == 0 && b.shipper.lag() == 0 })
	b.ordered()
	if b.store.doubles != 0 || b.troubles.Load() != 0 || b.shipper.Progress() != nil {
		t.Errorf("%d doubles, %d troubles, progress %v", b.store.doubles, b.troubles.Load(), b.shipper.Progress())
	}
	for _, s := range b.spool.Current().States() {
		if s.Acked != s.Issued {
			t.Errorf("%+v", s)
		}
	}
}

// TestL10_AnswersGetLost: committed and then an error is answered; nothing is lost, the store sees doubles and
// nobody else does. L-12: one word about it at most.
func TestL10_AnswersGetLost(t *testing.T) {
	t.Parallel()
	var calls atomic.Int32
	s := &store{
		segment: 32 << 10,
		before: func(context.Context, []string) error {
			if calls.Add(1)%3 == 0 {
				return status.Error(codes.Unavailable, "down")
			}
			return nil
		},
		after: func() error {
			if calls.Load()%4 == 1 {
				return status.Error(codes.Internal, "connection reset")
			}
			return nil
		},
	}
	b := newBed(t, s)
	b.run()
	start := time.Now()
	for i := range 3000 {
		write(b.spool, spool.Class(i%3), fmt.Sprint(i))
	}
	b.eventually("all stored", func() bool { return b.store.count() == 3000 && b.pending() == 0 })
	b.ordered()
	if b.store.doubles == 0 {
		t.Error("the faults did not happen as meant")
	}
	if most := 1 + int32(time.Since(start)/troubleEvery); b.troubles.Load() == 0 || b.troubles.Load() > most {
		t.Errorf("%d troubles told, want 1 to %d", b.troubles.Load(), most)
	}
}

// TestL9_PoisonIsSetAside: the neighbours get through, the bad ones lie in the quarantine with the reason.
func TestL9_PoisonIsSetAside(t *testing.T) {
	t.Parallel()
	for _, partly := range []bool{false, true} {
		t.Run(fmt.Sprint("partial success ", partly), func(t *testing.T) {
			t.Parallel()
			refuse := func(_ context.Context, bodies []string) error {
				if slices.ContainsFunc(bodies, func(s string) bool { return strings.Contains(s, "poison") }) {
					return status.Error(codes.InvalidArgument, "cannot be stored")
				}
				return nil
			}
			b := newBed(t, &store{segment: 32 << 10, before: refuse, partly: partly})
			for i := range 1000 {
				msg := fmt.Sprint(i)
				if i == 0 || i == 499 || i == 999 {
					msg = "poison"
				}
				write(b.spool, spool.Info, msg)
			}
			b.run()
			b.eventually("all the good stored", func() bool { return b.store.count() == 997 && b.pending() == 0 })
			b.ordered()
			files, err := os.ReadDir(filepath.Join(b.dir, "quarantine"))
			if err != nil || len(files) != 3 {
				t.Fatalf("%d in the quarantine: %v", len(files), err)
			}
			text, _ := os.ReadFile(filepath.Join(b.dir, "quarantine", files[0].Name()))
			for _, want := range []string{"cannot be stored", "poison", b.spool.Current().Epoch, `"class":"info"`} {
				if !strings.Contains(string(text), want) {
					t.Errorf("%s is not in %s", want, text)
				}
			}
		})
	}
}

// TestAllExpired: a store that takes nothing of a batch says so once, not for every half.
func TestAllExpired(t *testing.T) {
	t.Parallel()
	s := &store{segment: 32 << 10, expired: true}
	b := newBed(t, s)
	for i := range 300 {
		write(b.spool, spool.Debug, fmt.Sprint(i))
	}
	b.run()
	b.eventually("all set aside", func() bool { return b.pending() == 0 })
	files, err := os.ReadDir(filepath.Join(b.dir, "quarantine"))
	if err != nil || len(files) != 300 || s.calls.Load() > 10 {
		t.Errorf("%d in the quarantine after %d calls: %v", len(files), s.calls.Load(), err)
	}
}

// TestTooLargeABatchIsHalved: the store takes fifty at a time.
func TestTooLargeABatchIsHalved(t *testing.T) {
	t.Parallel()
	b := newBed(t, &store{segment: 32 << 10, before: func(_ context.Context, bodies []string) error {
		if len(bodies) > 50 {
			return status.Error(codes.ResourceExhausted, "too many")
		}
		return nil
	}})
	for i := range 1000 {
		write(b.spool, spool.Info, fmt.Sprint(i))
	}
	b.run()
	b.eventually("all stored", func() bool { return b.store.count() == 1000 && b.pending() == 0 })
	b.ordered()
}

// TestARecordThatIsTooMuchByItselfIsSetAside: a store that names no time to come again is not asked again, and the
// neighbours of such a record go through.
func TestARecordThatIsTooMuchByItselfIsSetAside(t *testing.T) {
	t.Parallel()
	s := &store{segment: 32 << 10, before: func(_ context.Context, bodies []string) error {
		if slices.Contains(bodies, "huge") {
			return status.Error(codes.ResourceExhausted, "larger than max")
		}
		return nil
	}}
	b := newBed(t, s)
	for i := range 100 {
		msg := fmt.Sprint(i)
		if i == 41 || i == 42 {
			msg = "huge"
		}
		write(b.spool, spool.Warn, msg)
	}
	b.run()
	b.eventually("the others stored", func() bool { return b.store.count() == 98 && b.pending() == 0 })
	b.ordered()
	files, err := os.ReadDir(filepath.Join(b.dir, "quarantine"))
	if err != nil || len(files) != 2 {
		t.Fatalf("%d in the quarantine: %v", len(files), err)
	}
	if text, _ := os.ReadFile(filepath.Join(b.dir, "quarantine", files[0].Name())); !strings.Contains(string(text), "larger than max") {
		t.Errorf("no reason in %s", text)
	}
	if n := s.calls.Load(); n > 30 {
		t.Errorf("%d calls for two records", n)
	}
}

// TestStopInTheMiddle: a stop does not wait for a slow store, and the next run goes on.
func TestStopInTheMiddle(t *testing.T) {
	t.Parallel()
	entered := make(chan struct{}, 10)
	var slow atomic.Bool
	slow.Store(true)
	b := newBed(t, &store{segment: 32 << 10, before: func(ctx context.Context, _ []string) error {
		if !slow.Load() {
			return nil
		}
		entered <- struct{}{}
		<-ctx.Done()
		return ctx.Err()
	}})
	stop := b.run()
	write(b.spool, spool.Info, "x")
	<-entered
	stop()
	if b.pending() != 1 || b.store.count() != 0 {
		t.Errorf("%d pending, %d stored", b.pending(), b.store.count())
	}
	slow.Store(false)
	b.run()
	b.eventually("the record stored", func() bool { return b.store.count() == 1 && b.pending() == 0 })
}

// TestAdoptedEpochsAreShippedAndRemoved under their own names, then forgotten.
func TestAdoptedEpochsAreShippedAndRemoved(t *testing.T) {
	t.Parallel()
	b := newBed(t, &store{segment: 32 << 10})
	dead := b.open(filepath.Join(filepath.Dir(b.dir), "catalogs-9"), 0)
	for i := range 100 {
		write(dead, spool.Warn, fmt.Sprint(i))
	}
	if err := dead.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if n := len(b.spool.Adopt()); n != 1 {
		t.Fatalf("%d adopted", n)
	}
	b.run()
	b.eventually("recovery", func() bool { return b.recovered.Load() == 1 && b.store.count() == 100 })
	if _, stored := b.store.stored["catalogs-9/"+dead.Current().Epoch+"/warn/100"]; !stored {
		t.Error("not stored under its own name")
	}
	b.eventually("the adopted epoch to leave the list", func() bool { return len(b.spool.Adopted()) == 0 })
}

func TestTroubleIsToldOnceAndRemembered(t *testing.T) {
	t.Parallel()
	b := newBed(t, &store{segment: 32 << 10})
	b.shipper.trouble(errors.New("store is down"))
	b.shipper.trouble(errors.New("still down"))
	if b.troubles.Load() != 1 || b.shipper.latest().Error() != "still down" {
		t.Errorf("%d troubles, latest %v", b.troubles.Load(), b.shipper.latest())
	}
	b.shipper.succeeded()
	if err := b.shipper.Progress(); err != nil {
		t.Errorf("nothing waits: %v", err)
	}
}

// A store that takes nothing for half a minute shows, with the number of those that wait and the cause.
func TestG4_StalledShippingShows(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, err := spool.Open(spool.Settings{Dir: filepath.Join(t.TempDir(), "catalogs", "catalogs-1"), Service: "catalogs", Instance: "catalogs-1"})
		if err != nil {
			t.Fatal(err)
		}
		shipper, err := New(Settings{Spool: s, Registerer: prometheus.NewRegistry(), Trouble: func(error) {}})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			write(s, spool.Warn, "x")
		}
		<-time.After(stuckAfter - time.Second) // the bubble's clock
		if err := shipper.Progress(); err != nil {
			t.Errorf("too early: %v", err)
		}
		<-time.After(2 * time.Second)
		if err := shipper.Progress(); !errors.Is(err, errNoAnswer) || !strings.Contains(err.Error(), "3 warn records") {
			t.Errorf("progress is %v, want what waits and that nobody answers", err)
		}
		shipper.trouble(errors.New("store is down"))
		if err := shipper.Progress(); err == nil || !strings.Contains(err.Error(), "store is down") {
			t.Errorf("progress is %v, want the cause", err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Error(err)
		}
	})
}
