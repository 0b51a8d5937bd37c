package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
)

// table notes what the agent makes of the levels.
type table struct {
	mu  sync.Mutex
	now string
}

func (l *table) Set(source string, all []level.Override) {
	l.mu.Lock()
	defer l.mu.Unlock()
	parts := []string{}
	for _, o := range all {
		parts = append(parts, fmt.Sprintf("%s:%s=%s", o.LeaseID, o.Logger, o.Level))
	}
	l.now = strings.Join(parts, " ")
}

func (l *table) is() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.now
}

// view is view-service at the other end of the wire.
type view struct {
	mu      sync.Mutex
	answers func(*fleetv1.SyncRequest) (*fleetv1.SyncResponse, error)
	heard   []*fleetv1.SyncRequest
}

func (v *view) Sync(_ context.Context, in *fleetv1.SyncRequest, _ ...grpc.CallOption) (*fleetv1.SyncResponse, error) {
	v.mu.Lock()
	v.heard = append(v.heard, in)
	answers := v.answers
	v.mu.Unlock()
	return answers(in)
}

func (v *view) calls() int {
	v.mu.Lock()
	defer v.mu.Unlock()
	return len(v.heard)
}

func away(*fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
	return nil, status.Error(codes.Unavailable, "away")
}

func answering(revision int64, all ...*fleetv1.Lease) func(*fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
	return func(*fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
		return &fleetv1.SyncResponse{Revision: revision, Leases: all, Heartbeat: durationpb.New(5 * time.Second)}, nil
	}
}

func lev(id string, revision int64, value string, ttl time.Duration) *fleetv1.Lease {
	return &fleetv1.Lease{Id: id, Revision: revision, Kind: "level", Value: value, Remaining: durationpb.New(ttl)}
}

func agent(t *testing.T, v *view) (*Agent, *table, *prometheus.Registry) {
	t.Helper()
	levels, r := &table{}, prometheus.NewRegistry()
	return New(Settings{Service: "catalogs", Instance: "catalogs-1", Epoch: "e1", StartedAt: time.Now(), Client: v, Effects: map[string]lease.Effect{lease.Level: LevelEffect(levels)}, Registerer: r,
		Verify: func(token, signer string) ([]byte, error) {
			payload, ok := strings.CutPrefix(token, "signed by "+signer+": ")
			if !ok {
				return nil, errors.New("forged")
			}
			return []byte(payload), nil
		}}), levels, r
}

func said(t *testing.T, revision int64, action, id, value string, edit ...func(map[string]any)) bus.Delivery {
	t.Helper()
	lease := map[string]any{"id": id, "revision": revision, "kind": "level", "value": value, "remaining_ms": 60_000}
	m := map[string]any{"revision": revision, "action": action, "lease": lease, "issued_at": time.Now().UnixMilli()}
	for _, e := range edit {
		e(m)
	}
	payload, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := json.Marshal(map[string]string{"token": "signed by view-service: " + string(payload)})
	return bus.Delivery{Event: bus.Event{Type: changed, Data: data}}
}

func TestALeaseEndsByItsOwnClockWithEverythingGone(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &view{answers: answering(1, lev("a", 1, "DEBUG", time.Minute))}
		a, levels, _ := agent(t, v)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		go func() { done <- a.Run(ctx) }()
		synctest.Wait()
		if levels.is() != "a:=DEBUG" {
			t.Errorf("after the first sync: %q", levels.is())
		}
		v.mu.Lock()
		v.answers = away
		v.mu.Unlock()
		<-time.After(59 * time.Second)
		if synctest.Wait(); levels.is() != "a:=DEBUG" {
			t.Errorf("before its end: %q", levels.is())
		}
		<-time.After(2 * time.Second)
		if synctest.Wait(); levels.is() != "" {
			t.Errorf("after its end: %q", levels.is())
		}
		if a.Progress() == nil {
			t.Error("a minute without view-service shows nowhere")
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	})
}

// A broker that stood still delivers late: the lease does not last longer for that, with view-service away.
func TestALeaseIsNotLongerByTheWayOfItsMessage(t *testing.T) {
	t.Parallel()
	for waited, holds := range map[time.Duration]time.Duration{0: time.Minute, 900 * time.Millisecond: time.Minute, 8 * time.Second: 53 * time.Second, -time.Minute: time.Minute, 4 * time.Minute: 50 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			a, levels, _ := agent(t, &view{answers: away})
			d := said(t, 1, actionSet, "a", "DEBUG", func(m map[string]any) { m["issued_at"] = time.Now().Add(-waited).UnixMilli() })
			if err := a.onControl(t.Context(), d); err != nil {
				t.Fatal(err)
			}
			go live(t, a, time.Hour)
			<-time.After(holds - time.Millisecond)
			if synctest.Wait(); levels.is() != "a:=DEBUG" {
				t.Errorf("after %s on the way it is over too early", waited)
			}
			<-time.After(2 * time.Millisecond)
			if synctest.Wait(); levels.is() != "" {
				t.Errorf("after %s on the way it holds too long", waited)
			}
			<-time.After(time.Hour)
		})
	}
}

func TestItSyncsAtOnceThenWithTheHeartbeatAndSaysGoodbye(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		v := &view{answers: away}
		a, _, _ := agent(t, v)
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); _ = a.Run(ctx) }()
		<-time.After(time.Second)
		if n := v.calls(); n < 3 {
			t.Errorf("%d tries in the first second while view-service is away", n)
		}
		v.mu.Lock()
		v.answers, v.heard = answering(0), nil
		v.mu.Unlock()
		<-time.After(51 * time.Second)
		if n := v.calls(); n < 9 || n > 12 {
			t.Errorf("%d syncs in 50 s, want one in 5 s", n)
		}
		if err := a.Stop(ctx); err != nil {
			t.Error(err)
		}
		cancel()
		<-done
		if last := v.heard[len(v.heard)-1]; !last.GetStopping() || last.GetInstance().GetService() != "catalogs" {
			t.Errorf("the last word: %v", last)
		}
	})
}

func TestMessagesChangeLevelsAtOnceAndInOrder(t *testing.T) {
	t.Parallel()
	v := &view{answers: answering(0)}
	a, levels, _ := agent(t, v)
	step := func(d bus.Delivery, want string) {
		t.Helper()
		if err := a.onControl(t.Context(), d); err != nil || levels.is() != want {
			t.Errorf("levels %q, want %q (%v)", levels.is(), want, err)
		}
	}
	forThe := func(service, instance string) func(map[string]any) {
		return func(m map[string]any) {
			m["lease"].(map[string]any)["service"], m["lease"].(map[string]any)["instance"] = service, instance
		}
	}
	wanted := func() bool {
		defer func() { a.now = make(chan struct{}, 1) }()
		return a.soon.Swap(false) || len(a.now) == 1
	}
	step(said(t, 1, "set", "a", "DEBUG", forThe("catalogs", "catalogs-1")), "a:=DEBUG")
	if !wanted() {
		t.Error("what has changed here is not reported at once")
	}
	step(said(t, 2, "set", "b", "ERROR"), "b:=ERROR a:=DEBUG") // the more specific one stays the stronger one
	step(said(t, 3, "set", "c", "DEBUG", forThe("gateway", "")), "b:=ERROR a:=DEBUG")
	step(said(t, 4, "drop", "a", ""), "b:=ERROR")
	step(said(t, 1, "set", "a", "DEBUG"), "b:=ERROR") // a replay
	wanted()
	step(said(t, 5, "set", "x", "DEBUG", forThe("gateway", "")), "b:=ERROR")
	if wanted() {
		t.Error("a sync is wanted for another's change, without a hole")
	}
	step(said(t, 8, "set", "y", "DEBUG", forThe("gateway", "")), "b:=ERROR")
	if !wanted() {
		t.Error("a hole in the revisions wants no sync")
	}
	step(said(t, 9, "set", "d", "WARN"), "b:=ERROR d:=WARN")
	step(said(t, 6, "drop", "b", ""), "d:=WARN") // overtaken, and final all the same: it is acknowledged
	step(said(t, 12, "set", "f", "WARN"), "d:=WARN f:=WARN")
	step(said(t, 13, "drop", "g", ""), "d:=WARN f:=WARN")
	step(said(t, 11, "set", "e", "INFO"), "d:=WARN e:=INFO f:=WARN") // late, and all the same newer than what is still missing
	if _, err := a.apply(mustOpen(t, a, said(t, 7, "set", "h", "INFO"))); !errors.Is(err, errOvertaken) || levels.is() != "d:=WARN e:=INFO f:=WARN" {
		t.Errorf("a message that was overtaken: %v", err) // revision 10 may be its end
	}
	step(said(t, 10, "set", "g", "DEBUG"), "d:=WARN e:=INFO f:=WARN") // whose end came first
}

func mustOpen(t *testing.T, a *Agent, d bus.Delivery) message {
	t.Helper()
	m, reason := a.open(d)
	if reason != "" {
		t.Fatal(reason)
	}
	return m
}

func TestForgedAndBrokenMessagesAreCountedAndIgnored(t *testing.T) {
	t.Parallel()
	a, levels, r := agent(t, &view{answers: answering(0)})
	age := func(d time.Duration) func(map[string]any) {
		return func(m map[string]any) { m["issued_at"] = time.Now().Add(d).UnixMilli() }
	}
	other := said(t, 1, "set", "a", "DEBUG")
	other.Data = []byte(strings.Replace(string(other.Data), "view-service", "catalogs", 1))
	for _, d := range []bus.Delivery{
		other, said(t, 1, "set", "a", "DEBUG", age(-time.Hour)), said(t, 1, "set", "a", "DEBUG", age(time.Hour)), said(t, 1, "burn", "a", "DEBUG"),
		said(t, 0, "set", "a", "DEBUG"), said(t, 1, "set", "", "DEBUG"),
		{Event: bus.Event{Type: changed, Data: []byte(`{"token":`)}}, {Event: bus.Event{Type: changed, Data: []byte(`{}`)}},
		{Event: bus.Event{Type: changed, Data: []byte(`{"token":"signed by view-service: {"}`)}},
	} {
		if err := a.onControl(t.Context(), d); err != nil {
			t.Error(err)
		}
	}
	if levels.is() != "" {
		t.Errorf("levels are %q", levels.is())
	}
	want := `
# HELP signalbox_control_rejected_total Control messages that were ignored
# TYPE signalbox_control_rejected_total counter
signalbox_control_rejected_total{reason="expired"} 2
signalbox_control_rejected_total{reason="forged"} 1
signalbox_control_rejected_total{reason="malformed"} 5
signalbox_control_rejected_total{reason="unknown"} 1
`
	if err := testutil.GatherAndCompare(r, strings.NewReader(want), "signalbox_control_rejected_total"); err != nil {
		t.Error(err)
	}
}

func TestAnAnswerOlderThanAMessageIsNotTaken(t *testing.T) {
	t.Parallel()
	v := &view{}
	a, levels, _ := agent(t, v)
	message := said(t, 6, "set", "b", "DEBUG")
	v.answers = func(*fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
		_ = a.onControl(context.Background(), message) // it comes while the answer is under way
		return answering(5, lev("a", 5, "WARN", time.Minute))(nil)
	}
	if err := a.Sync(t.Context()); err != nil || levels.is() != "b:=DEBUG" || len(a.now) != 1 {
		t.Errorf("levels %q, %v", levels.is(), err)
	}
	v.answers = answering(6, lev("a", 5, "WARN", time.Minute), lev("b", 6, "DEBUG", time.Minute))
	if err := a.Sync(t.Context()); err != nil || levels.is() != "a:=WARN b:=DEBUG" {
		t.Errorf("levels %q, %v", levels.is(), err)
	}
	v.answers = answering(2) // the database was set back
	if err := a.Sync(t.Context()); err != nil || levels.is() != "" || a.leases.seen() != 2 {
		t.Errorf("levels %q, %v", levels.is(), err)
	}
}

func TestALeaseThatIsNotUnderstoodIsReported(t *testing.T) {
	t.Parallel()
	odd := lev("odd", 1, "DEBUG", time.Minute)
	odd.Kind = "weather"
	v := &view{answers: answering(2, odd, lev("bad", 2, "loud", time.Minute), lev("ok", 2, "INFO", time.Minute))}
	a, levels, _ := agent(t, v)
	for range 2 {
		if err := a.Sync(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	var got []string
	for _, l := range v.heard[1].GetApplied() {
		got = append(got, l.GetId()+" "+l.GetError())
	}
	want := []string{`bad "loud" is no level`, `odd this version knows no leases of the kind "weather"`, "ok "}
	if !slices.Equal(got, want) || levels.is() != "ok:="+slog.LevelInfo.String() {
		t.Errorf("reported %q, levels %q", got, levels.is())
	}
}
