package scheduler_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// replicas are three schedulers, whose leader is killed again and again.
type replicas struct {
	*mesh
	all   []*scheduler.Service
	stops []func()
	made  int
	db    *pg.DB
	hits  map[string]int // faults that really happened
}

func (r *replicas) start(t testing.TB) {
	r.made++
	s, stop := r.scheduler(t, fmt.Sprintf("scheduler-%d", r.made))
	r.all, r.stops = append(r.all, s), append(r.stops, stop)
}

func (r *replicas) leader(t testing.TB) (at int) {
	t.Helper()
	wait.For(t, limit, "a leader", func() bool {
		for i, s := range r.all {
			if s.Leading() != 0 {
				at = i
				return true
			}
		}
		return false
	})
	return at
}

// terminate ends sessions of the scheduler's role as the server's administrator would.
func (r *replicas) terminate(t testing.TB, fault, which string) {
	t.Helper()
	var n int
	err := r.db.Pool().QueryRow(t.Context(), `SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity
		WHERE datname = current_database() AND usename LIKE 'scheduler%' AND usename NOT LIKE '%owner%' AND `+which).Scan(&n)
	if err != nil {
		t.Fatal(err)
	}
	r.hits[fault] += n
}

// hit does one fault to the leader and waits for the next one.
func (r *replicas) hit(t testing.TB, fault string) time.Duration {
	t.Helper()
	at := r.leader(t)
	epoch := r.all[at].Leading()
	began := time.Now()
	switch fault {
	case "leader's session killed":
		r.terminate(t, fault, `pid IN (SELECT pid FROM pg_locks WHERE locktype = 'advisory')`)
	case "all sessions killed":
		r.terminate(t, fault, `true`)
	case "leader stopped":
		r.stops[at]()
		r.all, r.stops = append(r.all[:at:at], r.all[at+1:]...), append(r.stops[:at:at], r.stops[at+1:]...)
		r.hits[fault]++
		r.start(t)
	}
	wait.For(t, limit, "the next leader", func() bool {
		for _, s := range r.all {
			if s.Leading() > epoch {
				return true
			}
		}
		return false
	})
	return time.Since(began)
}

func (r *replicas) count(t testing.TB, db *pg.DB, sql string, args ...any) (n int) {
	t.Helper()
	if err := db.Pool().QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// tryCount is -1 while the server is away.
func (r *replicas) tryCount(t testing.TB, db *pg.DB, sql string, args ...any) (n int) {
	t.Helper()
	if err := db.Pool().QueryRow(t.Context(), sql, args...).Scan(&n); err != nil {
		return -1
	}
	return n
}

// Three schedulers; leaders lose their session, all replicas lose all sessions, leaders stop. Every due time is in
// the ledger once and has exactly one effect.
func TestC1_NoFireMissingOrDoubledWhileLeadersDie(t *testing.T) {
	t.Parallel()
	const schedules, rounds = 20, 3
	r := &replicas{mesh: newMesh(t), hits: map[string]int{}}
	r.db = r.admin(t)
	for range 3 {
		r.start(t)
	}
	r.billing(t, func(sc *sidecar.Sidecar) {
		for i := range schedules {
			if err := sc.Timed(timed.Schedule{Name: fmt.Sprintf("billing.n%d", i), Every: time.Second}, effect); err != nil {
				t.Error(err)
			}
		}
	})
	r.leader(t)
	r.ledgerReaches(t, time.Now(), schedules)
	random := seed.New(t)
	slowest := time.Duration(0)
	for range rounds {
		faults := []string{"leader's session killed", "all sessions killed", "leader stopped"}
		random.Shuffle(len(faults), func(i, j int) { faults[i], faults[j] = faults[j], faults[i] })
		for _, fault := range faults {
			slowest = max(slowest, r.hit(t, fault))
			r.ledgerReaches(t, time.Now().Add(time.Second), schedules)
		}
	}
	until := time.Now().Truncate(time.Second)
	r.ledgerReaches(t, until, schedules)
	r.compare(t, until, schedules)
	t.Logf("METRIC c3_takeover_slowest_ms=%d limit=3000", slowest.Milliseconds())
	if len(r.hits) != 3 {
		t.Errorf("not every fault happened: %v", r.hits)
	}
}

// ledgerReaches waits until every schedule has a row for a due time at or after t.
func (r *replicas) ledgerReaches(t testing.TB, at time.Time, schedules int) {
	t.Helper()
	wait.For(t, limit, "the ledger to get there", func() bool {
		return r.tryCount(t, r.db, `SELECT count(*) FROM (SELECT schedule FROM fires WHERE service = 'billing' GROUP BY schedule HAVING max(due) >= $1) AS s`,
			at.Truncate(time.Second)) == schedules
	})
}

func (r *replicas) compare(t testing.TB, until time.Time, schedules int) {
	t.Helper()
	wait.For(t, limit, "every fire to be done", func() bool {
		return r.count(t, r.db, `SELECT count(*) FROM fires WHERE service = 'billing' AND due <= $1 AND state <> 'done'`, until) == 0
	})
	planned := r.count(t, r.db, `SELECT sum(n)::int FROM (SELECT extract(epoch FROM $1 - min(due))::int + 1 AS n FROM fires
		WHERE service = 'billing' GROUP BY schedule) AS s`, until)
	rows := r.count(t, r.db, `SELECT count(*) FROM fires WHERE service = 'billing' AND due <= $1`, until)
	effects := r.count(t, r.db, `SELECT count(*) FROM billing.effects WHERE due <= $1`, until)
	distinct := r.count(t, r.db, `SELECT count(DISTINCT (schedule, due)) FROM billing.effects WHERE due <= $1`, until)
	t.Logf("METRIC c1_due_times=%d", planned)
	t.Logf("METRIC c1_missing=%d limit=0", planned-distinct)
	t.Logf("METRIC c1_duplicated=%d limit=0", effects-distinct)
	if planned != rows || planned != effects || effects != distinct || planned < 3*schedules {
		t.Errorf("%d planned, %d in the ledger, %d effects, %d of them distinct", planned, rows, effects, distinct)
	}
}

// The database server is killed and comes back: what was due meanwhile is fired late, once, and nothing else is lost.
func TestC1_NoFireMissingOrDoubledWhileTheDatabaseDies(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	r := &replicas{mesh: newMeshOn(t, pgtest.On(t, server, "scheduler", "billing")), hits: map[string]int{}}
	r.db = r.admin(t)
	for range 2 {
		r.start(t)
	}
	r.billing(t, func(sc *sidecar.Sidecar) {
		for i := range 5 {
			if err := sc.Timed(timed.Schedule{Name: fmt.Sprintf("billing.n%d", i), Every: time.Second}, effect); err != nil {
				t.Error(err)
			}
		}
	})
	r.leader(t)
	r.ledgerReaches(t, time.Now(), 5)
	for range 3 {
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		r.ledgerReaches(t, began.Add(time.Second), 5)
		t.Logf("METRIC c3_planning_after_database_restart_ms=%d limit=3000", time.Since(began).Milliseconds())
	}
	until := time.Now().Truncate(time.Second)
	r.ledgerReaches(t, until.Add(time.Second), 5)
	r.compare(t, until, 5)
}

// A service that is gone: its fires end with the reason, and are not waited for by others.
func TestNobodyListeningIsSaid(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	s, _ := m.scheduler(t, "scheduler-1")
	eventually(t, s.PublicAddr(), "/schedules", "the own schedule", func(l api.Schedules) bool { return len(l.Items) > 0 })
	db := m.admin(t)
	_, err := db.Pool().Exec(t.Context(), `INSERT INTO schedules (name, service, origin, declared, next_due, look_at)
		VALUES ('billing.gone', 'billing', 'declared', '{"every_seconds":86400,"deadline_ms":1000}', date_trunc('second', now()), now())`)
	if err != nil {
		t.Fatal(err)
	}
	fire := func(state string, tries int) bool {
		var n int
		err := db.Pool().QueryRow(t.Context(), `SELECT count(*) FROM fires WHERE schedule = 'billing.gone' AND state = $1 AND tries = $2`, state, tries).Scan(&n)
		return err == nil && n == 1
	}
	wait.For(t, limit, "the first try", func() bool { return fire("planned", 1) })
	_, err = db.Pool().Exec(t.Context(), `UPDATE fires SET retry_at = now(), tries = 2 WHERE schedule = 'billing.gone'`)
	if err != nil {
		t.Fatal(err)
	}
	failed := eventually(t, s.PublicAddr(), "/fires?schedule=billing.gone&state=failed", "the failed fire", func(f api.Fires) bool { return len(f.Items) == 1 })
	if f := failed.Items[0]; f.Reason != api.ReasonNobodyListening || f.PublishedAt != nil || !strings.HasPrefix(f.ID, "billing.gone@") {
		t.Errorf("%+v", f)
	}
}
