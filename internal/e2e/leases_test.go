package e2e

import (
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// levelOf is what an instance itself says of its root logger, whoever else is gone.
func levelOf(t testing.TB, address string) (level, lease string) {
	var state struct {
		Effective string `json:"effective"`
		LeaseID   string `json:"lease_id"`
	}
	a := request(t.Context(), http.MethodGet, "http://"+address+"/loggers/root", "", nil)
	if a.status != http.StatusOK || json.Unmarshal(a.body, &state) != nil {
		return "", ""
	}
	return state.Effective, state.LeaseID
}

// change runs a command that changes the mesh. That an instance was silent is no failure of it: one that has just started, or a
// view-service that has, may miss a message, and the next heartbeat brings what it said. Whether it does is what settles asks.
func (m *mesh) change(t testing.TB, args ...string) (out string) {
	t.Helper()
	code, out, errs := command(t, nil, append(args, "--state", m.state)...)
	if code != 0 && (code != 1 || !strings.Contains(errs, "did not confirm")) {
		t.Errorf("%v ended with %d: %s", args, code, errs)
	}
	return out
}

// setLevel by the command line; the receipt's lease.
func (m *mesh) setLevel(t testing.TB, args ...string) (lease string) {
	t.Helper()
	var got struct {
		Lease struct{ ID string }
	}
	out := m.change(t, append([]string{"level", "set", "--json"}, args...)...)
	if err := json.Unmarshal([]byte(out), &got); err != nil || got.Lease.ID == "" {
		t.Fatalf("level set: %v\n%s", err, out)
	}
	return got.Lease.ID
}

// TestLeases: a mesh of processes in which a change is made while this and that is killed: it holds where it should, ends when
// it should, and whoever asks is told what is so.
func TestLeases(t *testing.T) {
	t.Parallel()
	m := start(t, newState(t), nil, "--split", "--replicas", "catalogs=2", "--bus", "rabbitmq")
	wait.For(t, limit, "all instances", func() bool { return len(m.ps(t)) == len(house.Names())+1 })
	t.Run("an instance that starts later begins with the lease", m.startsWithTheLease)
	t.Run("killed in the middle of a change", m.killedInTheMiddle)
	t.Run("two change the same at once", m.twoAtOnce)
	t.Run("with everything else gone it ends, and outlives a restart", m.everythingGone)
	down(t, m, os.Interrupt)
}

func (m *mesh) catalogs(t testing.TB) (addresses []string) {
	for _, name := range []string{"catalogs-1", "catalogs-2"} {
		addresses = append(addresses, m.instance(t, name).Address)
	}
	return addresses
}

// settles waits until all instances of catalogs say that they are at the level.
func (m *mesh) settles(t testing.TB, level string) {
	t.Helper()
	addresses := m.catalogs(t)
	wait.For(t, limit, "catalogs at "+level, func() bool {
		return !slices.ContainsFunc(addresses, func(a string) bool {
			is, _ := levelOf(t, a)
			return is != level
		})
	})
}

func (m *mesh) startsWithTheLease(t *testing.T) {
	m.setLevel(t, "catalogs", "debug", "--ttl", "5m")
	m.settles(t, "DEBUG")
	m.killed(t, m.instance(t, "catalogs-2"))
	m.settles(t, "DEBUG")
	m.change(t, "level", "reset", "catalogs")
	m.settles(t, "INFO")
}

// killedInTheMiddle: whatever the caller was told, afterwards the row and the instances are of one mind, and each change is
// audited once.
func (m *mesh) killedInTheMiddle(t *testing.T) {
	for _, victim := range []struct {
		name string
		kill func(t *testing.T)
	}{
		{"view-service", func(t *testing.T) { m.killed(t, m.instance(t, "view-service-1")) }},
		{"an instance", func(t *testing.T) { m.killed(t, m.instance(t, "catalogs-1")) }},
		{"PostgreSQL", func(t *testing.T) { m.serverKilled(t, "PostgreSQL", "postgres -D") }},
		{"RabbitMQ", func(t *testing.T) { m.serverKilled(t, "RabbitMQ", "beam.smp") }},
	} {
		t.Run(victim.name, func(t *testing.T) {
			over, calls, made := make(chan struct{}), sync.WaitGroup{}, atomic.Int64{}
			for _, level := range []string{"debug", "warn"} { // one change after the other: some lie before the kill, some in it, some behind
				calls.Go(func() {
					for {
						select {
						case <-over:
							return
						default:
							_, _, _ = command(t, nil, "level", "set", "catalogs", level, "--ttl", "5m", "--state", m.state) // it may fail: that is the point
							made.Add(1)
						}
					}
				})
			}
			wait.For(t, limit, "the first changes", func() bool { return made.Load() >= 2 })
			victim.kill(t)
			close(over)
			calls.Wait()
			t.Logf("%d changes while %s was killed", made.Load(), victim.name)
			m.settles(t, m.sql(t, `SELECT coalesce((SELECT value FROM maintenance.leases WHERE kind = 'level' AND ended_at IS NULL AND (expires_at IS NULL OR expires_at > now()) ORDER BY revision DESC LIMIT 1), 'INFO')`))
			rows, audited := m.sql(t, `SELECT count(*) FROM maintenance.leases`), m.sql(t, `SELECT count(*) FROM maintenance.audit WHERE action = 'lease.set'`)
			if rows != audited {
				t.Errorf("%s leases, %s in the audit", rows, audited)
			}
			m.change(t, "level", "reset", "catalogs")
			m.settles(t, "INFO")
		})
	}
}

// serverKilled kills a server of the mesh's own, and waits until it is back and every instance is well with it.
func (m *mesh) serverKilled(t *testing.T, name, command string) {
	t.Helper()
	m.killServer(t, command)
	wait.For(t, 2*limit, name+" to be back", func() bool { return m.said(name + " is back") })
	wait.For(t, 2*limit, "every instance to be up", func() bool {
		return !slices.ContainsFunc(m.ps(t), func(r row) bool { return !r.well(t) })
	})
}

func (m *mesh) twoAtOnce(t *testing.T) {
	var calls sync.WaitGroup
	for _, level := range []string{"debug", "error"} {
		calls.Go(func() { m.change(t, "level", "set", "catalogs", level, "--ttl", "5m", "--reason", "two at once") })
	}
	calls.Wait()
	m.settles(t, m.sql(t, `SELECT value FROM maintenance.leases WHERE reason = 'two at once' ORDER BY revision DESC LIMIT 1`))
	if n := m.sql(t, `SELECT count(*) FROM maintenance.audit a JOIN maintenance.leases l ON a.subject = l.id::text WHERE a.action = 'lease.set' AND l.reason = 'two at once'`); n != "2" {
		t.Errorf("%s audited, 2 expected", n)
	}
	m.change(t, "level", "reset", "catalogs")
	m.settles(t, "INFO")
}

// frozen stops every process of the mesh but those given, and gives the function that lets them go on.
func (m *mesh) frozen(t *testing.T, but ...int) (thaw func()) {
	t.Helper()
	var stopped []int
	for _, p := range family(m.pid()) { // its own descendants and nobody else: H-1
		if slices.Contains(but, p.pid) || strings.Contains(p.command, "guard") {
			continue
		}
		if strings.Contains(p.command, "postgres") || strings.Contains(p.command, "beam.smp") || strings.Contains(p.command, "run view-service") {
			if err := syscall.Kill(p.pid, syscall.SIGSTOP); err == nil {
				stopped = append(stopped, p.pid)
			}
		}
	}
	if len(stopped) < 4 {
		t.Fatalf("only %d processes were stopped: PostgreSQL's, the broker's and view-service's are more", len(stopped))
	}
	var once sync.Once
	thaw = func() {
		once.Do(func() {
			for _, pid := range stopped {
				_ = syscall.Kill(pid, syscall.SIGCONT) // one that has ended meanwhile is nobody to wake
			}
		})
	}
	t.Cleanup(thaw)
	return thaw
}

// everythingGone: PostgreSQL, the bus and view-service stand still. The lease ends in time nevertheless; so it does on an
// instance that was killed and starts again meanwhile.
func (m *mesh) everythingGone(t *testing.T) {
	const ttl = 20 * time.Second
	began := time.Now()
	lease := m.setLevel(t, "catalogs", "debug", "--ttl", ttl.String())
	m.settles(t, "DEBUG")
	one, two := m.instance(t, "catalogs-1"), m.instance(t, "catalogs-2")
	wait.For(t, limit, "the lease on the disk of catalogs-2, which follows its effect", func() bool {
		kept, err := os.ReadFile(filepath.Join(m.state, "leases", "catalogs", "catalogs-2.json"))
		return err == nil && strings.Contains(string(kept), lease)
	})
	thaw := m.frozen(t)
	if err := syscall.Kill(two.PID, syscall.SIGKILL); err != nil { // a child of the mesh's: see killed
		t.Fatal(err)
	}
	wait.For(t, limit, "catalogs-2 with the lease of its disk", func() bool {
		is, by := levelOf(t, two.Address)
		return is == "DEBUG" && by == lease
	})
	back := time.Since(began)
	for _, r := range []row{one, two} {
		wait.For(t, limit, r.Instance+" back at INFO", func() bool {
			is, _ := levelOf(t, r.Address)
			return is == "INFO"
		})
		late := time.Since(began) - ttl
		t.Logf("METRIC lease_expiry_late_seconds=%.2f limit=1 (%s)", late.Seconds(), r.Instance)
		if late < -time.Second {
			t.Errorf("%s is back %s before the end", r.Instance, -late)
		}
	}
	if back > ttl {
		t.Errorf("catalogs-2 was back after %s only: nothing is proven", back)
	}
	thaw()
	wait.For(t, 2*limit, "every instance to be up", func() bool {
		return !slices.ContainsFunc(m.ps(t), func(r row) bool { return !r.well(t) })
	})
}

// changes looks at what an operator does beside levels: what it would cost, a window, a profile.
func (m *mesh) changes(t *testing.T) {
	if out := m.tool(t, "level", "set", "catalogs", "debug", "--dry-run"); !strings.Contains(out, "would add") {
		t.Errorf("level set --dry-run: %s", out)
	}
	m.tool(t, "window", "open", "catalogs", "--for", "5m", "--reason", "index is rebuilt")
	var a answer
	wait.For(t, limit, "catalogs out of service", func() bool {
		a = m.call(t, http.MethodGet, "/api/catalogs/v1/types", nil)
		return a.status == http.StatusServiceUnavailable
	})
	if a.header.Get("Retry-After") == "" || !strings.Contains(string(a.body), "index is rebuilt") {
		t.Errorf("in the window: %v %s", a.header, a.body)
	}
	m.tool(t, "window", "close", "catalogs")
	wait.For(t, limit, "catalogs in service", func() bool {
		return m.call(t, http.MethodGet, "/api/catalogs/v1/types", nil).status == http.StatusOK
	})
	dir := t.TempDir()
	m.tool(t, "profile", "heap", "catalogs", "-o", dir)
	if files, err := filepath.Glob(filepath.Join(dir, "catalogs-1-heap-*.pprof")); err != nil || len(files) != 1 {
		t.Errorf("profiles: %v %v", files, err)
	}
}
