package maintenance

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/seed"
	"github.com/signalbox-mesh/signalbox/internal/servers/host"
	"github.com/signalbox-mesh/signalbox/internal/servers/postgres"
	"github.com/signalbox-mesh/signalbox/internal/servers/testdir"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

// S-8: a base backup and the archive of the write-ahead log bring the log back, on a server of its own, as it was at a moment:
// what came after the backup and before the moment is there, what came later is not. 200 MB in the soak.
func TestS8_TheLogIsRestoredToAMoment(t *testing.T) {
	server := durable(t)
	archive := ownedDir(t, "archive")
	root := admin(t, server.URL())
	for _, sql := range []string{`ALTER SYSTEM SET archive_mode = on`, `ALTER SYSTEM SET archive_command = 'cp %p ` + archive + `/%f'`} {
		run(t, root, sql)
	}
	if err := server.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	at := pgtest.On(t, server, Schema)
	m := on(t, at, DefaultConfig())
	half := seed.Runs(10, 1300)
	stow(t, m, half)
	backup := filepath.Join(ownedDir(t, "backup"), "data")
	command(t, "pg_basebackup", "--pgdata="+backup, "--dbname="+server.URL(), "--checkpoint=fast", "--wal-method=none")
	stow(t, m, half)
	if _, _, err := m.store.Seal(t.Context()); err != nil {
		t.Fatal(err)
	}
	run(t, root, `SELECT pg_create_restore_point('the moment')`)
	want := fingerprint(t, at.AdminURL())
	stow(t, m, 1)
	if fingerprint(t, at.AdminURL()) == want {
		t.Fatal("what came later does not show")
	}
	var last string
	if err := root.Pool().QueryRow(t.Context(), `SELECT pg_walfile_name(pg_switch_wal())`).Scan(&last); err != nil {
		t.Fatal(err)
	}
	wait.For(t, time.Minute, "the archive", func() bool { _, err := os.Stat(filepath.Join(archive, last)); return err == nil })

	start := time.Now()
	restored := restore(t, server, backup, archive)
	url := strings.Replace(restored.URL(), "/postgres?", "/"+at.Name+"?", 1)
	fresh := admin(t, url)
	wait.For(t, time.Minute, "the end of the recovery", func() bool {
		var recovers bool
		err := fresh.Pool().QueryRow(t.Context(), `SELECT pg_is_in_recovery()`).Scan(&recovers)
		return err == nil && !recovers
	})
	took := time.Since(start)
	if got := fingerprint(t, url); got != want {
		t.Errorf("restored %s, want %s", got, want)
	}
	var size int64
	if err := fresh.Pool().QueryRow(t.Context(), `SELECT pg_database_size(current_database())`).Scan(&size); err != nil {
		t.Fatal(err)
	}
	t.Logf("METRIC restore_seconds=%.1f limit=60 (a database of %d MB; %s)", took.Seconds(), size/1e6, want)
}

// stow stores so many batches of a thousand records of all classes.
func stow(t *testing.T, m *Maintenance, batches int) {
	t.Helper()
	for _, batch := range storm(batches, 1000) {
		if res, err := (bounded{m}).Write(t.Context(), batch); err != nil || res.Stored != len(batch) {
			t.Fatalf("%+v, %v", res, err)
		}
	}
}

// restore puts the backup in place and lets the server catch up from the archive.
func restore(t *testing.T, from *postgres.Server, backup, archive string) *postgres.Server {
	t.Helper()
	who, err := host.Credential("postgres")
	if err != nil {
		t.Fatal(err)
	}
	dir := ownedDir(t, "restored")
	data := filepath.Join(dir, "data")
	if err := os.CopyFS(data, os.DirFS(backup)); err != nil {
		t.Fatal(err)
	}
	password, err := os.ReadFile(filepath.Join(from.Dir(), "password"))
	if err != nil {
		t.Fatal(err)
	}
	settings := fmt.Sprintf("archive_mode = off\nrestore_command = 'cp %s/%%f %%p'\nrecovery_target_name = 'the moment'\nrecovery_target_action = 'promote'\n", archive)
	for path, text := range map[string]string{filepath.Join(dir, "password"): string(password), filepath.Join(data, "postgresql.auto.conf"): settings, filepath.Join(data, "recovery.signal"): ""} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			err = os.Chmod(path, 0o700)
		}
		if err != nil {
			return err
		}
		return host.Give(path, who)
	})
	if err != nil {
		t.Fatal(err)
	}
	s, err := postgres.New(t.Context(), postgres.Settings{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

// ownedDir is a folder that the server's user may write.
func ownedDir(t *testing.T, name string) string {
	t.Helper()
	who, err := host.Credential("postgres")
	if err != nil {
		t.Fatal(err)
	}
	dir, err := testdir.New(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })
	if dir, err = host.Place(dir, who); err != nil {
		t.Fatal(err)
	}
	return dir
}

// command runs a program of the installed server.
func command(t *testing.T, name string, args ...string) {
	t.Helper()
	bin, err := postgres.Find()
	if err != nil {
		t.Fatal(err)
	}
	if out, err := exec.CommandContext(t.Context(), filepath.Join(bin, name), args...).CombinedOutput(); err != nil {
		t.Fatalf("%s: %v\n%s", name, err, out)
	}
}

func admin(t *testing.T, url string) *pg.DB {
	t.Helper()
	db, err := pg.Open(pg.Settings{URL: url, Schema: Schema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

func run(t *testing.T, db *pg.DB, sql string) {
	t.Helper()
	if _, err := db.Pool().Exec(t.Context(), sql); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// fingerprint of all records as everybody reads them, in whatever order.
func fingerprint(t *testing.T, url string) (out string) {
	t.Helper()
	db := admin(t, url)
	err := db.Pool().QueryRow(t.Context(), `SELECT count(*) || ' records, hash ' || coalesce(sum(hashtextextended(l::text, 0)), 0) FROM maintenance.logs l`).Scan(&out)
	if err != nil {
		t.Fatal(err)
	}
	return out
}
