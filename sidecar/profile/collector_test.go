package profile_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"os"
	"runtime"
	"runtime/pprof"
	"strings"
	"sync"
	"testing"
	"time"

	pprofile "github.com/google/pprof/profile"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	profilev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/profile/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/profile"
)

const limit = 30 * time.Second

// shelf is the other end as a collector sees it: it keeps what it gets, and breaks off when it is told to.
// services/view-service tests against the real one.
type shelf struct {
	mu       sync.Mutex
	begun    map[string]*profilev1.BeginRequest // by lease
	data     map[string][]byte                  // by lease
	done     map[string]bool
	breakOff int   // chunks until a stream ends with an error; 0: none does
	refuse   error // what Begin says
	begins   int
}

func newShelf() *shelf {
	return &shelf{begun: map[string]*profilev1.BeginRequest{}, data: map[string][]byte{}, done: map[string]bool{}}
}

func (s *shelf) Begin(_ context.Context, r *profilev1.BeginRequest, _ ...grpc.CallOption) (*profilev1.BeginResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.begins++
	if s.refuse != nil {
		return nil, s.refuse
	}
	s.begun[r.GetLeaseId()] = r
	return &profilev1.BeginResponse{Id: r.GetLeaseId(), Offset: int64(len(s.data[r.GetLeaseId()])), Complete: s.done[r.GetLeaseId()]}, nil
}

func (s *shelf) Upload(context.Context, ...grpc.CallOption) (profilev1.ProfileService_UploadClient, error) {
	return &upload{shelf: s}, nil
}

type upload struct {
	grpc.ClientStream
	shelf *shelf
	id    string
	err   error
}

func (u *upload) Send(r *profilev1.UploadRequest) error {
	s := u.shelf
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.GetId() != "" {
		u.id = r.GetId()
	}
	if s.breakOff > 0 {
		if s.breakOff--; s.breakOff == 0 {
			u.err = status.Error(codes.Unavailable, "broken off")
			return u.err
		}
	}
	if int64(len(s.data[u.id])) != r.GetOffset() {
		u.err = status.Error(codes.Aborted, "not where it ended")
		return u.err
	}
	s.data[u.id] = append(s.data[u.id], r.GetData()...)
	return nil
}

func (u *upload) CloseAndRecv() (*profilev1.UploadResponse, error) {
	s := u.shelf
	s.mu.Lock()
	defer s.mu.Unlock()
	if u.err != nil {
		return nil, u.err
	}
	sum := sha256.Sum256(s.data[u.id])
	s.done[u.id] = bytes.Equal(sum[:], s.begun[u.id].GetSha256())
	return &profilev1.UploadResponse{Complete: s.done[u.id]}, nil
}

// stored waits until the profile of a lease is there.
func (s *shelf) stored(t *testing.T, id string) (*profilev1.BeginRequest, []byte) {
	t.Helper()
	wait.For(t, limit, "the profile of "+id, func() bool {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.done[id]
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.begun[id], s.data[id]
}

type rig struct {
	*profile.Collector
	shelf *shelf
	dir   string
	reg   *prometheus.Registry
}

func collector(t *testing.T, edit ...func(*profile.Settings)) rig {
	t.Helper()
	r := rig{shelf: newShelf(), dir: t.TempDir(), reg: prometheus.NewRegistry()}
	s := profile.Settings{Service: "catalogs", Instance: "catalogs-1", Client: r.shelf, Dir: r.dir, Registerer: r.reg}
	for _, e := range edit {
		e(&s)
	}
	r.Collector = profile.New(s)
	t.Cleanup(func() {
		if err := r.Close(context.WithoutCancel(t.Context())); err != nil {
			t.Error(err)
		}
		if left, err := os.ReadDir(r.dir); err != nil || len(left) > 0 {
			t.Errorf("left behind: %v %v", left, err)
		}
	})
	return r
}

func asks(id, value string) lease.Lease {
	return lease.Lease{ID: id, Kind: lease.Profile, Value: value, Until: time.Now().Add(time.Minute)}
}

func accepted(t *testing.T, r rig, all ...lease.Lease) {
	t.Helper()
	if refused := r.Apply(all); len(refused) > 0 {
		t.Fatalf("refused: %v", refused)
	}
}

// busyForTheProfile is what a CPU profile must show.
func busyForTheProfile(d time.Duration) {
	n := uint64(0)
	for end := time.Now().Add(d); time.Now().Before(end); {
		for i := range 100_000 {
			n = n*31 + uint64(i)
		}
	}
	runtime.KeepAlive(n)
}

// heldForTheProfile is what a heap profile must show.
func heldForTheProfile() [][]byte {
	var all [][]byte
	for range 64 {
		all = append(all, bytes.Repeat([]byte{1}, 1<<20))
	}
	return all
}

// contendForTheProfile is what block and mutex profiles must show.
func contendForTheProfile() {
	var mu sync.Mutex
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 50 {
				mu.Lock()
				<-time.After(time.Millisecond)
				mu.Unlock()
			}
		})
	}
	all.Wait()
}

// shows reports whether a function has samples of more than 0 in the profile.
func shows(t *testing.T, data []byte, function string) bool {
	t.Helper()
	p, err := pprofile.ParseData(data)
	if err != nil {
		t.Fatalf("no profile: %v", err)
	}
	if err := p.CheckValid(); err != nil {
		t.Error(err)
	}
	for _, s := range p.Sample {
		for _, l := range s.Location {
			for _, line := range l.Line {
				if strings.Contains(line.Function.Name, function) && s.Value[len(s.Value)-1] > 0 {
					return true
				}
			}
		}
	}
	return false
}

func TestProfilesShowWhatHappened(t *testing.T) { // not parallel: the profilers are the process's
	r := collector(t)
	kept := heldForTheProfile()
	for kind, function := range map[string]string{profile.CPU: "busyForTheProfile", profile.Heap: "heldForTheProfile",
		profile.Goroutine: "TestProfilesShowWhatHappened", profile.Block: "contendForTheProfile", profile.Mutex: "contendForTheProfile"} {
		accepted(t, r, asks(kind, `{"profile":"`+kind+`","seconds":1}`))
		switch kind {
		case profile.CPU:
			busyForTheProfile(time.Second)
		case profile.Block, profile.Mutex:
			contendForTheProfile()
		}
		begun, data := r.shelf.stored(t, kind)
		if !shows(t, data, function) {
			t.Errorf("%s: %s is not in the profile", kind, function)
		}
		took := begun.GetUntil().AsTime().Sub(begun.GetFrom().AsTime())
		if begun.GetProfile() != kind || begun.GetSize() != int64(len(data)) || begun.GetCut() || took > 5*time.Second {
			t.Errorf("%s: %v %s", kind, begun, took)
		}
	}
	runtime.KeepAlive(kept)
	for _, kind := range []string{profile.CPU, profile.Heap, profile.Goroutine, profile.Block, profile.Mutex} {
		wait.For(t, limit, kind+" to be counted", func() bool { return counted(t, r, kind, "stored") == 1 })
	}
}

// What was there before is no part of a block or mutex profile, and the rates are what they were.
func TestRatesAreRestored(t *testing.T) {
	const mine = 7
	was := runtime.SetMutexProfileFraction(mine)
	defer runtime.SetMutexProfileFraction(was)
	r := collector(t)
	accepted(t, r, asks("1", `{"profile":"block","seconds":0.3}`))
	contendForTheProfile()
	r.shelf.stored(t, "1")
	before := pprof.Lookup("block").Count()
	contendForTheProfile()
	if after := pprof.Lookup("block").Count(); after != before {
		t.Errorf("blocking is still sampled: %d places, then %d", before, after)
	}
	accepted(t, r, asks("2", `{"profile":"block","seconds":0.2}`))
	if _, data := r.shelf.stored(t, "2"); shows(t, data, "contendForTheProfile") {
		t.Error("the second profile shows what was before it")
	}
	accepted(t, r, asks("3", `{"profile":"mutex","seconds":0.1}`))
	r.shelf.stored(t, "3")
	if now := runtime.SetMutexProfileFraction(-1); now != mine {
		t.Errorf("the mutex fraction is %d, it was %d", now, mine)
	}
}

func TestTraces(t *testing.T) {
	r := collector(t)
	accepted(t, r, asks("forward", `{"profile":"trace","seconds":0.3}`))
	busyForTheProfile(100 * time.Millisecond)
	_, data := r.shelf.stored(t, "forward")
	isTrace(t, data)

	began := time.Now()
	accepted(t, r, asks("before", `{"profile":"trace","seconds":1,"before":true}`))
	busyForTheProfile(1500 * time.Millisecond)
	accepted(t, r) // the lease is dropped: now
	begun, data := r.shelf.stored(t, "before")
	isTrace(t, data)
	of := begun.GetUntil().AsTime().Sub(begun.GetFrom().AsTime())
	if of != time.Second || begun.GetFrom().AsTime().Before(began) || begun.GetCut() {
		t.Errorf("it is of %s: %v", of, begun)
	}
}

func isTrace(t *testing.T, data []byte) {
	t.Helper()
	if !bytes.HasPrefix(data, []byte("go 1.2")) || len(data) < 1000 {
		t.Errorf("no trace: %d bytes, %.20q", len(data), data)
	}
}

// An instance captures one at a time, and the process one of a kind; who comes second is told.
func TestTheSecondIsRefused(t *testing.T) {
	process := profile.NewRuntime(0)
	share := func(name string) rig {
		return collector(t, func(s *profile.Settings) { s.Runtime, s.Instance = process, name })
	}
	one, two := share("catalogs-1"), share("gateway-1")
	first, second := asks("1", `{"profile":"cpu","seconds":1}`), asks("2", `{"profile":"heap"}`)
	accepted(t, one, first)
	refused := one.Apply([]lease.Lease{first, second})
	if len(refused) != 1 || !strings.Contains(refused["2"].Error(), "captures a cpu profile just now, for lease 1") {
		t.Errorf("%v", refused)
	}
	refused = two.Apply([]lease.Lease{first})
	if len(refused) != 1 || !strings.Contains(refused["1"].Error(), "catalogs-1 captures a cpu profile of the same process") {
		t.Errorf("%v", refused)
	}
	accepted(t, two, second) // another profile of another service
	two.shelf.stored(t, "2")

	alone := collector(t) // it does not know of the others, and Go's runtime refuses
	if refused = alone.Apply([]lease.Lease{first}); refused["1"] == nil {
		t.Error("two CPU profiles at once")
	}
	one.shelf.stored(t, "1")
	if refused = one.Apply([]lease.Lease{first, second}); refused["2"] == nil {
		t.Error("what was refused is captured later, when nobody thinks of it")
	}
	accepted(t, two, asks("3", `{"profile":"cpu","seconds":0.1}`)) // it is free again
	two.shelf.stored(t, "3")
}

func TestALeaseThatEndsCutsTheCapture(t *testing.T) {
	r := collector(t)
	accepted(t, r, asks("1", `{"profile":"cpu","seconds":100}`))
	busyForTheProfile(200 * time.Millisecond)
	accepted(t, r)
	begun, data := r.shelf.stored(t, "1")
	if !begun.GetCut() || !shows(t, data, "busyForTheProfile") {
		t.Errorf("%v", begun)
	}
	accepted(t, r, asks("1", `{"profile":"cpu","seconds":100}`)) // it comes back, as after a Sync that was late
	if r.shelf.begins != 1 {
		t.Error("captured twice for one lease")
	}
	if refused := r.Apply([]lease.Lease{asks("2", `{"profile":"heap"}`)}); len(refused) > 0 {
		t.Errorf("it still captures: %v", refused)
	}
	r.shelf.stored(t, "2")
}

// noise makes what fills a trace, until stop.
func noise() (stop func()) {
	quit := make(chan struct{})
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for {
				select {
				case <-quit:
					return
				default:
					runtime.Gosched()
				}
			}
		})
	}
	return func() { close(quit); all.Wait() }
}

// A trace that comes near its bound ends there; what does not fit at all is given up. Neither takes more room.
func TestSizeIsBounded(t *testing.T) {
	const bound = 4 << 20
	r := collector(t, func(s *profile.Settings) { s.MaxSize = bound })
	accepted(t, r, asks("1", `{"profile":"trace","seconds":60}`))
	stop := noise()
	begun, data := r.shelf.stored(t, "1")
	stop()
	if isTrace(t, data); !begun.GetCut() || len(data) > bound || len(data) < bound/2 {
		t.Errorf("%d bytes: %v", len(data), begun)
	}

	small := collector(t, func(s *profile.Settings) { s.MaxSize = 10 })
	accepted(t, small, asks("1", `{"profile":"heap"}`))
	wait.For(t, limit, "the profile to be given up", func() bool { return counted(t, small, profile.Heap, "failed") == 1 })
}

// counted is how many captures came to that result.
func counted(t *testing.T, r rig, kind, result string) (n float64) {
	t.Helper()
	families, err := r.reg.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			if f.GetName() == "signalbox_profile_captures_total" && labels["profile"] == kind && labels["result"] == result {
				n += m.GetCounter().GetValue()
			}
		}
	}
	return n
}

// An upload that breaks off goes on where it ended; one that is refused for good is given up.
func TestUploadsGoOn(t *testing.T) {
	r := collector(t)
	r.shelf.breakOff = 3 // the trace is more chunks long
	accepted(t, r, asks("1", `{"profile":"trace","seconds":1}`))
	stop := noise()
	_, data := r.shelf.stored(t, "1")
	stop()
	isTrace(t, data)

	r.shelf.mu.Lock()
	if r.shelf.begins != 2 || r.shelf.breakOff != 0 {
		t.Errorf("begun %d times, the stream was not broken off, or all was sent again", r.shelf.begins)
	}
	r.shelf.refuse = status.Error(codes.NotFound, "no such lease")
	r.shelf.mu.Unlock()
	accepted(t, r, asks("2", `{"profile":"goroutine"}`))
	wait.For(t, limit, "the profile to be lost", func() bool { return counted(t, r, profile.Goroutine, "lost") == 1 })
}

// Nothing is left running, and nothing on the disk, when the instance stops in the middle.
func TestCloseEndsTheCapture(t *testing.T) {
	r := collector(t)
	accepted(t, r, asks("1", `{"profile":"cpu","seconds":100}`))
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	if err := r.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if err := pprof.StartCPUProfile(&bytes.Buffer{}); err != nil {
		t.Errorf("the profiler still runs: %v", err)
	}
	pprof.StopCPUProfile()
	if refused := r.Apply([]lease.Lease{asks("2", `{"profile":"heap"}`)}); refused["2"] == nil {
		t.Error("it captures after it was closed")
	}
}

func TestWhatAnEarlierRunLeftIsRemoved(t *testing.T) {
	r := collector(t)
	if err := os.WriteFile(r.dir+"/capture-1", []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	accepted(t, r, asks("1", `{"profile":"goroutine"}`))
	r.shelf.stored(t, "1")
}

func TestWhatIsNoProfileIsRefused(t *testing.T) {
	r := collector(t)
	for _, value := range []string{"", "cpu", `{}`, `{"profile":"weather"}`, `{"profile":"cpu","seconds":0}`, `{"profile":"cpu","seconds":301}`,
		`{"profile":"cpu","seconds":-1}`, `{"profile":"cpu","x":1}`, `{"profile":"cpu"} {}`, `{"profile":"cpu","before":true}`} {
		if refused := r.Apply([]lease.Lease{asks(value, value)}); refused[value] == nil {
			t.Errorf("%q was taken", value)
		}
	}
	if _, err := profile.Parse(`{"profile":"cpu"}`); err != nil {
		t.Error(err)
	}
}

// A process that may have died of a capture does not begin it anew with each start, for as long as the lease holds.
func TestACaptureThatWasThereAtACrashIsNotRepeated(t *testing.T) {
	r := collector(t)
	accepted(t, r, asks("l-1", `{"profile":"trace","seconds":60,"before":true}`))
	files, err := os.ReadDir(r.dir)
	if err != nil || len(files) != 1 {
		t.Fatalf("%v %v", files, err)
	}
	next := collector(t)
	if err := r.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(next.dir+"/"+files[0].Name(), []byte("half"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if refused := next.Apply([]lease.Lease{asks("l-1", `{"profile":"trace","seconds":60,"before":true}`)}); refused["l-1"] == nil {
			t.Error("it is captured again")
		}
	}
	accepted(t, next, asks("l-2", `{"profile":"goroutine"}`))
	next.shelf.stored(t, "l-2")
}
