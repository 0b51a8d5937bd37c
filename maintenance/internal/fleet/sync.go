package fleet

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"log/slog"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
)

// Store keeps what instances report.
type Store interface {
	// Heard stores the report, and answers with the leases in force and their revision, of one snapshot.
	Heard(ctx context.Context, r Report) (Answer, error)
}

// Watch hears every report too, also while the store is away. It does not block.
type Watch interface{ Hear(r Report) }

// Books are kept of what has happened to leases.
type Books interface {
	Count(all []lease.Noted)
	// Expire notes the leases whose time is over.
	Expire(ctx context.Context) error
}

// Server implements fleet.v1.
type Server struct {
	fleetv1.UnimplementedFleetServiceServer
	store  Store
	books  Books
	watch  Watch
	caller func(ctx context.Context) string
	log    *slog.Logger
	syncs  *prometheus.CounterVec
}

// NewServer makes the server; caller is the verified name of the calling service.
func NewServer(s Store, b Books, w Watch, caller func(ctx context.Context) string, log *slog.Logger, r prometheus.Registerer) *Server {
	syncs := prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_fleet_syncs_total",
		Help: "Reports of instances, by what became of them"}, []string{"result"})
	for _, result := range []string{"ok", "refused", "unavailable"} {
		syncs.WithLabelValues(result)
	}
	r.MustRegister(syncs)
	return &Server{store: s, books: b, watch: w, caller: caller, log: log, syncs: syncs}
}

// Sync takes one instance's report. Errors: PermissionDenied when it speaks for another service,
// InvalidArgument, Unavailable while there is no database.
func (s *Server) Sync(ctx context.Context, req *fleetv1.SyncRequest) (*fleetv1.SyncResponse, error) {
	if err := s.check(ctx, req.GetInstance()); err != nil {
		s.syncs.WithLabelValues("refused").Inc()
		return nil, err
	}
	r := report(req)
	s.watch.Hear(r)
	got, err := s.store.Heard(ctx, r)
	if err != nil {
		s.syncs.WithLabelValues("unavailable").Inc()
		return nil, status.Error(codes.Unavailable, "the fleet table cannot be written now")
	}
	s.syncs.WithLabelValues("ok").Inc()
	s.note(ctx, got)
	res := &fleetv1.SyncResponse{Revision: got.Revision, Heartbeat: durationpb.New(Heartbeat)}
	for _, l := range lease.Holding(got.Leases, req.GetInstance().GetService(), req.GetInstance().GetInstance()) {
		res.Leases = append(res.Leases, wire(l))
	}
	return res, nil
}

// note keeps the books; what fails here is done by the next Sync, or by the timed event.
func (s *Server) note(ctx context.Context, got Answer) {
	s.books.Count(got.Noted)
	if !got.Overdue {
		return
	}
	if err := s.books.Expire(ctx); err != nil {
		s.log.DebugContext(ctx, "leases that are over are not noted yet", slog.Any("err", err))
	}
}

// operator is who runs the mesh; it reports for the foreign services whose lines it ships.
const operator = "up"

func (s *Server) check(ctx context.Context, i *fleetv1.Instance) error {
	switch caller := s.caller(ctx); {
	case i.GetService() == "" || i.GetInstance() == "" || i.GetEpoch() == "":
		return status.Error(codes.InvalidArgument, "an instance has a service, a name and an epoch")
	case len(i.GetService())+len(i.GetInstance())+len(i.GetEpoch()) > 768:
		return status.Error(codes.InvalidArgument, "the instance's names are too long")
	case caller != i.GetService() && caller != operator:
		return status.Errorf(codes.PermissionDenied, "%s may not report for %s", caller, i.GetService())
	default:
		return nil
	}
}

func wire(l lease.Lease) *fleetv1.Lease {
	out := &fleetv1.Lease{Id: l.ID, Revision: l.Revision, Kind: l.Kind, Service: l.Service, Instance: l.Instance, Logger: l.Logger,
		Value: l.Value, Keep: l.Keep, Owner: l.OwnerName, Reason: l.Reason}
	if !l.Keep {
		out.Remaining = durationpb.New(l.Remaining)
	}
	if l.Budget != (lease.Budget{}) {
		out.Budget = &fleetv1.Budget{Lines: l.Budget.Lines, Bytes: l.Budget.Bytes}
	}
	return out
}

func report(req *fleetv1.SyncRequest) Report {
	i := req.GetInstance()
	r := Report{Stopping: req.GetStopping(), Loggers: loggers(req), Applied: applied(req), Rates: rates(req), Events: events(req),
		Settings: text(req.GetSettingsHash()), Sampling: Sampling{req.GetSamplingConfigured(), req.GetSamplingEffective()}, Instance: Instance{
			Service: text(i.GetService()), Instance: text(i.GetInstance()), Version: text(i.GetVersion()), Epoch: text(i.GetEpoch()), PID: i.GetPid(),
			PublicAddress: text(i.GetPublicAddress()), PrivateAddress: text(i.GetPrivateAddress()), Environment: text(i.GetEnvironment()),
			Health: text(req.GetHealth().GetStatus()), Revision: req.GetRevision(),
			Loggers: list(req.GetLoggers()), Applied: list(req.GetApplied()),
		}}
	r.Checks, r.Edges = checks(req), edges(req)
	r.Instance.Usage = usage(req.GetUsage())
	if at := req.GetHealth().GetSince(); at.IsValid() {
		r.Since = at.AsTime()
	}
	r.Instance.Checks = list(r.Checks)
	if at := i.GetStartedAt(); at.IsValid() {
		started := at.AsTime()
		r.Instance.StartedAt = &started
	}
	all := req.GetLedger()
	for _, l := range all[:min(len(all), maxClasses)] {
		// A goodbye does not close the epoch: more may be logged after it. Who says "closed" takes no more records.
		r.Ledgers = append(r.Ledgers, Ledger{Class: text(l.GetClass()), Issued: min(l.GetIssued(), 1<<62), Closed: l.GetClosed()})
	}
	// The order in which ingest locks them, too.
	slices.SortFunc(r.Ledgers, func(a, b Ledger) int { return cmp.Compare(a.Class, b.Class) })
	return r
}

// text is s as PostgreSQL takes it, of a name's length.
func text(s string) string { return clip(s, maxText) }

func clip(s string, most int) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s[:min(len(s), most)], "\uFFFD"), "\x00", "\uFFFD")
}

// list is the messages as a JSON array; the fields' names are those of the contract.
func list[T any](all []T) json.RawMessage {
	raw, err := json.Marshal(all)
	if err != nil || len(all) == 0 {
		return json.RawMessage("[]")
	}
	return bytes.ReplaceAll(raw, []byte(`\u0000`), []byte(`\ufffd`)) // which jsonb has no room for
}
