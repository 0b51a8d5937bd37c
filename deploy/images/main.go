// Command images builds the container images of all services, for amd64 and arm64, without a daemon and on no base image:
// the static binary, root certificates, two files that name its user, and a list of what it is made of (SBOM). All images
// share their layers and differ in their config alone: name, entry point, labels. `make images` runs it; docs/images.md.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	err := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "images:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) error {
	flags := flag.NewFlagSet("images", flag.ContinueOnError)
	flags.SetOutput(stderr)
	b := build{Progress: stderr}
	flags.StringVar(&b.Source, "source", ".", "the repository, a `folder`")
	flags.StringVar(&b.Out, "out", "dist/images", "the `folder` for the OCI layout and the tarballs; what was there of them is replaced")
	flags.StringVar(&b.Registry, "registry", "", "what stands before the images' names, as `registry.example.com/team`; empty: nothing")
	flags.StringVar(&b.Version, "version", "devel", "the images' tag, and what the program says it is")
	platforms := flags.String("arch", "amd64,arm64", "architectures of Linux")
	flags.Usage = func() {
		fmt.Fprint(stderr, "Builds the images of all services.\n\n  go run ./deploy/images --version v1.2.3 --registry registry.example.com/team\n\n")
		flags.PrintDefaults()
	}
	if err := flags.Parse(args); err != nil {
		return err
	}
	b.Architectures = strings.Split(*platforms, ",")
	made, err := b.run(ctx)
	if err != nil {
		return err
	}
	for _, m := range made {
		fmt.Fprintf(stdout, "%s@%s\n", m.Name, m.Digest)
	}
	return nil
}
