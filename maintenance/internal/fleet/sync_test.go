package fleet

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/timestamppb"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
)

type memory struct {
	heard  Report
	told   []Report // whoever watches
	leases []lease.Lease
	err    error

	overdue bool
	expired int
}

func (m *memory) Heard(_ context.Context, r Report) (Answer, error) {
	m.heard = r
	return Answer{Leases: m.leases, Revision: 7, Overdue: m.overdue}, m.err
}

func (m *memory) Hear(r Report) { m.told = append(m.told, r) }

func (m *memory) Count([]lease.Noted) {}

func (m *memory) Expire(context.Context) error {
	m.expired++
	return nil
}

func sync(t *testing.T, m *memory, req *fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
	t.Helper()
	req.Instance = &fleetv1.Instance{Service: "catalogs", Instance: "catalogs-1", Epoch: "e"}
	s := NewServer(m, m, m, func(context.Context) string { return "catalogs" }, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
	return s.Sync(t.Context(), req)
}

// A goodbye after which more may be logged closes nothing.
func TestTheLastWordClosesTheEpoch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ stopping, closed bool }{{false, false}, {true, false}, {true, true}} {
		m := &memory{}
		if _, err := sync(t, m, &fleetv1.SyncRequest{Stopping: c.stopping, Ledger: []*fleetv1.Ledger{{Class: "info", Issued: 9, Closed: c.closed}}}); err != nil {
			t.Fatal(err)
		}
		if m.heard.Stopping != c.stopping || len(m.heard.Ledgers) != 1 || m.heard.Ledgers[0] != (Ledger{"info", 9, c.closed}) {
			t.Errorf("%+v: %+v", c, m.heard)
		}
	}
}

// A service speaks for itself; whoever runs the mesh speaks for the foreign ones whose lines it ships, too.
func TestWhoMayReportForWhom(t *testing.T) {
	t.Parallel()
	for caller, want := range map[string]codes.Code{"shop": codes.OK, "up": codes.OK, "catalogs": codes.PermissionDenied, "": codes.PermissionDenied} {
		s := NewServer(&memory{}, &memory{}, &memory{}, func(context.Context) string { return caller }, slog.New(slog.DiscardHandler), prometheus.NewRegistry())
		_, err := s.Sync(t.Context(), &fleetv1.SyncRequest{Instance: &fleetv1.Instance{Service: "shop", Instance: "shop-1", Epoch: "e"}})
		if status.Code(err) != want {
			t.Errorf("%q for shop: %v, want %v", caller, err, want)
		}
	}
}

func TestLeasesComeInOrderOfPrecedence(t *testing.T) {
	t.Parallel()
	m := &memory{leases: []lease.Lease{
		{ID: "mine", Revision: 1, Service: "catalogs", Instance: "catalogs-1", Remaining: time.Minute}, {ID: "all", Revision: 2},
		{ID: "other", Revision: 3, Service: "gateway"}, {ID: "old", Revision: 4, Service: "catalogs"}, {ID: "new", Revision: 5, Service: "catalogs"},
	}}
	res, err := sync(t, m, &fleetv1.SyncRequest{})
	if err != nil || res.GetRevision() != 7 || res.GetHeartbeat().AsDuration() != Heartbeat {
		t.Fatal(res, err)
	}
	got := ""
	for _, l := range res.GetLeases() {
		got += l.GetId() + " "
	}
	if got != "all old new mine " || res.GetLeases()[3].GetRemaining().AsDuration() != time.Minute {
		t.Errorf("leases %s", got)
	}
}

func TestWithoutADatabaseItSaysSo(t *testing.T) {
	t.Parallel()
	_, err := sync(t, &memory{err: errors.New("postgres://user:secret@host is down")}, &fleetv1.SyncRequest{})
	if status.Code(err) != codes.Unavailable || status.Convert(err).Message() != "the fleet table cannot be written now" {
		t.Errorf("%v", err)
	}
}

func TestWhatAnInstanceSaysIsMadeStorable(t *testing.T) {
	t.Parallel()
	m := &memory{}
	req := &fleetv1.SyncRequest{Health: &fleetv1.Health{Status: "u\x00p", Checks: []*fleetv1.Check{{Name: "a\x00b"}}},
		Loggers: []*fleetv1.Logger{{Name: "", Effective: "INFO", LeaseId: "x"}}, Ledger: make([]*fleetv1.Ledger, 100)}
	if _, err := sync(t, m, req); err != nil {
		t.Fatal(err)
	}
	i := m.heard.Instance
	if i.Health != "u\uFFFDp" || string(i.Checks) != "[{\"name\":\"a\uFFFDb\"}]" || string(i.Loggers) != `[{"effective":"INFO","lease_id":"x"}]` || len(m.heard.Ledgers) != 16 {
		t.Errorf("%+v", m.heard)
	}
}

func TestWhatIsOverIsNotedAtOnce(t *testing.T) {
	t.Parallel()
	m := &memory{overdue: true, leases: []lease.Lease{{ID: "kept", Keep: true, Budget: lease.Budget{Lines: 5, Bytes: 6}}}}
	res, err := sync(t, m, &fleetv1.SyncRequest{})
	if err != nil || m.expired != 1 {
		t.Fatalf("expired %d times, %v", m.expired, err)
	}
	if l := res.GetLeases()[0]; !l.GetKeep() || l.GetRemaining() != nil || l.GetBudget().GetLines() != 5 || l.GetBudget().GetBytes() != 6 {
		t.Errorf("a kept lease with a budget: %v", l)
	}
}

func TestWhatAReportMayHold(t *testing.T) {
	t.Parallel()
	id := "0198c0de-0000-7000-8000-000000000001"
	m := &memory{}
	_, err := sync(t, m, &fleetv1.SyncRequest{
		Applied: []*fleetv1.AppliedLease{{Id: id, Spent: true}, {Id: "local-1"}},
		Suppressed: []*fleetv1.Suppressed{{Logger: "a\x00", Level: -4, LinesPerSecond: 2, BytesPerSecond: 3}, {LinesPerSecond: math.NaN()}, {BytesPerSecond: math.Inf(1)},
			{LinesPerSecond: -1}},
		Events: []*fleetv1.LeaseEvent{{Id: id, What: "expired", At: timestamppb.New(time.Now().Add(48 * time.Hour))}, {Id: "no id"}, {Id: id, Detail: strings.Repeat("ü", 400)}},
	})
	h := m.heard
	if err != nil || len(h.Applied) != 1 || !h.Applied[0].Spent || len(h.Rates) != 1 || h.Rates[0].Logger != "a\uFFFD" || h.Rates[0].Lines != 2 || len(h.Events) != 2 {
		t.Fatalf("%+v, %v", h, err)
	}
	if time.Until(h.Events[0].At) > time.Minute || h.Events[0].Instance != "catalogs-1" || len(h.Events[1].Detail) > maxSaid || !utf8.ValidString(h.Events[1].Detail) {
		t.Errorf("%+v", h.Events)
	}
}

// What an instance sees of others is taken over as it is bounded, and told also while the store is away.
func TestEdgesAndChecksAreTold(t *testing.T) {
	t.Parallel()
	began := time.Now().Add(-time.Minute).UTC()
	req := &fleetv1.SyncRequest{
		Health: &fleetv1.Health{Status: "down", Checks: []*fleetv1.Check{{Name: "postgres-catalogs", Status: "down", Error: "refused\x00", Node: "postgresql", Weight: "down",
			Since: timestamppb.New(began)}, {Name: "bus", Status: "up"}}},
		Edges: []*fleetv1.Edge{{Source: "catalogs", Destination: "postgresql", Protocol: "postgresql", Calls: make([]uint64, 1000), Errors: 3, Open: true},
			{Source: "browser", Destination: "catalogs", Protocol: "http"}, {Source: "gateway", Destination: "identity", Protocol: "http"},
			{Source: "catalogs", Destination: "x", Seconds: math.NaN()}},
	}
	for range 1000 {
		req.Edges = append(req.Edges, &fleetv1.Edge{Source: "catalogs", Destination: strings.Repeat("x", 1000)})
	}
	m := &memory{err: errors.New("away")}
	if _, err := sync(t, m, req); err == nil || len(m.told) != 1 {
		t.Fatalf("%v, told %d times", err, len(m.told))
	}
	r := m.told[0]
	if c := r.Checks; len(c) != 2 || c[0].Node != "postgresql" || !c[0].Since.Equal(began) || c[0].Error != "refused\uFFFD" || !c[1].Since.IsZero() {
		t.Errorf("%+v", c)
	}
	if e := r.Edges; len(e) > maxEdges || e[0].Errors != 3 || !e[0].Open || len(e[0].Calls) != maxBounds || e[1].Source != "browser" || len(e[2].Destination) != maxText {
		t.Errorf("%d edges, the first %+v", len(e), e[0])
	}
	if raw := string(r.Instance.Checks); !strings.Contains(raw, `"node":"postgresql"`) || strings.Contains(raw, "seconds") {
		t.Error(raw)
	}
}
