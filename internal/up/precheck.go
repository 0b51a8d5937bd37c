package up

import (
	"fmt"
	"net"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/internal/servers/jaeger"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// precheck finds what is written wrongly before anything is started: servers take seconds, a mistake should not.
func precheck(o Options) error {
	for _, e := range house.Entries() {
		if err := settings.Load(e.Name, o.Environ, e.Config()); err != nil {
			return err
		}
	}
	if o.Jaeger {
		if _, err := jaeger.New(jaeger.Settings{}); err != nil {
			return fmt.Errorf("--jaeger: %w", err)
		}
	}
	ln, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return &settings.Error{Variable: "--listen", Problem: fmt.Sprintf("cannot listen on %s: %v; choose a free address, as in --listen 127.0.0.1:8090", o.Listen, err)}
	}
	return ln.Close()
}
