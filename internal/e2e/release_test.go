package e2e

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// What the next releases of catalogs bring: one expands its schema, the one after takes away what this one needs.
const (
	expanding = `-- +goose Up
ALTER TABLE records ADD COLUMN label text;
CREATE TABLE labels (name text PRIMARY KEY);
`
	contracting = `-- +goose Up
UPDATE schema_minimum SET minimum = 9002 WHERE name = 'catalogs';
`
)

// later builds the binary of a later release: this tree with further migrations of catalogs.
func later(t *testing.T, migrations ...string) string {
	t.Helper()
	dir, err := folder("release")
	if err != nil {
		t.Fatal(err)
	}
	tree, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	replace := map[string]string{}
	for i, text := range migrations {
		name := fmt.Sprintf("%05d_later.sql", 9001+i)
		replace[filepath.Join(tree, "services/catalogs/internal/postgres/migration", name)] = write(t, filepath.Join(dir, name), text)
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	file, binary := write(t, filepath.Join(dir, "overlay.json"), string(overlay)), filepath.Join(dir, "signalbox")
	build := exec.CommandContext(t.Context(), "go", "build", "-overlay", file, "-o", binary, "github.com/signalbox-mesh/signalbox/cmd/signalbox")
	if said, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build a later release: %v: %s", err, said)
	}
	return binary
}

func write(t *testing.T, name, text string) string {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// beside runs catalogs of another release as one more instance of the same deployment: the settings are those of the
// instance that runs, its name and its addresses are its own.
func beside(t *testing.T, binary string, r row, instance string) lone {
	t.Helper()
	raw, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", r.PID))
	if err != nil {
		t.Fatal(err)
	}
	public, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	var env []string
	for kv := range bytes.SplitSeq(raw, []byte{0}) {
		if strings.HasPrefix(string(kv), "SIGNALBOX_") {
			env = append(env, string(kv))
		}
	}
	const own = "SIGNALBOX_CATALOGS_"
	p, err := runBinary(binary, append(env, own+"INSTANCE="+instance, own+"HTTP_ADDR="+public, own+"RPC_ADDR=127.0.0.1:0"), "run", "catalogs")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.finish)
	l := lone{p, public}
	l.up(t)
	return l
}

// releases run side by side on one schema, forwards and back, until one contracts what the oldest needs.
func (m *mesh) releases(t *testing.T, this row) {
	next := beside(t, later(t, expanding), this, "catalogs-next")
	if at := m.sql(t, `SELECT max(version_id) FROM catalogs.migration_catalogs`); at != "9001" {
		t.Fatalf("the next release's schema is at %s", at)
	}
	m.bothServe(t, this.Address, next.address)
	m.killed(t, this) // this release restarts on the next one's schema
	m.bothServe(t, this.Address, next.address)
	stopped(t, next) // and back: this release alone
	m.bothServe(t, this.Address, this.Address)

	last := beside(t, later(t, expanding, contracting), m.instance(t, this.Instance), "catalogs-last")
	old := lone{m.program, this.Address}
	m.kill(t, this)
	old.down(t, "too new")
	m.bothServe(t, last.address, last.address)
	stopped(t, last)
	for _, name := range []string{"catalogs-next", "catalogs-last"} {
		m.awaitLines(t, "service:catalogs instance:"+name+` "service is stopping"`)
	}
}

// bothServe writes through both at once; each reads what the other made, and the events of both go out.
func (m *mesh) bothServe(t *testing.T, addresses ...string) {
	t.Helper()
	var all sync.WaitGroup
	var mu sync.Mutex
	made := map[string]string{}
	for i, at := range addresses {
		all.Go(func() {
			for n := range 20 {
				a := request(t.Context(), http.MethodPost, "http://"+at+recordsPath("thing"), m.token, fmt.Sprintf(`{"data":{"n":%d}}`, 100*i+n))
				var r record
				if err := json.Unmarshal(a.body, &r); err != nil || a.status != http.StatusCreated {
					t.Errorf("%s: %d %s", at, a.status, a.body)
					return
				}
				mu.Lock()
				made[r.ID] = addresses[len(addresses)-1-i]
				mu.Unlock()
			}
		})
	}
	all.Wait()
	for id, other := range made {
		path := "http://" + other + recordsPath("thing") + "/" + id
		if a := request(t.Context(), http.MethodGet, path, m.token, nil); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
		if a := request(t.Context(), http.MethodPut, path, m.token, `{"data":{"n":7,"name":"changed by the other"}}`); a.status != http.StatusOK {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	if len(made) != 20*len(addresses) {
		t.Errorf("%d records made", len(made))
	}
	wait.For(t, limit, "the events to go out", func() bool {
		return m.sql(t, `SELECT count(*) FROM catalogs.outbox WHERE published_at IS NULL`) == "0"
	})
}

// kill ends a child of the mesh that comes back in another state.
func (m *mesh) kill(t *testing.T, r row) {
	t.Helper()
	r = m.instance(t, r.Instance)
	if !slices.ContainsFunc(family(m.pid()), func(p proc) bool { return p.pid == r.PID }) {
		t.Fatalf("%s, process %d, is no descendant of the mesh", r.Instance, r.PID) // H-1
	}
	if err := syscall.Kill(r.PID, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}
