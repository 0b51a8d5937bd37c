package scheduler

import (
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Config is what an operator sets.
type Config struct {
	sidecar.Config
	Retention time.Duration `env:"RETENTION" envDefault:"720h" desc:"how long ended fires stay in the ledger"`
}

func (c Config) check() error {
	if c.Retention < time.Hour {
		return bad("RETENTION", "must be at least 1h")
	}
	return nil
}

func bad(name, problem string) error {
	return &settings.Error{Variable: settings.Variable(service, name), Problem: problem}
}
