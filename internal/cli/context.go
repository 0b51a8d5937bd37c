package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// contexts are the remote meshes that have a name, kept in the user's configuration folder (0600).
type contexts struct {
	Current  string                 `json:"current"`
	Contexts map[string]meshContext `json:"contexts"`
}

type meshContext struct {
	URL   string `json:"url"`
	Token string `json:"token"`
}

type contextCommand struct {
	List contextList `cmd:"" help:"List the named meshes; * marks the one in use."`
	Set  contextSet  `cmd:"" help:"Name a mesh. The token is read from the standard input."`
	Use  contextUse  `cmd:"" help:"Use a mesh where no mesh runs in --state."`
	Drop contextDrop `cmd:"" help:"Forget a mesh and its token."`
}

type contextList struct{ output }

// Run prints the names.
func (c *contextList) Run(p Process) error {
	all, err := loadContexts(p.Environ)
	if err != nil {
		return err
	}
	type row struct {
		Name    string `json:"name"`
		URL     string `json:"url"`
		Current bool   `json:"current"`
	}
	rows := []row{}
	for _, name := range slices.Sorted(maps.Keys(all.Contexts)) {
		rows = append(rows, row{name, all.Contexts[name].URL, name == all.Current})
	}
	if c.JSON {
		return printJSON(p.Stdout, rows)
	}
	t := newTable(p.Stdout, "", "NAME", "URL")
	for _, r := range rows {
		t.row(mark(r.Current), r.Name, r.URL)
	}
	return t.flush()
}

func mark(current bool) string {
	if current {
		return "*"
	}
	return ""
}

type contextSet struct {
	Name string `arg:"" help:"Name of the mesh."`
	URL  string `arg:"" help:"Its API."`
}

func (contextSet) Help() string {
	return "Example:\n  signalbox context set prod https://signalbox.example < token"
}

// Run keeps the mesh under its name; the first one is in use at once.
func (c *contextSet) Run(p Process) error {
	token, err := io.ReadAll(io.LimitReader(p.Stdin, 16<<10))
	if err != nil {
		return fmt.Errorf("read the token: %w", err)
	}
	if strings.TrimSpace(string(token)) == "" {
		return misuse("the token is read from the standard input, and there was none")
	}
	return changeContexts(p.Environ, func(all *contexts) error {
		all.Contexts[c.Name] = meshContext{URL: c.URL, Token: strings.TrimSpace(string(token))}
		if all.Current == "" {
			all.Current = c.Name
		}
		return nil
	})
}

type contextUse struct {
	Name string `arg:"" help:"Name of the mesh."`
}

// Run makes it the current one.
func (c *contextUse) Run(p Process) error {
	return changeContexts(p.Environ, func(all *contexts) error {
		if _, ok := all.Contexts[c.Name]; !ok {
			return misuse("no context is called %q", c.Name)
		}
		all.Current = c.Name
		return nil
	})
}

type contextDrop struct {
	Name string `arg:"" help:"Name of the mesh."`
}

// Run forgets it.
func (c *contextDrop) Run(p Process) error {
	return changeContexts(p.Environ, func(all *contexts) error {
		delete(all.Contexts, c.Name)
		if all.Current == c.Name {
			all.Current = ""
		}
		return nil
	})
}

func contextsFile(environ []string) (string, error) {
	if dir := variable(environ, "XDG_CONFIG_HOME"); dir != "" {
		return filepath.Join(dir, "signalbox", "contexts.json"), nil
	}
	home := variable(environ, "HOME")
	if home == "" {
		return "", errors.New("neither XDG_CONFIG_HOME nor HOME is set: there is no place for contexts")
	}
	return filepath.Join(home, ".config", "signalbox", "contexts.json"), nil
}

func loadContexts(environ []string) (contexts, error) {
	all := contexts{Contexts: map[string]meshContext{}}
	name, err := contextsFile(environ)
	if err != nil {
		return all, err
	}
	raw, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return all, nil
	}
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		return all, fmt.Errorf("read contexts: %w", err)
	}
	if all.Contexts == nil {
		all.Contexts = map[string]meshContext{}
	}
	return all, nil
}

func currentContext(environ []string) (string, bool) {
	all, err := loadContexts(environ)
	return all.Current, err == nil && all.Current != ""
}

func changeContexts(environ []string, change func(*contexts) error) error {
	all, err := loadContexts(environ)
	if err != nil {
		return err
	}
	if err := change(&all); err != nil {
		return err
	}
	name, err := contextsFile(environ)
	if err != nil {
		return err
	}
	raw, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return fmt.Errorf("encode contexts: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o700); err != nil {
		return fmt.Errorf("keep contexts: %w", err)
	}
	if err := os.WriteFile(name+".new", append(raw, '\n'), 0o600); err != nil {
		return fmt.Errorf("keep contexts: %w", err)
	}
	return os.Rename(name+".new", name)
}

func variable(environ []string, name string) string {
	value := ""
	for _, kv := range environ {
		if v, ok := strings.CutPrefix(kv, name+"="); ok {
			value = v
		}
	}
	return value
}
