package sidecar

import (
	"errors"

	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// FromEnv reads the configuration of a service that has no settings of its own, from SIGNALBOX_<NAME> and
// SIGNALBOX_<SERVICE>_<NAME>. A variable that is no setting is refused. Services with settings of their own embed
// Config and call settings.Load.
func FromEnv(service string, environ []string) (Config, error) {
	var c Config
	if err := settings.Unknown(environ, settings.Known(service, c)); err != nil {
		return c, err
	}
	return c, settings.Load(service, environ, &c)
}

// ExitCode is what a program should end with: 2 when the operator can mend it (a setting, a port taken), 1 otherwise.
func ExitCode(err error) int {
	var wrong *settings.Error
	switch {
	case err == nil:
		return 0
	case errors.As(err, &wrong):
		return 2
	default:
		return 1
	}
}
