// Package up runs the whole mesh on one machine: private servers, keys, every service, in order, and takes it down
// again in reverse.
package up

import (
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"

	"github.com/signalbox-mesh/signalbox/internal/house"
)

// Options are what the command line says.
type Options struct {
	State    string         // folder of the mesh; "": ./.signalbox
	Listen   string         // the gateway's address; "": 127.0.0.1:8080
	Bus      string         // auto, rabbitmq, inproc
	Split    bool           // each instance a process of its own
	Replicas map[string]int // with Split: instances of a service, default 1
	Jaeger   bool           // run a private Jaeger, and send all traces to it
	MTLS     bool           // private ports by mutual TLS, with certificates that are made for this run
	Demo     bool           // drive steady traffic with one recurring fault
	Environ  []string       // os.Environ()
	Out      io.Writer      // progress and the table, for people
	Version  string
}

// Defaults of the options.
const (
	DefaultState  = ".signalbox"
	DefaultListen = "127.0.0.1:8080"
)

// Check fills the defaults and finds what cannot work together.
func (o *Options) Check() error {
	if o.State == "" {
		o.State = DefaultState
	}
	if o.Listen == "" {
		o.Listen = DefaultListen
	}
	if _, _, err := net.SplitHostPort(o.Listen); err != nil {
		return fmt.Errorf("--listen %q: want HOST:PORT, as in %s", o.Listen, DefaultListen)
	}
	switch o.Bus {
	case "":
		o.Bus = busAuto
	case busAuto, busRabbitMQ, busInproc:
	default:
		return fmt.Errorf("--bus %q: want auto, rabbitmq or inproc", o.Bus)
	}
	if o.Bus == busInproc && o.Split {
		return fmt.Errorf("--split runs several processes, which an in-process bus cannot reach: use --bus rabbitmq")
	}
	if len(o.Replicas) > 0 && !o.Split {
		return fmt.Errorf("--replicas goes with --split")
	}
	for name, n := range o.Replicas {
		if _, err := house.Find(name); err != nil {
			return fmt.Errorf("--replicas: %w", err)
		}
		if n < 1 || n > 9 {
			return fmt.Errorf("--replicas %s=%d: want 1 to 9", name, n)
		}
		if name == "gateway" && n > 1 {
			return fmt.Errorf("--replicas gateway=%d: one gateway listens on --listen; want 1", n)
		}
	}
	return nil
}

const (
	busAuto     = "auto"
	busRabbitMQ = "rabbitmq"
	busInproc   = "inproc"
)

// ParseReplicas reads "scheduler=3,catalogs=2".
func ParseReplicas(text string) (map[string]int, error) {
	all := map[string]int{}
	for _, one := range strings.FieldsFunc(text, func(r rune) bool { return r == ',' }) {
		name, count, ok := strings.Cut(one, "=")
		n, err := strconv.Atoi(count)
		if !ok || err != nil {
			return nil, fmt.Errorf("--replicas %q: want NAME=COUNT[,NAME=COUNT]…", text)
		}
		all[name] = n
	}
	return all, nil
}
