package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/follow"
	"github.com/signalbox-mesh/signalbox/internal/foreign"
	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/internal/intake"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
)

type shipCommand struct {
	meshFlags
	Service  string `required:"" help:"Name of the service that the lines are of." placeholder:"NAME"`
	Instance string `help:"Name of the instance; NAME-1, or the next one that is free, if none is given." placeholder:"NAME"`
	File     string `help:"Read a file, from where the last run stopped." placeholder:"PATH"`
	Follow   bool   `short:"f" help:"With --file: go on with what is written to it, through rotation."`
	FromEnd  bool   `help:"With --file: the first time, leave out what is there already."`
	Again    bool   `help:"With --file: send all of it, whether or not it was sent before."`
	Format   string `default:"auto" enum:"auto,json,logfmt,klog,syslog,access,nginx,apache,postgresql,rabbitmq,plain" help:"Format of the lines; auto looks at each."`
	Level    string `default:"debug-4" help:"Leave out what is below."`
	Restamp  bool   `help:"Give each record the time of reading, and keep its own as an attribute: for lines older than the store keeps any."`
	NoWait   bool   `help:"End when everything is in the spool; the next run ships what is left."`
	To       string `help:"Private port of view-service, where the mesh is not of --state." placeholder:"HOST:PORT"`
	Key      string `help:"With --to: the service key to sign with." placeholder:"FILE"`
	SignAs   string `default:"up" help:"With --to: whose key that is; 'up' may send for all services, others for themselves." placeholder:"NAME"`
	output

	Command []string `arg:"" optional:"" passthrough:"" help:"Run this, pass its output on, and ship it." placeholder:"-- COMMAND ARGS"`
}

func (shipCommand) Help() string {
	return `Reads the standard input, a file or the output of a command; tells time, level, message and fields of each line (JSON lines, logfmt, klog,
syslog, nginx, Apache, PostgreSQL, RabbitMQ, container logs, plain text with stack traces); and sends the records as every service's own
are: through a spool on disk that a kill -9 does not harm. It ends when the store has everything. Ctrl-C leaves the rest in the spool, and the
next run for the service sends it. A command's exit code becomes that of 'ship'. docs/shipping.md has the details.

Examples:
  signalbox ship --service shop -- ./shop --port 9000
  signalbox ship --service nginx --file /var/log/nginx/access.log --follow
  zcat app.log.*.gz | signalbox ship --service app
  kubectl logs -f deploy/shop | signalbox ship --service shop --format json
  signalbox ship --service shop --json --file shop.log | jq .records`
}

// Run ships until the source ends and the store has everything.
func (c *shipCommand) Run(ctx context.Context, p Process) (err error) {
	minimum, err := c.check()
	if err != nil {
		return err
	}
	if err := c.remote(p); err != nil {
		return err
	}
	sender, err := c.sender(p, minimum)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, sender.Close(closing))
	}()
	if c.URL == "" && c.To == "" && len(c.peers().Resolve("view-service").RPC) == 0 {
		c.note(p, "no mesh runs in "+c.State+" now: the records wait in the spool until one does")
	}
	settings := intake.Settings{Sender: sender, Format: foreign.Format(c.Format), Stdin: p.Stdin, Stdout: p.Stdout, Stderr: p.Stderr, Restamp: c.Restamp, NoWait: c.NoWait, Command: c.Command,
		Note: func(err error) { c.note(p, "the records wait in the spool: "+oneLine(err)+c.mend(err)) }}
	if c.File != "" {
		settings.File = &follow.Settings{Path: c.File, Cursor: c.cursor(), Follow: c.Follow, AtEnd: c.FromEnd, Again: c.Again}
	}
	defer outliveReaders()()
	shown := shipProgress{out: p.Stderr, cells: screenOf(p.Stderr, p.Environ).cells}
	if isTerminal(p.Stderr) && !c.JSON && len(c.Command) == 0 {
		settings.Progress = shown.show
	}
	if len(c.Command) > 0 {
		signals := make(chan os.Signal, 8)
		signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT, syscall.SIGUSR1, syscall.SIGUSR2)
		defer signal.Stop(signals)
		settings.Signals = signals
	}
	sum, err := intake.Run(ctx, settings)
	shown.clear()
	if sum.Service == "" {
		return err
	}
	if err != nil {
		c.note(p, oneLine(err))
		sum.Exit = orCode(sum.Exit, exitFailed)
	}
	return c.tell(p, sum)
}

// outliveReaders makes a write to a pipe that nobody reads any more an error, until the returned end: by itself it would end the
// process, and with it the command whose output goes there too.
func outliveReaders() (end func()) {
	ignored := make(chan os.Signal, 1) // not signal.Ignore, which a command would inherit
	signal.Notify(ignored, syscall.SIGPIPE)
	return func() { signal.Stop(ignored) }
}

// orCode is the command's code, or the other where there is none.
func orCode(code *int, other int) *int {
	if code == nil {
		return &other
	}
	return code
}

// check finds what cannot work together, and reads the level.
func (c *shipCommand) check() (slog.Level, error) {
	if len(c.Command) > 0 && c.Command[0] == "--" {
		c.Command = c.Command[1:]
	}
	minimum, err := level.Parse(c.Level)
	switch {
	case err != nil:
		return 0, usageError{fmt.Errorf("--level: %w", err)}
	case !isLabel(c.Service):
		return 0, misuse("--service %q: want lower-case letters, digits and dashes, 63 at most", c.Service)
	case c.Instance != "" && (!isLabel(c.Instance)):
		return 0, misuse("--instance %q: want lower-case letters, digits and dashes, 63 at most", c.Instance)
	case slices.Contains(house.Names(), c.Service), slices.Contains([]string{"up", "postgresql", "rabbitmq"}, c.Service) && c.To == "":
		return 0, misuse("--service %s: it ships its own lines; choose another name", c.Service)
	case c.File != "" && len(c.Command) > 0:
		return 0, misuse("either --file or a command: one source a run")
	case c.File == "" && (c.Follow || c.FromEnd || c.Again):
		return 0, misuse("--follow, --from-end and --again go with --file")
	case c.To != "" && (c.URL != "" || c.Context != ""):
		return 0, misuse("either --to or --url or --context: one mesh a run")
	case c.To != "" && c.Key == "":
		return 0, misuse("--to needs --key: the key file of a service that the mesh trusts (STATE/keys/up.pem of the mesh, or the service's own with --sign-as)")
	case c.To == "" && c.Key != "":
		return 0, misuse("--key goes with --to")
	}
	return minimum, nil
}

// isLabel: what becomes a folder's and a service's name.
func isLabel(s string) bool {
	return s != "" && len(s) <= 63 && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == "" && s[0] != '-'
}
