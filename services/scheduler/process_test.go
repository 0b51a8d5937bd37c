package scheduler_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// childConfig in the environment makes the test binary a scheduler of its own process.
const childConfig = "SCHEDULER_TEST_CHILD"

func TestMain(m *testing.M) {
	if text := os.Getenv(childConfig); text != "" {
		if err := child(text); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(guard.TestMain(m))
}

// child runs a scheduler until its standard input ends, as it does when the parent dies.
func child(text string) error {
	var c scheduler.Config
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(context.Background())
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	s, err := scheduler.New(ctx, c, sidecar.Settings{Verifier: meshtest.People{}})
	if err != nil {
		return err
	}
	return s.Run(ctx)
}

// process is a scheduler in a process of its own.
type process struct {
	*exec.Cmd
	instance string
	log      *meshtest.Log
	ended    chan error
}

func (m *mesh) process(t testing.TB, instance string) *process {
	t.Helper()
	config, err := json.Marshal(scheduler.Config{Config: m.config("scheduler", instance), Retention: time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.Command(os.Args[0]), instance: instance, log: &meshtest.Log{}, ended: make(chan error, 1)}
	p.Env = append(os.Environ(), childConfig+"="+string(config))
	p.Stderr = p.log.Of(instance)
	stdin, err := p.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	go func() { p.ended <- p.Wait() }()
	t.Cleanup(func() {
		_ = p.Process.Signal(syscall.SIGCONT)
		_ = stdin.Close()
		select {
		case err := <-p.ended:
			t.Logf("%s ended: %v", instance, err)
		case <-time.After(limit):
			_ = p.Process.Kill()
		}
	})
	return p
}

// Leaders are frozen, thawed and killed as processes. A frozen leader is replaced, and when it goes on it has nothing
// left to write with; every due time has one row and one effect.
func TestC2_FrozenAndKilledLeaderProcesses(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	m.Bus, m.amqp = nil, amqptest.New(t)
	local, stop := m.scheduler(t, "scheduler-0") // migrates, takes the declarations, and leaves
	m.billing(t, func(sc *sidecar.Sidecar) {
		for i := range 5 {
			if err := sc.Timed(timed.Schedule{Name: fmt.Sprintf("billing.n%d", i), Every: time.Second}, effect); err != nil {
				t.Error(err)
			}
		}
	})
	r := &replicas{mesh: m, db: m.admin(t)}
	wait.For(t, limit, "the local leader", func() bool { return local.Leading() != 0 })
	r.ledgerReaches(t, time.Now(), 5)
	children := map[string]*process{}
	for i := 1; i <= 3; i++ {
		p := m.process(t, fmt.Sprintf("scheduler-%d", i))
		children[p.instance] = p
	}
	stop()

	frozen, epoch := leaderProcess(t, r.db, children, 1)
	signal(t, frozen, syscall.SIGSTOP)
	began := time.Now()
	second, next := leaderProcess(t, r.db, without(children, frozen), epoch)
	t.Logf("METRIC c2_takeover_from_stopped_process_ms=%d limit=4500", time.Since(began).Milliseconds())
	r.ledgerReaches(t, time.Now(), 5)
	signal(t, frozen, syscall.SIGCONT)
	wait.For(t, limit, "the former leader to notice", func() bool { return len(frozen.log.Lines("leads no more")) > 0 })

	began = time.Now()
	signal(t, second, syscall.SIGKILL)
	if err := <-second.ended; err == nil {
		t.Error("the killed leader ended in order")
	}
	second.ended <- nil
	_, last := leaderProcess(t, r.db, without(children, second), next)
	t.Logf("METRIC c3_takeover_from_killed_process_ms=%d limit=3000", time.Since(began).Milliseconds())
	until := time.Now().Truncate(time.Second)
	r.ledgerReaches(t, until.Add(time.Second), 5)
	r.compare(t, until, 5)
	r.noStaleRows(t, last)
	for _, p := range children {
		for _, line := range p.log.Lines("leads no more") {
			t.Log(p.instance, line)
		}
	}
}

// noStaleRows: in the order of planning, epochs never go back.
func (r *replicas) noStaleRows(t testing.TB, last int64) {
	t.Helper()
	stale := r.count(t, r.db, `SELECT count(*) FROM (SELECT epoch, max(epoch) OVER (ORDER BY planned_at, due) AS newest FROM fires WHERE NOT manual) AS f
		WHERE epoch < newest`)
	newest := r.count(t, r.db, `SELECT max(epoch) FROM fires`)
	t.Logf("METRIC c2_stale_rows=%d limit=0", stale)
	if stale != 0 || int64(newest) < last {
		t.Errorf("%d rows of a former term, newest epoch %d of %d", stale, newest, last)
	}
}

// leaderProcess waits until one of children leads a term newer than epoch.
func leaderProcess(t testing.TB, db *pg.DB, children map[string]*process, epoch int64) (leader *process, now int64) {
	t.Helper()
	wait.For(t, limit, "a leader among the processes", func() bool {
		var instance string
		if err := db.Pool().QueryRow(t.Context(), `SELECT instance, epoch FROM leader`).Scan(&instance, &now); err != nil {
			return false
		}
		leader = children[instance]
		return leader != nil && now > epoch
	})
	return leader, now
}

func without(all map[string]*process, p *process) map[string]*process {
	rest := map[string]*process{}
	for name, other := range all {
		if other != p {
			rest[name] = other
		}
	}
	return rest
}

func signal(t testing.TB, p *process, s syscall.Signal) {
	t.Helper()
	if err := p.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		t.Fatalf("signal %s: %v: %s", p.instance, err, strings.Join(p.log.Lines(""), ""))
	}
}
