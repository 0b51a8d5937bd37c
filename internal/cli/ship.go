package cli

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/follow"
	"github.com/signalbox-mesh/signalbox/internal/foreign"
	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/internal/intake"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/spool"
)

type shipCommand struct {
	State    string `env:"SIGNALBOX_STATE" default:"${state}" help:"State folder of the mesh that 'signalbox up' runs here; it keeps the spool and the places in files." placeholder:"DIR"`
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
	sender, err := c.sender(p, minimum)
	if err != nil {
		return err
	}
	defer func() {
		closing, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
		defer cancel()
		err = errors.Join(err, sender.Close(closing))
	}()
	if c.To == "" && len(c.peers().Resolve("view-service").RPC) == 0 {
		c.note(p, "no mesh runs in "+c.State+" now: the records wait in the spool until one does")
	}
	settings := intake.Settings{Sender: sender, Format: foreign.Format(c.Format), Stdin: p.Stdin, Stdout: p.Stdout, Stderr: p.Stderr, Restamp: c.Restamp, NoWait: c.NoWait, Command: c.Command}
	if c.File != "" {
		settings.File = &follow.Settings{Path: c.File, Cursor: c.cursor(), Follow: c.Follow, AtEnd: c.FromEnd, Again: c.Again}
	}
	shown := shipProgress{out: p.Stderr}
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

// sender opens the spool of the instance, or of the first one that nobody has.
func (c *shipCommand) sender(p Process, minimum slog.Level) (*intake.Sender, error) {
	key := c.Key
	if key == "" {
		key = filepath.Join(c.State, "keys", "up.pem")
	}
	s := intake.SenderSettings{Service: c.Service, Version: p.Version, Environment: "dev", Level: minimum, Began: time.Now(), Unhurried: len(c.Command) == 0,
		SignAs: c.SignAs, KeyFile: key, Peers: c.peers()}
	names := []string{c.Instance}
	if c.Instance == "" {
		names = nil
		for i := range 9 {
			names = append(names, c.Service+"-"+strconv.Itoa(i+1))
		}
	}
	var err error
	for _, s.Instance = range names {
		s.SpoolDir = c.spool(s.Instance)
		var one *intake.Sender
		if one, err = intake.NewSender(s); err == nil {
			return one, nil
		}
		if !errors.Is(err, spool.ErrHeld) {
			return nil, c.unusable(err)
		}
	}
	return nil, fmt.Errorf("another process ships as %s of %s: end it, or choose another --instance (%w)", s.Instance, c.Service, err)
}

func (c *shipCommand) unusable(err error) error {
	switch {
	case errors.Is(err, fs.ErrNotExist) && c.To == "":
		return fmt.Errorf("no mesh has run in %s: start one with `signalbox up`, name its folder with --state, or another one's port with --to (%w)", c.State, err)
	case errors.Is(err, fs.ErrPermission):
		return fmt.Errorf("the mesh in %s is another user's: call this as the one who started it (%w)", c.State, err)
	}
	return err
}

func (c *shipCommand) spool(instance string) string {
	return filepath.Join(c.State, "spool", c.Service, instance)
}

// cursor is the file that keeps the place: one for each file and service.
func (c *shipCommand) cursor() string {
	path, err := filepath.Abs(c.File)
	if err != nil {
		path = c.File
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(path))
	return filepath.Join(c.State, "ship", c.Service, fmt.Sprintf("%s-%016x.cursor", strings.Map(plainRune, filepath.Base(path)), h.Sum64()))
}

// plainRune keeps what needs no quotes in a shell.
func plainRune(r rune) rune {
	if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' || r == '_' {
		return r
	}
	return '_'
}

func (c *shipCommand) peers() peers.Resolver {
	if c.To != "" {
		return peers.Static{"view-service": {RPC: strings.Split(c.To, ",")}}
	}
	return meshPeers{c.State}
}

// meshPeers reads where the services are each time it is asked: a mesh that was started again has other ports.
type meshPeers struct{ state string }

// Resolve implements peers.Resolver.
func (m meshPeers) Resolve(service string) (p peers.Peer) {
	mesh, err := meshFlags{State: m.state}.mesh()
	if err != nil {
		return p // none runs now
	}
	for _, i := range mesh.Instances {
		if i.Service == service {
			p.HTTP, p.RPC = append(p.HTTP, i.Address), append(p.RPC, i.Private)
		}
	}
	return p
}

func (c *shipCommand) note(p Process, text string) {
	fmt.Fprintf(p.Stderr, "signalbox: %s\n", text) //nolint:errcheck // people may look away
}

// tell prints what became of the records. Some that are not in the store are an error, unless a command's exit code is asked for.
func (c *shipCommand) tell(p Process, sum intake.Summary) error {
	out := p.Stdout
	if len(c.Command) > 0 {
		out = p.Stderr // the other is the command's
	}
	if c.JSON {
		if err := printJSON(out, sum); err != nil {
			return err
		}
	} else if len(c.Command) == 0 || isTerminal(p.Stderr) {
		fmt.Fprintln(p.Stderr, summaryLine(sum)) //nolint:errcheck // people may look away
	}
	lost := 0
	for _, n := range sum.Dropped {
		lost += n
	}
	if lost > 0 {
		c.note(p, fmt.Sprintf("%d records are not in the store (%s)", lost, reasons(sum.Dropped))+c.refusal(sum))
	}
	if sum.Waiting != 0 && !c.JSON {
		c.note(p, fmt.Sprintf("%d records wait in %s: %s", sum.Waiting, c.spool(sum.Instance), c.resume(sum)))
	}
	switch {
	case sum.Exit != nil && *sum.Exit != 0:
		return exitCode(*sum.Exit)
	case sum.Exit == nil && (lost > 0 || sum.Waiting != 0 && !c.NoWait):
		return exitCode(exitFailed)
	}
	return nil
}

// refusal says why the store refused records, and what helps.
func (c *shipCommand) refusal(sum intake.Summary) string {
	switch {
	case sum.Refusal == "":
		return ""
	case strings.Contains(sum.Refusal, "retention"):
		return fmt.Sprintf(": %s; --restamp gives them the time of reading, SIGNALBOX_LOG_RETENTION keeps longer", sum.Refusal)
	}
	return fmt.Sprintf(": %s; they lie in %s", sum.Refusal, filepath.Join(c.spool(sum.Instance), "quarantine"))
}

// resume says how to send what is left.
func (c *shipCommand) resume(sum intake.Summary) string {
	if c.File != "" {
		return "the same command sends them and goes on in the file"
	}
	return fmt.Sprintf("the next run for %s sends them, as does `signalbox ship --service %s --state %s </dev/null`", sum.Service, sum.Service, c.State)
}

func reasons(dropped map[string]int) string {
	var all []string
	for reason, n := range dropped {
		all = append(all, fmt.Sprintf("%s %d", reason, n))
	}
	slices.Sort(all)
	return strings.Join(all, ", ")
}

func summaryLine(sum intake.Summary) string {
	var formats []string
	for name, n := range sum.Formats {
		formats = append(formats, fmt.Sprintf("%s %d", name, n))
	}
	slices.Sort(formats)
	line := fmt.Sprintf("shipped as %s: %d records, %s, in %.1f s (%.0f records/s)", sum.Service, sum.Records, bytesText(sum.Bytes), sum.Seconds, float64(sum.Records)/max(sum.Seconds, 1e-3))
	if len(formats) > 0 {
		line += ": " + strings.Join(formats, ", ")
	}
	return line
}

// shipProgress is one line that is written over and over.
type shipProgress struct {
	out   io.Writer
	began time.Time
	wide  int
}

func (s *shipProgress) show(p intake.Progress) {
	if s.began.IsZero() {
		s.began = time.Now()
	}
	line := fmt.Sprintf("%d records, %.0f/s, %s", p.Records, float64(p.Records)/max(time.Since(s.began).Seconds(), .5), bytesText(p.Bytes))
	if all := p.Bytes + p.Left; p.Left > 0 {
		line += fmt.Sprintf(", %d %% of the file", p.Bytes*100/all)
	}
	line += fmt.Sprintf(", %d wait in the spool", p.Waiting)
	if !p.Reached {
		line += ": view-service does not answer"
	} else if p.Draining {
		line += ": all is read"
	}
	fmt.Fprintf(s.out, "\r%-*s", s.wide, line) //nolint:errcheck // people may look away
	s.wide = len(line)
}

func (s *shipProgress) clear() {
	if s.wide > 0 {
		fmt.Fprintf(s.out, "\r%*s\r", s.wide, "") //nolint:errcheck // people may look away
	}
}

func bytesText(n int64) string {
	switch {
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
