package cli

import (
	"context"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/internal/up"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

type upCommand struct {
	State    string `default:"${state}" env:"SIGNALBOX_STATE" help:"Folder that keeps the mesh between two runs." placeholder:"DIR"`
	Listen   string `default:"${listen}" help:"Address of the API; all other ports are chosen free." placeholder:"HOST:PORT"`
	Bus      string `default:"auto" enum:"auto,rabbitmq,inproc" help:"auto: RabbitMQ where it is installed, else in-process."`
	Split    bool   `help:"Run each instance as a process of its own."`
	Replicas string `help:"With --split: instances of a service." placeholder:"NAME=COUNT,…"`
	Jaeger   bool   `help:"Run a private Jaeger, which 'make jaeger' builds, and send all traces to it."`
	MTLS     bool   `name:"mtls" help:"Private ports by mutual TLS, with certificates of a CA that is made for this run."`
	Demo     bool   `help:"Drive steady traffic with one recurring fault, for a first look."`
}

func (upCommand) Help() string {
	return `Starts a private PostgreSQL and, where it is installed, a private RabbitMQ; then every service. Prints the table of services,
the API's address and where the admin's token lies, and the line "signalbox is ready". Ctrl-C stops everything in order; a second
run finds its data again.

Examples:
  signalbox up
  signalbox up --state /tmp/second --listen 127.0.0.1:8090     # beside the first
  signalbox up --split --replicas scheduler=3
  signalbox up --jaeger                                        # and a page with the traces
  SIGNALBOX_POSTGRES_URL=postgres://admin:…@db/postgres signalbox up`
}

// Run brings the mesh up and stays until it ends.
func (c *upCommand) Run(ctx context.Context, p Process) error {
	if err := settings.Unknown(p.Environ, house.Variables()); err != nil {
		return err
	}
	replicas, err := up.ParseReplicas(c.Replicas)
	if err != nil {
		return usageError{err}
	}
	options := up.Options{
		State: c.State, Listen: c.Listen, Bus: c.Bus, Split: c.Split, Replicas: replicas, Jaeger: c.Jaeger, MTLS: c.MTLS, Demo: c.Demo,
		Environ: p.Environ, Out: p.Stdout, Version: p.Version,
	}
	if err := options.Check(); err != nil {
		return usageError{err}
	}
	return up.Run(ctx, options)
}
