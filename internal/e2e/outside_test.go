package e2e

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// lone is a `signalbox run catalogs` that knows a database and nobody else.
type lone struct {
	*program
	address string
}

func runCatalogs(t *testing.T, db *pgtest.DB, edit func(env map[string]string)) lone {
	t.Helper()
	public, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	vars := map[string]string{
		"POSTGRES_URL": db.URL("catalogs"), "POSTGRES_OWNER_URL": db.OwnerURL("catalogs"), "HTTP_ADDR": public, "RPC_ADDR": "127.0.0.1:0",
	}
	if edit != nil {
		edit(vars)
	}
	var env []string
	for name, value := range vars {
		env = append(env, "SIGNALBOX_"+name+"="+value)
	}
	p, err := run(env, "run", "catalogs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.finish)
	return lone{p, public}
}

// health is what /hc answers, and the cause of the check of the own schema.
func (l lone) health(t testing.TB) (status int, cause string) {
	var report struct {
		Checks []struct{ Name, Error string }
	}
	a := request(t.Context(), http.MethodGet, "http://"+l.address+"/hc", "", nil)
	_ = json.Unmarshal(a.body, &report) // while it starts nothing answers
	for _, c := range report.Checks {
		if c.Name == "postgres-catalogs" {
			cause = c.Error
		}
	}
	return a.status, cause
}

// down waits until it is live and down with the cause, and serves nothing but that.
func (l lone) down(t testing.TB, cause string, secrets ...string) {
	t.Helper()
	status, says := 0, ""
	wait.For(t, limit, "down with "+cause, func() bool {
		status, says = l.health(t)
		return status == http.StatusServiceUnavailable && strings.Contains(says, cause) || l.ended()
	})
	if a := request(t.Context(), http.MethodGet, "http://"+l.address+"/liveness", "", nil); a.status != http.StatusOK {
		t.Errorf("liveness: %d; it said %s", a.status, l.stderr)
	}
	if a := request(t.Context(), http.MethodGet, "http://"+l.address+typesPath, "", nil); a.status != http.StatusServiceUnavailable && a.status != http.StatusUnauthorized {
		t.Errorf("a handler: %d %s", a.status, a.body)
	}
	for _, s := range secrets {
		if strings.Contains(says+l.stderr.String(), s) {
			t.Errorf("a password is shown: %s %s", says, l.stderr)
		}
	}
}

func (l lone) up(t testing.TB) {
	t.Helper()
	began := time.Now()
	wait.For(t, limit, "catalogs to recover", func() bool { status, _ := l.health(t); return status == http.StatusOK })
	t.Logf("METRIC e2e_recovered_seconds=%.2f limit=5", time.Since(began).Seconds())
}

// TestRunWhileTheOutsideIsWrong: what is wrong outside leaves a service live, and down on /hc with the cause; it
// recovers by itself, and ends in order meanwhile.
func TestRunWhileTheOutsideIsWrong(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	t.Run("unreachable", func(t *testing.T) {
		db := pgtest.On(t, server, "catalogs")
		if err := server.Kill(); err != nil {
			t.Fatal(err)
		}
		l := runCatalogs(t, db, nil)
		l.down(t, "connect", passwordOf(t, db.URL("catalogs")), passwordOf(t, db.OwnerURL("catalogs")))
		if err := server.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		l.up(t)
		stopped(t, l)
	})
	t.Run("login refused", func(t *testing.T) {
		db := pgtest.On(t, server, "catalogs")
		l := runCatalogs(t, db, func(env map[string]string) { env["POSTGRES_URL"] = withPassword(t, db.URL("catalogs"), "wrong-one") })
		l.down(t, "28P01", "wrong-one")
		psql(t, db.AdminURL(), fmt.Sprintf(`ALTER ROLE "%s" PASSWORD 'wrong-one'`, db.Roles("catalogs").Role))
		l.up(t)
		stopped(t, l)
	})
	t.Run("schema too new", func(t *testing.T) {
		db := pgtest.On(t, server, "catalogs")
		before := runCatalogs(t, db, nil)
		before.up(t)
		psql(t, db.AdminURL(), `UPDATE catalogs.schema_minimum SET minimum = 99 WHERE name = 'catalogs'`)
		l := runCatalogs(t, db, nil)
		l.down(t, "too new")
		psql(t, db.AdminURL(), `UPDATE catalogs.schema_minimum SET minimum = 0 WHERE name = 'catalogs'`)
		l.up(t)
		stopped(t, l)
		stopped(t, before)
	})
	t.Run("migration held up", func(t *testing.T) { // G-8
		db := pgtest.On(t, server, "catalogs")
		h := fnv.New64a()
		h.Write([]byte("signalbox migration catalogs")) // as sidecar/pg derives it
		holder := psqlCommand(t, db.AdminURL(), fmt.Sprintf(`SELECT pg_advisory_lock(%d); SELECT pg_sleep(60)`, int64(h.Sum64())))
		if err := holder.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = holder.Process.Kill(); _ = holder.Wait() })
		wait.For(t, limit, "the lock to be held", func() bool {
			return psql(t, db.AdminURL(), `SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`) == "1"
		})
		l := runCatalogs(t, db, nil)
		wait.For(t, limit, "the service to wait for the lock", func() bool {
			return psql(t, db.AdminURL(), `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND query LIKE '%pg_try_advisory_lock%' AND pid <> pg_backend_pid()`) != "0"
		})
		l.down(t, "")
		stopped(t, l)
	})
}

// TestUpWhileTheOutsideIsWrong: `up` gives up with the cause in one sentence, and leaves nothing.
func TestUpWhileTheOutsideIsWrong(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	nobody, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := binary(); err != nil { // its building is not measured
		t.Fatal(err)
	}
	for name, c := range map[string]struct{ url, says string }{
		"unreachable":   {"postgres://postgres:geheim@" + nobody + "/postgres", "connection refused"},
		"login refused": {withPassword(t, server.URL(), "geheim"), "28P01"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			state := newState(t)
			began := time.Now()
			code, stdout, stderr := command(t, []string{"SIGNALBOX_POSTGRES_URL=" + c.url}, "up", "--state", state, "--listen", "127.0.0.1:0", "--bus", "inproc")
			if code != 1 || strings.Count(stderr, "\n") != 1 || !strings.Contains(stderr, c.says) || strings.Contains(stdout+stderr, "geheim") {
				t.Errorf("%d: %q %q", code, stdout, stderr)
			}
			t.Logf("METRIC e2e_up_gives_up_seconds=%.2f limit=15", time.Since(began).Seconds())
			if left := holders(state); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
		})
	}
	t.Run("comes later", func(t *testing.T) {
		t.Parallel()
		late := pgtest.Server(t)
		if err := late.Kill(); err != nil {
			t.Fatal(err)
		}
		p, err := run([]string{"SIGNALBOX_POSTGRES_URL=" + late.URL()}, "up", "--state", newState(t), "--listen", "127.0.0.1:0", "--bus", "inproc")
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(p.finish)
		wait.For(t, limit, "up to begin", func() bool { return strings.Contains(p.stdout.String(), "bus") })
		if err := late.Restart(t.Context()); err != nil {
			t.Fatal(err)
		}
		wait.For(t, startLimit, "up to be ready", func() bool { return strings.Contains(p.stdout.String(), "signalbox is ready") || p.ended() })
		p.signal(syscall.SIGTERM)
		if code := p.code(t, limit); code != 0 {
			t.Errorf("%d: %s%s", code, p.stdout, p.stderr)
		}
	})
}

// stopped ends it by SIGTERM, twice.
func stopped(t *testing.T, l lone) {
	t.Helper()
	began := time.Now()
	l.signal(syscall.SIGTERM)
	l.signal(syscall.SIGTERM)
	if code := l.code(t, time.Minute); code != 0 {
		t.Errorf("it ended with %d: %s", code, l.stderr)
	}
	t.Logf("METRIC g8_run_exit_seconds=%.2f limit=15", time.Since(began).Seconds())
}

func passwordOf(t *testing.T, text string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	password, _ := u.User.Password()
	return password
}

func withPassword(t *testing.T, text, password string) string {
	t.Helper()
	u, err := url.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	u.User = url.UserPassword(u.User.Username(), password)
	return u.String()
}

func psqlCommand(t testing.TB, target, query string) *exec.Cmd {
	t.Helper()
	c := exec.CommandContext(t.Context(), "psql", target, "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", query)
	c.Env = environ()
	return c
}

func psql(t testing.TB, target, query string) string {
	t.Helper()
	out, err := psqlCommand(t, target, query).CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}
