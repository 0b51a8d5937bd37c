package viewservice

import (
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Maintenance is the part of the settings that the hosted library has.
type Maintenance = maintenance.Config

// Config is what an operator sets.
type Config struct {
	sidecar.Config
	LogsURL      string `env:"LOGS_POSTGRES_URL" secret:"true" desc:"database of the log store (schema maintenance), working role; default: POSTGRES_URL"`
	LogsOwnerURL string `env:"LOGS_POSTGRES_OWNER_URL" secret:"true" desc:"the same for the owning role, for migrations; default: LOGS_POSTGRES_URL"`
	Maintenance
}

func (c Config) check() error {
	if name, problem := c.Wrong(); name != "" {
		return bad(name, problem)
	}
	switch m := c.Maintenance; {
	case m.LeaseMaxTTL < time.Second || m.LeaseTTL < time.Second || m.LeaseTTL > m.LeaseMaxTTL:
		return bad("LEASE_TTL", "must be at least 1s and at most LEASE_MAX_TTL")
	case m.Queue < 1000:
		return bad("LOG_QUEUE", "must be at least 1000")
	case m.Quota < 0:
		return bad("LOG_QUOTA", "must be at least 0")
	case m.MaxTails < 1:
		return bad("LOG_MAX_TAILS", "must be at least 1")
	}
	return nil
}

func bad(name, problem string) error {
	return &settings.Error{Variable: settings.Variable(service, name), Problem: problem}
}
