package scheduler_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

const limit = 30 * time.Second

// mesh is what schedulers and their consumers share: a database, a bus, keys, addresses.
type mesh struct {
	*meshtest.Mesh
	amqp string // its URL, where Bus is nil
}

func newMesh(t testing.TB) *mesh {
	t.Helper()
	return newMeshOn(t, pgtest.New(t, "scheduler", "billing"))
}

func newMeshOn(t testing.TB, db *pgtest.DB) *mesh {
	t.Helper()
	m := &mesh{Mesh: meshtest.On(t, db, "scheduler", "billing")}
	m.Conns = 1 // shows that nothing needs two at a time (P-4)
	return m
}

func (m *mesh) config(service, instance string) sidecar.Config {
	c := m.Config(service, instance, service)
	c.AMQPURL = m.amqp
	return c
}

func (m *mesh) scheduler(t testing.TB, instance string) (*scheduler.Service, func()) {
	t.Helper()
	s, err := scheduler.New(t.Context(), scheduler.Config{Config: m.config("scheduler", instance), Retention: time.Hour}, m.Settings("scheduler"))
	if err != nil {
		t.Fatal(err)
	}
	return s, m.Run("scheduler", s)
}

// billing is a service that handles timed events in its own schema, which has one table.
func (m *mesh) billing(t testing.TB, declare func(s *sidecar.Sidecar)) {
	t.Helper()
	set := m.Settings("billing")
	set.Schema = "billing"
	set.Migrations = []pg.Migrations{{Name: "billing", FS: fstest.MapFS{"00001_effects.sql": &fstest.MapFile{
		Data: []byte("-- +goose Up\nCREATE TABLE effects (fire text NOT NULL, schedule text NOT NULL, due timestamptz NOT NULL);\n")}}}}
	s, err := sidecar.New(t.Context(), m.config("billing", "billing-1"), set)
	if err != nil {
		t.Fatal(err)
	}
	declare(s)
	m.Run("billing", s)
}

// admin sees everything, as the server's administrator.
func (m *mesh) admin(t testing.TB) *pg.DB {
	t.Helper()
	db, err := pg.Open(pg.Settings{URL: m.DB.AdminURL(), Schema: "scheduler"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// ask a scheduler; header is names and values.
func ask(t testing.TB, addr, token, method, path, body string, header ...string) (status int, answer []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+addr+"/api/scheduler/v1"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: limit}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	answer, err = io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, answer
}

// call asks and decodes the answer into out, if that is not nil.
func call(t testing.TB, addr, token, method, path, body string, out any) int {
	t.Helper()
	status, raw := ask(t, addr, token, method, path, body)
	if out != nil && status < 300 && status != http.StatusNoContent {
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, raw)
		}
	}
	if status >= 500 && status != http.StatusServiceUnavailable {
		t.Errorf("%s %s: %s", method, path, raw)
	}
	return status
}

// must is call, where another status ends the test.
func must[T any](t *testing.T, addr, token, method, path, body string, want int) (out T) {
	t.Helper()
	if got := call(t, addr, token, method, path, body, &out); got != want {
		t.Fatalf("%s %s %s: %d, want %d", method, path, body, got, want)
	}
	return out
}

// refused asks, and answers the problem document.
func refused(t *testing.T, addr, token, method, path, body string) problem.Document {
	t.Helper()
	status, raw := ask(t, addr, token, method, path, body)
	var d problem.Document
	if err := json.Unmarshal(raw, &d); err != nil || d.Status < 400 {
		t.Fatalf("%s %s: %d %s", method, path, status, raw)
	}
	return d
}

// eventually waits until a path answers with 200 and the answer is as wanted.
func eventually[T any](t testing.TB, addr, path, what string, ok func(T) bool) T {
	t.Helper()
	var last T
	wait.For(t, limit, fmt.Sprintf("%s in %s", what, path), func() bool {
		var answer T
		if call(t, addr, "admin", http.MethodGet, path, "", &answer) != http.StatusOK {
			return false
		}
		last = answer
		return ok(answer)
	})
	return last
}
