// Command signalbox is the platform in one binary: the whole mesh on one machine (up), single services (run), and
// the tool to operate a running mesh.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // schedules have time zones, and images have no zoneinfo

	"github.com/signalbox-mesh/signalbox/internal/cli"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

// version is set by the build: -ldflags "-X main.version=…".
var version = "devel"

func main() {
	guard.Maybe()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := cli.Main(ctx, cli.Process{
		Args: os.Args[1:], Environ: os.Environ(), Stdin: os.Stdin, Stdout: os.Stdout, Stderr: os.Stderr, Version: version,
	})
	stop()
	os.Exit(code)
}
