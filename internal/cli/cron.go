package cli

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/client"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

type cronCommand struct {
	meshFlags
	Name string `arg:"" help:"The schedule: NAME.WHAT, where NAME is what the program is called, as in shop.nightly."`
	Cron string `help:"A cron line of five or six fields." placeholder:"LINE"`
	timingFlags
	Deadline *duration `help:"How long the command may run; then it is ended. Of a new schedule: 1m." placeholder:"TIME"`
	Overlap  string    `enum:",allow,skip,buffer-one,buffer-all,cancel" default:"" help:"While the one before runs: allow, skip, buffer-one, buffer-all, or cancel that one. Of a new schedule: skip." placeholder:"POLICY"`
	Attempts *int      `help:"How often a due time is tried; 1: no retry." placeholder:"N"`
	Backoff  *duration `help:"Before the second attempt, doubled for each further one." placeholder:"TIME"`
	Payload  string    `help:"JSON that the command gets on its standard input." placeholder:"JSON"`
	Update   bool      `help:"Change a schedule that differs from what is asked for here."`
	Once     bool      `help:"End after one fire, with the command's exit code."`
	Instance string    `help:"Who takes the fires; else this host's name and the process's number." placeholder:"NAME"`

	Command []string `arg:"" passthrough:"" help:"What to run." placeholder:"-- COMMAND ARGS"`
}

func (cronCommand) Help() string {
	return `Runs a command whenever a schedule is due: as cron does, but with a ledger that says what ran, what came of it, and why something did
not. Any number may run, here and elsewhere, for one schedule: each due time goes to one of them. The schedule is made if there is none;
if it differs from what is asked for, --update changes it.

The command gets SIGNALBOX_FIRE_ID, SIGNALBOX_FIRE_SCHEDULE, SIGNALBOX_FIRE_DUE and SIGNALBOX_FIRE_ATTEMPT, and the payload on its standard
input. Exit code 0 is completed, with the last line of its output as the result; any other is failed, with the end of what it wrote to stderr, and
the scheduler decides about another attempt. At its deadline, when the fire is cancelled, and when this program is ended, its process
group gets SIGTERM and 5 s later SIGKILL. It runs at least once: SIGNALBOX_FIRE_ID is the same for all attempts. docs/time-consumers.md has the details.

Examples:
  signalbox cron shop.nightly --cron "0 2 * * *" --tz Europe/Berlin --deadline 1h -- ./nightly.sh --full
  signalbox cron shop.poll --every 5m --attempts 1 -- curl -fsS https://shop.example/poll
  signalbox cron shop.nightly --once -- ./nightly.sh
  signalbox cron shop.nightly --cron "30 2 * * *" --update -- ./nightly.sh`
}

// Run takes fires and runs the command for each, until ctx ends.
func (c *cronCommand) Run(ctx context.Context, p Process) error {
	if len(c.Command) > 0 && c.Command[0] == "--" {
		c.Command = c.Command[1:]
	}
	if len(c.Command) == 0 {
		return misuse("what is to run? `signalbox cron %s -- COMMAND`", c.Name)
	}
	if c.Instance == "" {
		host, _ := os.Hostname()
		c.Instance = host + "-" + strconv.Itoa(os.Getpid())
	}
	mesh, err := c.connect(p)
	if err != nil {
		return err
	}
	w := &cronWorker{cronCommand: c, mesh: mesh, p: p}
	if err := w.again(ctx, func() error { return w.ensure(ctx) }); err != nil {
		return orEnd(ctx, err)
	}
	w.say("waiting for fires of %s as %s", c.Name, c.Instance)
	for {
		f, err := w.take(ctx)
		if err != nil {
			return orEnd(ctx, err)
		}
		if f.ID == "" {
			continue
		}
		code, err := w.handle(ctx, f)
		if err != nil || ctx.Err() != nil {
			return orEnd(ctx, err)
		}
		if c.Once && code != exitOK {
			return exitCode(code)
		}
		if c.Once {
			return nil
		}
	}
}

// orEnd is nil when ctx is what ended it.
func orEnd(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// cronWorker takes fires of one schedule.
type cronWorker struct {
	*cronCommand
	mesh *client.Client
	p    Process
	away bool // the mesh did not answer last time
}

func (w *cronWorker) say(format string, args ...any) {
	fmt.Fprintf(w.p.Stderr, "signalbox: "+format+"\n", args...) //nolint:errcheck // there is nobody left to tell
}

// ensure has the schedule made, or changed where that is asked for. Programs that begin together all find none: one makes
// it, and the others look again.
func (w *cronWorker) ensure(ctx context.Context) (err error) {
	for range cronTries {
		var refused *client.Problem
		if err = w.save(ctx); !errors.As(err, &refused) || refused.Status != http.StatusConflict {
			return err
		}
	}
	return err
}

// save the schedule if it is not as asked for; a conflict when somebody else has changed it since it was looked at.
func (w *cronWorker) save(ctx context.Context) error {
	var now api.Schedule
	err := w.mesh.Do(ctx, http.MethodGet, schedulePath(w.Name), nil, nil, &now)
	isNew := missing(err)
	if err != nil && !isNew {
		return err
	}
	was := now.Spec
	if isNew {
		now = api.Schedule{}
		now.Overlap = timed.OverlapSkip
	}
	want := now.Spec
	want.Target, want.URL = timed.TargetPoll, ""
	if err := w.wanted(&want); err != nil {
		return err
	}
	fields := timed.SpecOf(want.Schedule(w.Name)).Differs(timed.SpecOf(was.Schedule(w.Name)))
	switch {
	case isNew && !w.timed():
		return misuse("there is no schedule %s; say when, as in --cron \"0 2 * * *\" or --every 15m", w.Name)
	case !isNew && len(fields) == 0:
		return nil
	case !isNew && !w.Update:
		return misuse("the schedule %s differs in %s; --update changes it, and without those flags it is taken as it is", w.Name, strings.Join(fields, ", "))
	}
	var saved api.Saved
	put := api.Put{Spec: want, Revision: &now.Revision, Note: "signalbox cron"}
	if err := w.mesh.Do(ctx, http.MethodPut, schedulePath(w.Name), nil, put, &saved); err != nil {
		return err
	}
	w.say("%s: %s", w.Name, printable(saved.Next.Text))
	return nil
}

// timed says whether the command line says when.
func (w *cronWorker) timed() bool {
	return w.Cron != "" || w.Every != nil || len(w.Calendar) > 0 || w.At != ""
}

func (w *cronWorker) wanted(s *api.Spec) error {
	if err := w.apply(w.Cron, s); err != nil {
		return err
	}
	policies := scheduleSave{Overlap: w.Overlap, Deadline: w.Deadline, Attempts: w.Attempts, Backoff: w.Backoff, Payload: w.Payload}
	return policies.policies(s)
}

// Bounds of the saving and of the waiting.
const (
	cronTries   = 5  // to save the schedule, while others do
	cronPoll    = 25 // seconds that a poll waits at the mesh
	cronFirst   = 500 * time.Millisecond
	cronSlowest = 30 * time.Second
)

// take waits for a fire; one without an id is none.
func (w *cronWorker) take(ctx context.Context) (f timed.Fire, err error) {
	err = w.again(ctx, func() error {
		f = timed.Fire{}
		return w.mesh.Do(ctx, http.MethodPost, schedulePath(w.Name)+"/take", nil, api.Take{Instance: w.Instance, WaitSeconds: cronPoll}, &f)
	})
	return f, err
}

// again tries until the mesh answers, for as long as ctx; that it does not is said once. What it refuses is an error.
func (w *cronWorker) again(ctx context.Context, ask func() error) error {
	for wait := cronFirst; ; wait = min(2*wait, cronSlowest) {
		err := ask()
		if err == nil || ctx.Err() != nil || !passes(err) {
			if err == nil && w.away {
				w.away = false
				w.say("the mesh answers again")
			}
			return err
		}
		if !w.away {
			w.away = true
			w.say("%s; trying again until it does", oneLine(err))
		}
		if err := pauseFor(ctx, wait/2+rand.N(wait)); err != nil {
			return err
		}
	}
}

// passes says whether an error is of the moment: the mesh is away, or has too much to do.
func passes(err error) bool {
	var refused *client.Problem
	var wrong usageError
	if errors.As(err, &wrong) {
		return false
	}
	return !errors.As(err, &refused) || refused.Status >= 500 || refused.Status == http.StatusTooManyRequests
}
