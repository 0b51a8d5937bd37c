package scheduler_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/internal/servers/rabbitmq"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// patience is for a broker and a database that come back on a busy machine.
const patience = 3 * limit

// chaos is three schedulers in processes of their own, and the servers under them, all of which are killed.
type chaos struct {
	*replicas
	postgres  *postgres.Server
	rabbitmq  *rabbitmq.Server
	processes map[string]*process
	every     map[string]time.Duration // by schedule
	random    *rand.Rand
	nextFire  time.Duration // the longest from a leader's death to the next leader's first fire
}

func newChaos(t *testing.T) *chaos {
	t.Helper()
	c := &chaos{postgres: pgtest.Server(t), rabbitmq: amqptest.Server(t), processes: map[string]*process{}, every: map[string]time.Duration{}, random: seed.New(t)}
	m := newMeshOn(t, pgtest.On(t, c.postgres, "scheduler", "billing"))
	m.Bus, m.amqp, m.Conns = nil, c.rabbitmq.URL(), 4
	c.replicas = &replicas{mesh: m, hits: map[string]int{}, db: m.admin(t)}
	local, stop := m.scheduler(t, "scheduler-0") // migrates, takes the declarations, and leaves
	m.billing(t, c.declare(t))
	wait.For(t, patience, "the local leader", func() bool { return local.Leading() != 0 })
	c.reaches(t)
	for range 3 {
		c.add(t)
	}
	stop()
	return c
}

// declare a second's schedules that catch up with everything, and slower ones that leave out what they missed, or all of
// it but one.
func (c *chaos) declare(t *testing.T) func(*sidecar.Sidecar) {
	kinds := []struct {
		misfire string
		every   time.Duration
		n       int
	}{{timed.MisfireAll, time.Second, 40}, {timed.MisfireSkip, 2 * time.Second, 10}, {timed.MisfireOnce, 3 * time.Second, 10}}
	return func(sc *sidecar.Sidecar) {
		for _, k := range kinds {
			for i := range k.n {
				s := timed.Schedule{Name: fmt.Sprintf("billing.%s%d", k.misfire, i), Every: k.every, Misfire: k.misfire, Window: time.Minute,
					CatchUp: 100, Deadline: 10 * time.Second, Attempts: 5, Backoff: time.Second}
				c.every[s.Name] = k.every
				if err := sc.Timed(s, effect); err != nil {
					t.Error(err)
				}
			}
		}
	}
}

func (c *chaos) add(t *testing.T) {
	t.Helper()
	c.made++
	p := c.process(t, fmt.Sprintf("scheduler-%d", c.made))
	c.processes[p.instance] = p
}

// reaches waits until every schedule's next due time is decided.
func (c *chaos) reaches(t *testing.T) time.Time {
	t.Helper()
	at := time.Now().Add(time.Second).Truncate(time.Second)
	wait.For(t, patience, "the ledger to get to "+at.String(), func() bool {
		return c.tryCount(t, c.db, `SELECT count(*) FROM (SELECT schedule FROM fires WHERE service = 'billing' GROUP BY schedule HAVING max(until) >= $1) AS s`, at) == len(c.every)
	})
	return at
}

// strike does one fault, and says whether it can be seen to have happened.
func (c *chaos) strike(t *testing.T, fault string) bool {
	t.Helper()
	leader, epoch := leaderProcess(t, c.db, c.processes, 0)
	switch fault {
	case "leader killed":
		signal(t, leader, syscall.SIGKILL)
		died := time.Now()
		ended := <-leader.ended
		leader.ended <- nil // for the cleanup
		delete(c.processes, leader.instance)
		_, now := leaderProcess(t, c.db, c.processes, epoch)
		c.fired(t, died, now)
		c.add(t)
		return ended != nil && now > epoch
	case "leader stopped":
		signal(t, leader, syscall.SIGSTOP)
		_, now := leaderProcess(t, c.db, without(c.processes, leader), epoch)
		<-time.After(c.upTo(2 * time.Second))
		signal(t, leader, syscall.SIGCONT)
		return now > epoch
	case "broker killed":
		before := c.rabbitmq.PID()
		return c.restart(t, c.rabbitmq.Kill, func() error { return c.rabbitmq.Start(t.Context()) }) && c.rabbitmq.PID() != before
	default:
		ok := c.restart(t, c.postgres.Kill, func() error { return c.postgres.Restart(t.Context()) })
		_, now := leaderProcess(t, c.db, c.processes, epoch)
		return ok && now > epoch
	}
}

func (c *chaos) restart(t *testing.T, kill, start func() error) bool {
	t.Helper()
	if err := kill(); err != nil {
		t.Fatal(err)
	}
	<-time.After(c.upTo(4 * time.Second))
	if err := start(); err != nil {
		t.Fatal(err)
	}
	return true
}

func (c *chaos) upTo(d time.Duration) time.Duration {
	return time.Duration(c.random.Int64N(int64(d)))
}

// fired waits for the first fire of the term and keeps how long after the death it was planned.
func (c *chaos) fired(t *testing.T, died time.Time, epoch int64) {
	t.Helper()
	var took float64
	wait.For(t, patience, "the next leader's first fire", func() bool {
		return c.db.Pool().QueryRow(t.Context(), `SELECT extract(epoch FROM min(planned_at) - $1)::float8 FROM fires WHERE epoch = $2`, died, epoch).Scan(&took) == nil
	})
	c.nextFire = max(c.nextFire, seconds(took))
}

// Three schedulers; the leader is killed and stopped, RabbitMQ and PostgreSQL are killed and come back, in random order.
// The ledger has every due time once, what is done has one effect, and what is not has a reason.
func TestC1_NothingMissingOrDoubledWhateverDies(t *testing.T) {
	t.Parallel()
	c := newChaos(t)
	faults := []string{"leader killed", "leader stopped", "broker killed", "database killed"}
	for range seed.Runs(1, 15) {
		c.random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		for _, fault := range faults {
			<-time.After(c.upTo(2 * time.Second))
			if c.strike(t, fault) {
				c.hits[fault]++
			}
			c.reaches(t)
		}
	}
	until := c.reaches(t)
	c.verify(t, until)
	_, last := leaderProcess(t, c.db, c.processes, 0)
	c.noStaleRows(t, last)
	t.Logf("METRIC c3_death_to_next_fire_ms=%d limit=3000", c.nextFire.Milliseconds())
	t.Logf("faults that happened: %v", c.hits)
	for _, fault := range faults {
		if c.hits[fault] == 0 {
			t.Errorf("%s: never happened; %v", fault, slices.Sorted(maps.Keys(c.hits)))
		}
	}
}
