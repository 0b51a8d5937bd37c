package scheduler

import (
	"time"

	"github.com/signalbox-mesh/signalbox/services/scheduler/internal/httptarget"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Config is what an operator sets.
type Config struct {
	sidecar.Config
	Retention   time.Duration `env:"RETENTION" envDefault:"720h" desc:"how long ended fires stay in the ledger"`
	HTTPTargets []string      `env:"HTTP_TARGETS" desc:"hosts that schedules with target http may call, by comma: host, *.host, host:port; addresses and networks for what is not public. None: there is no target http"`
}

func (c Config) check() error {
	if c.Retention < time.Hour {
		return bad("RETENTION", "must be at least 1h")
	}
	if _, err := httptarget.Parse(c.HTTPTargets); err != nil {
		return bad("HTTP_TARGETS", err.Error())
	}
	return nil
}

func bad(name, problem string) error {
	return &settings.Error{Variable: settings.Variable(service, name), Problem: problem}
}
