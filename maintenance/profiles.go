package maintenance

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/profile"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	profilev1 "github.com/signalbox-mesh/signalbox/sidecar/contract/profile/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// ProfileKeeping is what an operator sets about how long, and how much of, captured profiles are kept.
type ProfileKeeping struct {
	ProfileRetention time.Duration `env:"PROFILE_RETENTION" envDefault:"168h" desc:"how long captured profiles are kept"`
	ProfileMaxSize   settings.Size `env:"PROFILE_MAX_SIZE" envDefault:"1GiB" desc:"what all of them together may have; the oldest goes first; 64MiB at least"`
}

// DefaultProfileKeeping is what holds without settings.
func DefaultProfileKeeping() ProfileKeeping {
	return ProfileKeeping{ProfileRetention: 7 * 24 * time.Hour, ProfileMaxSize: 1 << 30}
}

// leastProfiles is the room for one profile of the largest size, in bytes.
const leastProfiles = 64 << 20

func (k ProfileKeeping) wrong() (name, problem string) {
	switch {
	case k.ProfileRetention < time.Hour:
		return "PROFILE_RETENTION", "must be at least 1h"
	case k.ProfileMaxSize < leastProfiles:
		return "PROFILE_MAX_SIZE", "must be at least 64MiB"
	}
	return "", ""
}

// Wrong names the first setting that cannot be, without its prefix, and says why; "" when all can.
func (c Config) Wrong() (name, problem string) {
	if name, problem = c.Keeping.Wrong(); name != "" {
		return name, problem
	}
	if name, problem = c.ProfileKeeping.wrong(); name != "" {
		return name, problem
	}
	return c.Tracing.wrong()
}

// ProfileRetention is the timed event that drops profiles that are older than their retention.
func ProfileRetention() timed.Schedule {
	return timed.Schedule{Name: "maintenance.profiles", Every: time.Hour, Misfire: timed.MisfireOnce, Window: 24 * time.Hour, Deadline: 5 * time.Minute,
		Overlap: timed.OverlapSkip, Attempts: 3, Backoff: time.Minute}
}

// RetainProfiles handles the event. Doing it twice does nothing more.
func (m *Maintenance) RetainProfiles(ctx context.Context, _ pg.Tx, _ timed.Fire) error {
	keep := m.settings.Config.ProfileKeeping
	removed, left, err := m.store.RetainProfiles(ctx, time.Now().Add(-keep.ProfileRetention), int64(keep.ProfileMaxSize))
	if err != nil {
		return err
	}
	m.profiled.Set(float64(left.Bytes))
	if removed > 0 {
		m.settings.Logger.InfoContext(ctx, "profiles dropped", slog.Int64("profiles", removed), slog.Int64("bytes_left", left.Bytes))
	}
	return nil
}

// CountProfiles looks at what is kept, for the metric; the host has it done once at the start.
func (m *Maintenance) CountProfiles(ctx context.Context) error {
	left, err := m.store.ProfileTotals(ctx)
	if err == nil {
		m.profiled.Set(float64(left.Bytes))
	}
	return err
}

// registerProfiles puts what takes profiles on the private port.
func (m *Maintenance) registerProfiles() error {
	s := m.settings
	m.profiled = prometheus.NewGauge(prometheus.GaugeOpts{Name: "signalbox_profile_store_bytes",
		Help: "Bytes of the captured profiles that are kept, as last looked at"})
	s.Registerer.MustRegister(m.profiled)
	server := profile.NewServer(profile.Settings{Store: m.store, Caller: access.Caller, MaxBytes: int64(s.Config.ProfileMaxSize), Logger: s.Logger, Registerer: s.Registerer,
		Stored: func(ctx context.Context) {
			if err := m.CountProfiles(ctx); err != nil {
				s.Logger.WarnContext(ctx, "profiles are not counted", slog.Any("err", err))
			}
		}})
	err := s.RPC.RegisterWith(&profilev1.ProfileService_ServiceDesc, server, rpc.Registration{MaxMessage: profile.MaxMessage,
		Callers: map[string]rpc.Callers{"Begin": rpc.AnyService(), "Upload": rpc.AnyService()}})
	if err != nil {
		return fmt.Errorf("register the profiles: %w", err)
	}
	return nil
}
