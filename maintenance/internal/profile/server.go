package profile

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	profilev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/profile/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/profile"
)

// Store keeps profiles.
type Store interface {
	// BeginProfile makes room and a row, or finds the one that is there; what was announced otherwise and is not complete
	// begins anew. Errors: ErrLease, ErrTooMuch.
	BeginProfile(ctx context.Context, p Profile, maxBytes int64) (Begun, error)
	// OwnerOfProfile is the service that announced it. Errors: ErrUnknown.
	OwnerOfProfile(ctx context.Context, id string) (service string, err error)
	// AppendProfile adds a chunk. Errors: ErrOffset.
	AppendProfile(ctx context.Context, id string, offset int64, data []byte) error
	// CompleteProfile checks the sum of a profile that is there as a whole; complete is false when it is not yet, and fresh
	// is true for the one who completed it. Errors: ErrSum, and what was there is gone.
	CompleteProfile(ctx context.Context, id string) (p Profile, complete, fresh bool, err error)
}

// maxChunk bounds the data of one message, in bytes.
const maxChunk = 256 << 10

// MaxMessage is that of a message.
const MaxMessage = maxChunk + 1<<10

// Settings of a Server.
type Settings struct {
	Store      Store
	Caller     func(ctx context.Context) string // the verified name of the calling service
	MaxBytes   int64                            // of all that is kept
	Stored     func(ctx context.Context)        // called when a profile has become complete
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Server implements profile.v1.
type Server struct {
	profilev1.UnimplementedProfileServiceServer
	settings Settings
	stored   *prometheus.CounterVec
	bytes    prometheus.Counter
}

// NewServer makes the server and registers its metrics.
func NewServer(s Settings) *Server {
	out := &Server{settings: s,
		stored: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_profile_store_profiles_total",
			Help: "Profiles that instances have captured and this replica has stored"}, []string{"profile"}),
		bytes: prometheus.NewCounter(prometheus.CounterOpts{Name: "signalbox_profile_store_received_bytes_total",
			Help: "Bytes of profiles that this replica has received"})}
	for _, kind := range profile.Kinds() {
		out.stored.WithLabelValues(kind)
	}
	s.Registerer.MustRegister(out.stored, out.bytes)
	return out
}

// Begin implements profile.v1. Errors: PermissionDenied when an instance speaks for another service, InvalidArgument,
// NotFound without a lease, Unavailable while there is no database.
func (s *Server) Begin(ctx context.Context, r *profilev1.BeginRequest) (*profilev1.BeginResponse, error) {
	if caller := s.settings.Caller(ctx); caller != r.GetService() {
		return nil, status.Errorf(codes.PermissionDenied, "%s may not bring profiles of %s", caller, r.GetService())
	}
	p, err := s.announced(r)
	if err != nil {
		return nil, status.Error(codes.InvalidArgument, err.Error())
	}
	begun, err := s.settings.Store.BeginProfile(ctx, p, s.settings.MaxBytes)
	if err != nil {
		return nil, s.failed(ctx, err)
	}
	return &profilev1.BeginResponse{Id: begun.ID, Offset: begun.Stored, Complete: begun.Complete}, nil
}

func (s *Server) announced(r *profilev1.BeginRequest) (p Profile, err error) {
	switch {
	case uuid.Validate(r.GetLeaseId()) != nil || len(r.GetLeaseId()) != 36:
		return p, errors.New("the lease has no id")
	case r.GetInstance() == "" || len(r.GetInstance())+len(r.GetService()) > 512 || strings.ContainsRune(r.GetInstance(), 0):
		return p, errors.New("the instance has no name, or none that can be stored")
	case !slices.Contains(profile.Kinds(), r.GetProfile()):
		return p, fmt.Errorf("there is no profile %.40q", r.GetProfile())
	case r.GetSize() <= 0 || r.GetSize() > profile.MaxSize:
		return p, fmt.Errorf("a profile has 1 to %d bytes", profile.MaxSize)
	case len(r.GetSha256()) != sha256.Size:
		return p, errors.New("the profile has no SHA-256")
	case !r.GetFrom().IsValid() || !r.GetUntil().IsValid() || r.GetUntil().AsTime().Before(r.GetFrom().AsTime()):
		return p, errors.New("the profile has no time range")
	}
	id, err := uuid.NewV7()
	if err != nil {
		return p, fmt.Errorf("make the profile's id: %w", err)
	}
	return Profile{ID: id.String(), LeaseID: r.GetLeaseId(), Service: r.GetService(), Instance: r.GetInstance(), Kind: r.GetProfile(),
		From: r.GetFrom().AsTime(), Until: r.GetUntil().AsTime(), Size: r.GetSize(), SHA256: r.GetSha256(), Cut: r.GetCut()}, nil
}

// Upload implements profile.v1. Errors: as Begin's, and Aborted when the upload must begin again.
func (s *Server) Upload(stream profilev1.ProfileService_UploadServer) error {
	ctx := stream.Context()
	id := ""
	for {
		r, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if id == "" {
			if id, err = s.mine(ctx, r.GetId()); err != nil {
				return err
			}
		}
		if err := s.take(ctx, id, r); err != nil {
			return err
		}
	}
	if id == "" {
		return status.Error(codes.InvalidArgument, "the upload says not of what")
	}
	return s.complete(ctx, id, stream)
}

// mine is the id, if it is of a profile of the caller's.
func (s *Server) mine(ctx context.Context, id string) (string, error) {
	if uuid.Validate(id) != nil {
		return "", status.Error(codes.InvalidArgument, "the profile has no id")
	}
	owner, err := s.settings.Store.OwnerOfProfile(ctx, id)
	if err != nil {
		return "", s.failed(ctx, err)
	}
	if caller := s.settings.Caller(ctx); caller != owner {
		return "", status.Errorf(codes.PermissionDenied, "%s may not bring profiles of %s", caller, owner)
	}
	return id, nil
}

func (s *Server) take(ctx context.Context, id string, r *profilev1.UploadRequest) error {
	if len(r.GetData()) > maxChunk {
		return status.Errorf(codes.InvalidArgument, "a chunk has up to %d bytes", maxChunk)
	}
	if len(r.GetData()) == 0 {
		return nil
	}
	if err := s.settings.Store.AppendProfile(ctx, id, r.GetOffset(), r.GetData()); err != nil {
		return s.failed(ctx, err)
	}
	s.bytes.Add(float64(len(r.GetData())))
	return nil
}

func (s *Server) complete(ctx context.Context, id string, stream profilev1.ProfileService_UploadServer) error {
	p, complete, fresh, err := s.settings.Store.CompleteProfile(ctx, id)
	if err != nil {
		return s.failed(ctx, err)
	}
	if fresh {
		s.stored.WithLabelValues(p.Kind).Inc()
		s.settings.Logger.InfoContext(ctx, "profile stored", slog.String("of", p.Service), slog.String("of_instance", p.Instance), slog.String("profile", p.Kind),
			slog.Int64("bytes", p.Size), slog.String("lease_id", p.LeaseID))
		s.settings.Stored(ctx)
	}
	return stream.SendAndClose(&profilev1.UploadResponse{Complete: complete})
}

func (s *Server) failed(ctx context.Context, err error) error {
	code := codes.Unavailable
	switch {
	case errors.Is(err, ErrUnknown), errors.Is(err, ErrOffset), errors.Is(err, ErrSum):
		code = codes.Aborted // it begins again
	case errors.Is(err, ErrLease):
		code = codes.NotFound
	case errors.Is(err, ErrTooMuch):
		code = codes.InvalidArgument
	default:
		s.settings.Logger.DebugContext(ctx, "profile cannot be stored now", slog.Any("err", err))
		return status.Error(code, "profiles cannot be stored now")
	}
	return status.Error(code, err.Error())
}
