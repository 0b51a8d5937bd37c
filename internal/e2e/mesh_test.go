package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/up"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// Limits are generous: two cores are shared by everything that a test starts.
const (
	limit      = 30 * time.Second
	startLimit = 90 * time.Second
	strayLimit = 5 * time.Second // FAULTS.md, H-2
)

// mesh is a running `signalbox up` that said it is ready.
type mesh struct {
	*program
	up.Mesh
	state string
	token string
}

// newState is an empty state folder.
func newState(t testing.TB) string {
	t.Helper()
	dir, err := folder("state")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// start runs `up` on a state folder, on a free port, until it is ready; it is taken down at cleanup.
func start(t testing.TB, state string, env []string, args ...string) *mesh {
	t.Helper()
	m, err := bringUp(state, env, args...)
	if m != nil {
		t.Cleanup(m.finish)
	}
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func bringUp(state string, env []string, args ...string) (*mesh, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	p, err := run(env, append([]string{"up", "--state", state, "--listen", listen}, args...)...)
	if err != nil {
		return nil, err
	}
	m := &mesh{program: p, state: state}
	return m, m.await()
}

func (m *mesh) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), startLimit)
	defer cancel()
	err := wait.Until(ctx, func() bool { return m.said("signalbox is ready") || m.ended() })
	if err != nil || m.ended() {
		return fmt.Errorf("up did not get ready (%v):\n%s%s", err, m.stdout, m.stderr)
	}
	raw, err := os.ReadFile(filepath.Join(m.state, "mesh.json"))
	if err != nil {
		return err
	}
	token, err := os.ReadFile(filepath.Join(m.state, "token"))
	m.token = strings.TrimSpace(string(token))
	if err := errors.Join(err, json.Unmarshal(raw, &m.Mesh)); err != nil {
		return err
	}
	return wait.Until(ctx, func() bool { return m.seen(ctx) })
}

// seen reports whether the fleet knows every instance: each is ready a moment before its first report has come.
func (m *mesh) seen(ctx context.Context) bool {
	var fleet struct {
		Instances []struct{ Instance, State string }
	}
	a := request(ctx, http.MethodGet, m.API+"/api/maintenance/v1/instances", m.token, nil)
	if a.status != http.StatusOK || json.Unmarshal(a.body, &fleet) != nil {
		return false
	}
	live := 0
	for _, i := range fleet.Instances {
		if i.State == "live" {
			live++
		}
	}
	return live >= len(m.Instances)
}

func (m *mesh) said(text string) bool { return strings.Contains(m.stdout.String(), text) }

// freeAddress was free just now.
func freeAddress() (string, error) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return ln.Addr().String(), ln.Close()
}

// tool runs one of the operating commands against the mesh, and fails the test when that fails.
func (m *mesh) tool(t testing.TB, args ...string) string {
	t.Helper()
	code, stdout, stderr := command(t, nil, append(args, "--state", m.state)...)
	if code != 0 {
		t.Fatalf("signalbox %v ended with %d: %s%s", args, code, stdout, stderr)
	}
	return stdout
}

// row is an element of `ps --json`.
type row struct {
	Service, Instance, Address, Private, Version, Health, Level string
	PID                                                         int
}

func (m *mesh) ps(t testing.TB) (all []row) {
	t.Helper()
	out := m.tool(t, "ps", "--json")
	if err := json.Unmarshal([]byte(out), &all); err != nil {
		t.Fatalf("ps --json: %v in %s", err, out)
	}
	return all
}
