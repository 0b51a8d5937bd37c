// Package cli is the command line: it parses, calls down, and prints for people or, with --json, for programs.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/signalbox-mesh/signalbox/internal/client"
	"github.com/signalbox-mesh/signalbox/internal/up"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Process is what the program was started with.
type Process struct {
	Args           []string
	Environ        []string
	Stdin          io.Reader
	Stdout, Stderr io.Writer
	Version        string
	Clock          func() time.Time // nil: time.Now
}

func (p Process) now() time.Time {
	if p.Clock == nil {
		return time.Now()
	}
	return p.Clock()
}

// Exit codes.
const (
	exitOK      = 0
	exitFailed  = 1
	exitMisused = 2 // the command line or a setting is wrong; nothing was started
)

type commands struct {
	Up       upCommand       `cmd:"" help:"Run the whole mesh on this machine, with private servers where none are given."`
	Run      runCommand      `cmd:"" help:"Run the named services alone, as a container does."`
	Migrate  migrateCommand  `cmd:"" help:"Bring schemas up to date, and make database, roles and schemas with --bootstrap."`
	Studio   studioCommand   `cmd:"" help:"Print a link that signs you in to the studio, the pages on which people operate the mesh."`
	Ps       psCommand       `cmd:"" help:"List the running instances."`
	Mesh     meshCommand     `cmd:"" help:"Change how services call each other, for a time: deadlines, retries, breakers; or faults, to see what holds."`
	Topology topologyCommand `cmd:"" help:"Show the nodes of the mesh and what passes between them."`
	Causes   causesCommand   `cmd:"" help:"Name what explains all that fails."`
	Logs     logsCommand     `cmd:"" help:"Search the log store, or follow it."`
	Trace    traceCommand    `cmd:"" help:"Show a trace: the tree of its spans, and its log records between them."`
	Ship     shipCommand     `cmd:"" help:"Bring the log lines of another program into the store: standard input, a file, or a command."`
	Level    levelCommand    `cmd:"" help:"Read and change log levels of running services."`
	Lease    leaseCommand    `cmd:"" help:"List what is changed in the mesh, by whom and for how long."`
	Audit    auditCommand    `cmd:"" help:"List who changed what, and what became of it."`
	Debug    debugCommand    `cmd:"" help:"Have some requests alone log at DEBUG, in every service that they touch."`
	Profile  profileCommand  `cmd:"" help:"Capture a profile of running instances."`
	Window   windowCommand   `cmd:"" help:"Take a service out of service for a time."`
	Sizing   sizingCommand   `cmd:"" help:"Reckon what a log of so many records takes: disk, WAL and CPU."`
	Schedule scheduleCommand `cmd:"" help:"See and steer timed events."`
	Cron     cronCommand     `cmd:"" help:"Run a command whenever a schedule is due, and report what came of it."`
	Token    tokenCommand    `cmd:"" help:"Get a token for a program that is no service of the mesh."`
	Doctor   doctorCommand   `cmd:"" help:"Tell what is missing or wrong here, and the command that mends it."`
	Context  contextCommand  `cmd:"" help:"Name remote meshes, and choose one."`

	Completion completionCommand `cmd:"" help:"Print the completion script of a shell."`
	Version    versionCommand    `cmd:"" help:"Print the version."`
	Complete   completeCommand   `cmd:"" name:"__complete" hidden:"" passthrough:""`
}

// Main parses and runs one command; the result is the program's exit code.
func Main(ctx context.Context, p Process) int {
	var c commands
	code := exitOK
	exited := false
	parser, err := kong.New(&c,
		kong.Name("signalbox"),
		kong.Description("A mesh of services that each carry the same sidecar. `signalbox COMMAND --help` shows examples."),
		kong.Writers(p.Stdout, p.Stderr),
		kong.Exit(func(n int) { code, exited = n, true }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(p),
		kong.Vars{"state": up.DefaultState, "listen": up.DefaultListen},
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, NoExpandSubcommands: true}),
	)
	if err != nil {
		return fail(p, fmt.Errorf("command line: %w", err))
	}
	call, err := parser.Parse(negations(p.Args))
	if exited { // --help
		return code
	}
	if err != nil {
		fmt.Fprintf(p.Stderr, "signalbox: %v; see %s --help\n", err, misread(err)) //nolint:errcheck // there is nobody left to tell
		return exitMisused
	}
	if err := call.Run(); err != nil {
		return fail(p, err)
	}
	return exitOK
}

// misread is the command that a command line got as far as.
func misread(err error) string {
	var parse *kong.ParseError
	if errors.As(err, &parse) && parse.Context != nil && parse.Context.Selected() != nil {
		return parse.Context.Selected().FullPath()
	}
	return "signalbox"
}

// fail prints one sentence, and below it a query with its place if that is what is wrong; what the operator set wrongly ends with 2.
func fail(p Process, err error) int {
	var own exitCode
	if errors.As(err, &own) {
		return int(own)
	}
	fmt.Fprintf(p.Stderr, "signalbox: %s\n%s", oneLine(err), below(err)) //nolint:errcheck // there is nobody left to tell
	var wrong *settings.Error
	var misuse usageError
	var refused *client.Problem
	if errors.As(err, &wrong) || errors.As(err, &misuse) || errors.As(err, &refused) && refused.Status == http.StatusBadRequest {
		return exitMisused
	}
	return exitFailed
}

// oneLine joins what libraries and several causes write on lines of their own; a line that comes twice is there once.
func oneLine(err error) string {
	var parts []string
	for line := range strings.Lines(err.Error()) {
		if part := strings.TrimSpace(line); part != "" && !slices.Contains(parts, part) {
			parts = append(parts, part)
		}
	}
	return strings.ReplaceAll(strings.Join(parts, "; "), ":; ", ": ")
}

// usageError is a mistake on the command line that the parser cannot see.
type usageError struct{ error }

func misuse(format string, args ...any) error { return usageError{fmt.Errorf(format, args...)} }
