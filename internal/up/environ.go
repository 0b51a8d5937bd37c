package up

import (
	"strings"

	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// variables collects SIGNALBOX_* for the services. What an operator set for one service wins over ours; what is
// meant for `up` itself does not reach them.
type variables map[string]string

// ours are the settings of `up`: servers that exist already. Services get URLs of their own roles instead.
var ours = []string{"SIGNALBOX_POSTGRES_URL", "SIGNALBOX_POSTGRES_OWNER_URL", "SIGNALBOX_AMQP_URL"}

// set gives one service a setting.
func (v variables) set(service, name, value string) {
	v[settings.Prefix+strings.ToUpper(strings.ReplaceAll(service, "-", "_"))+"_"+name] = value
}

// environ overlays the operator's environment.
func (v variables) environ(operator []string) []string {
	var env []string
	for name, value := range v {
		env = append(env, name+"="+value)
	}
	for _, kv := range operator {
		name, _, _ := strings.Cut(kv, "=")
		if !isOurs(name) {
			env = append(env, kv)
		}
	}
	return env
}

func isOurs(name string) bool {
	for _, own := range ours {
		if name == own {
			return true
		}
	}
	return false
}
