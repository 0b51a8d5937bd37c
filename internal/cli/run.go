package cli

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"

	"golang.org/x/sync/errgroup"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

type runCommand struct {
	Names []string `arg:"" name:"name" help:"Services to run."`
}

func (runCommand) Help() string {
	return `Settings come from the environment (docs/settings.md). A server that cannot be reached leaves the service live, and down on
/hc with the cause; it recovers by itself. SIGUSR1 puts its logs at debug for a quarter of an hour, SIGUSR2 ends that.

Examples:
  signalbox run catalogs
  SIGNALBOX_HTTP_ADDR=:8080 SIGNALBOX_RPC_ADDR=:5001 signalbox run gateway`
}

// Run serves the named services until ctx ends; the first that fails ends all.
func (c *runCommand) Run(ctx context.Context, p Process) error {
	if err := settings.Unknown(p.Environ, house.Variables()); err != nil {
		return err
	}
	g, ctx := errgroup.WithContext(ctx)
	var made []house.Service
	for _, name := range c.Names {
		svc, err := build(ctx, p, name)
		if err != nil {
			return errors.Join(err, stopAll(ctx, made))
		}
		made = append(made, svc)
	}
	if err := crashOutput(p.Environ, c.Names[0], made[0]); err != nil {
		return errors.Join(err, stopAll(ctx, made))
	}
	defer house.Obey(made...)()
	for _, svc := range made {
		g.Go(func() error { return svc.Run(ctx) })
	}
	return g.Wait()
}

// crashOutput keeps what the runtime says when the process dies, in the first service's spool; its next start ships it.
func crashOutput(environ []string, name string, svc house.Service) error {
	var config sidecar.Config
	if err := settings.Load(name, environ, &config); err != nil {
		return err
	}
	if config.StateDir == "" || config.KeyFile == "" {
		return nil // nothing is shipped
	}
	return spool.CrashOutput(filepath.Join(config.StateDir, "spool", name, svc.Instance()))
}

func build(ctx context.Context, p Process, name string) (house.Service, error) {
	e, err := house.Find(name)
	if err != nil {
		return nil, usageError{err}
	}
	svc, err := e.New(ctx, p.Environ, sidecar.Settings{Version: p.Version, Stderr: p.Stderr})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return svc, nil
}

func stopAll(ctx context.Context, made []house.Service) error {
	var errs []error
	for _, svc := range made {
		errs = append(errs, svc.Stop(context.WithoutCancel(ctx)))
	}
	return errors.Join(errs...)
}
