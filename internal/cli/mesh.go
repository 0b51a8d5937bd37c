package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/signalbox-mesh/signalbox/internal/client"
	"github.com/signalbox-mesh/signalbox/internal/up"
)

// meshFlags choose the mesh that a command talks to: --url, else --context, else the one in --state, and where no folder
// is named and no mesh runs in the usual one, the context in use.
type meshFlags struct {
	State   string `env:"SIGNALBOX_STATE" default:"${state}" help:"State folder of the mesh that 'signalbox up' runs here." placeholder:"DIR"`
	URL     string `env:"SIGNALBOX_URL" help:"API of a remote mesh." placeholder:"URL"`
	Token   string `env:"SIGNALBOX_TOKEN" help:"User token for --url; better in the variable than on the command line." placeholder:"TOKEN"`
	Context string `env:"SIGNALBOX_CONTEXT" help:"A mesh named by 'signalbox context set'." placeholder:"NAME"`
}

// output is the choice between a table for people and JSON for programs.
type output struct {
	JSON bool `help:"Print JSON."`
}

// connect finds the mesh and the token.
func (f meshFlags) connect(p Process) (*client.Client, error) {
	switch {
	case f.URL != "":
		if f.Token == "" {
			return nil, misuse("--url needs a token: set SIGNALBOX_TOKEN")
		}
		return client.New(f.URL, f.Token)
	case f.Context != "":
		return named(p, f.Context)
	}
	here, err := f.here()
	switch {
	case errors.Is(err, fs.ErrNotExist):
		// Who names a folder means the mesh in it: a change must not reach another one instead.
		if current, ok := currentContext(p.Environ); ok && f.State == up.DefaultState {
			return named(p, current)
		}
		return nil, fmt.Errorf("no mesh runs in %s: start one with `signalbox up`, name its folder with --state, or a remote one with --url", f.State)
	case errors.Is(err, fs.ErrPermission):
		return nil, fmt.Errorf("the mesh in %s is another user's: call this as the one who started it, or take --url and a token of your own (%w)", f.State, err)
	}
	return here, err
}

func (f meshFlags) here() (*client.Client, error) {
	mesh, err := f.mesh()
	if err != nil {
		return nil, err
	}
	token, err := os.ReadFile(mesh.Token)
	if err != nil {
		return nil, fmt.Errorf("read the admin's token: %w", err)
	}
	return client.New(mesh.API, strings.TrimSpace(string(token)))
}

// mesh reads what `up` wrote about the running mesh.
func (f meshFlags) mesh() (up.Mesh, error) {
	var mesh up.Mesh
	raw, err := os.ReadFile(filepath.Join(f.State, "mesh.json"))
	if err != nil {
		return mesh, err
	}
	if err := json.Unmarshal(raw, &mesh); err != nil {
		return mesh, fmt.Errorf("read %s/mesh.json: %w", f.State, err)
	}
	return mesh, nil
}

func named(p Process, name string) (*client.Client, error) {
	all, err := loadContexts(p.Environ)
	if err != nil {
		return nil, err
	}
	c, ok := all.Contexts[name]
	if !ok {
		return nil, misuse("no context is called %q; `signalbox context list` shows those that exist", name)
	}
	return client.New(c.URL, c.Token)
}
