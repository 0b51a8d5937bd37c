package sidecar

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/fleet"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/logging"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
	"github.com/signalbox-mesh/signalbox/sidecar/trace"
)

// New wires everything and binds the listeners; it connects to nothing. An error is the operator's
// (*settings.Error) or a port taken, and leaves nothing held.
func New(ctx context.Context, c Config, set Settings) (_ *Sidecar, err error) {
	s := &Sidecar{config: c, settings: set, started: time.Now(), stopping: make(chan struct{}), stopped: make(chan struct{})}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.held.run(context.WithoutCancel(ctx)))
		}
	}()
	for _, wire := range []func(context.Context) error{
		s.wireNames, s.wireFlows, s.wireLogging, s.wireFailures, s.wireTracing, s.wireHealth, s.wireListeners, s.wirePrivate, s.wireAPI, s.wireOps,
		s.wireDatabase, s.wireBus, s.wireTimed, s.wireProfiles, s.wireFleet,
	} {
		if err := wire(ctx); err != nil {
			return nil, fmt.Errorf("start %s: %w", set.Service, err)
		}
	}
	return s, nil
}

func (s *Sidecar) wireNames(context.Context) error {
	if s.settings.Service == "" {
		return errors.New("a sidecar needs the name of its service (Settings.Service)")
	}
	if s.settings.Version == "" {
		s.settings.Version = buildVersion()
	}
	s.instance = s.config.Instance
	if s.instance == "" {
		s.instance = s.settings.Service + "-1"
	}
	if !namesInstance(s.instance) {
		return &settings.Error{Variable: settings.Variable(s.settings.Service, "INSTANCE"), Problem: fmt.Sprintf("%q is no name for an instance: want up to 63 letters, digits, dots and hyphens, as in %s-1", s.instance, s.settings.Service)}
	}
	s.registry = telemetry.NewRegistry(s.settings.Version)
	s.edges = telemetry.NewEdges(s.registry, s.settings.Service)
	s.peers = s.settings.Peers
	if s.peers == nil {
		listed, err := peers.Parse(s.config.Peers)
		if err != nil {
			return &settings.Error{Variable: "SIGNALBOX_PEERS", Problem: err.Error()}
		}
		s.peers = peers.Static(listed)
	}
	return nil
}

// namesInstance says whether name can be a folder, a queue and a label. A regular expression with this bound takes 50 KiB.
func namesInstance(name string) bool {
	if name == "" || len(name) > 63 {
		return false
	}
	for i, c := range []byte(name) {
		letter := 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
		if !letter && (i == 0 || c != '.' && c != '-') {
			return false
		}
	}
	return true
}

// buildVersion is what the Go toolchain stamped into the binary.
func buildVersion() string {
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == "" {
		return "devel"
	}
	return info.Main.Version
}

// leastSpool is the smallest spool, in bytes.
const leastSpool = 1 << 20

func (s *Sidecar) wireLogging(context.Context) error {
	spec, err := level.ParseSpec(s.config.LogLevel)
	if err != nil {
		return &settings.Error{Variable: "SIGNALBOX_LOG_LEVEL", Problem: err.Error()}
	}
	if s.config.SpoolLimit != 0 && s.config.SpoolLimit < leastSpool {
		return &settings.Error{Variable: settings.Variable(s.settings.Service, "SPOOL_LIMIT"), Problem: fmt.Sprintf("%s is too little to outlast anything; set %s at least, 256MiB is usual", s.config.SpoolLimit, settings.Size(leastSpool))}
	}
	if s.boxBase, err = s.boxBaseline(); err != nil {
		return err
	}
	s.levels = level.NewTable(spec)
	s.sources = level.NewSources(s.levels, fleet.Source, localSource)
	s.logs, err = logging.New(logging.Settings{
		Service: s.settings.Service, Instance: s.instance, Version: s.settings.Version, Environment: s.config.Environment,
		Levels: s.levels, Stderr: s.settings.Stderr, SpoolDir: s.spoolDir(), SpoolLimit: int64(s.config.SpoolLimit), Registerer: s.registry,
		RedactKeys: s.config.LogRedactKeys, Flows: s.flows, BlackBox: s.boxBase,
	})
	if errors.Is(err, logging.ErrRedactKeys) {
		return &settings.Error{Variable: settings.Variable(s.settings.Service, "LOG_REDACT_KEYS"), Problem: err.Error()}
	}
	if errors.Is(err, spool.ErrHeld) {
		return &settings.Error{Variable: settings.Variable(s.settings.Service, "INSTANCE"), Problem: fmt.Sprintf("another process is %s and holds %s; give each instance a name of its own", s.instance, s.spoolDir())}
	}
	if err != nil {
		return err
	}
	s.held.add("logs", s.logs.Close)
	s.log = s.Logger("sidecar")
	s.pipeline.log, s.workers.log = s.log, s.log
	return nil
}

// spoolDir is empty without a key: what cannot be shipped is not spooled.
func (s *Sidecar) spoolDir() string {
	if s.config.StateDir == "" || s.config.KeyFile == "" {
		return ""
	}
	return filepath.Join(s.config.StateDir, "spool", s.settings.Service, s.instance)
}

func (s *Sidecar) wireTracing(ctx context.Context) (err error) {
	s.tracing, err = trace.New(ctx, trace.Settings{
		Service: s.settings.Service, Instance: s.instance, Version: s.settings.Version, Environment: s.config.Environment,
		Exporters: s.config.TraceExporter, Endpoint: s.config.TraceEndpoint, Ratio: s.config.TraceRatio,
		Debugged: s.flows.Holds,
		Logger:   s.log, Registerer: s.registry,
	})
	if err != nil {
		return err
	}
	s.held.add("tracing", s.tracing.Shutdown)
	return nil
}

func (s *Sidecar) wireHealth(context.Context) error {
	s.health = health.New(health.Settings{
		Service: s.settings.Service, Instance: s.instance, Version: s.settings.Version, Registerer: s.registry, Logger: s.Logger("health"),
		Changed: s.tellFleet,
	})
	if s.spoolDir() != "" {
		s.health.Add(health.Check{Name: "log-pipeline", Node: "view-service", Run: func(context.Context) error { return s.logs.Progress() }})
	}
	return nil
}
