package cli

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/alecthomas/kong"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/internal/up"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
)

type versionCommand struct{}

// Run prints the version.
func (versionCommand) Run(p Process) error {
	_, err := fmt.Fprintln(p.Stdout, p.Version)
	return err
}

type completionCommand struct {
	Shell string `arg:"" enum:"bash,zsh,fish" help:"bash, zsh or fish."`
}

func (completionCommand) Help() string {
	return `Examples:
  source <(signalbox completion bash)
  signalbox completion zsh > "${fpath[1]}/_signalbox"
  signalbox completion fish > ~/.config/fish/completions/signalbox.fish`
}

var scripts = map[string]string{
	"bash": `_signalbox() {
  local IFS=$'\n'
  COMPREPLY=($(compgen -W "$(signalbox __complete "${COMP_WORDS[@]:1:COMP_CWORD}")" -- "${COMP_WORDS[COMP_CWORD]}"))
}
complete -F _signalbox signalbox
`,
	"zsh": `#compdef signalbox
_signalbox() { compadd -- ${(f)"$(signalbox __complete "${(@)words[2,CURRENT]}")"} }
compdef _signalbox signalbox
`,
	"fish": `complete -c signalbox -f -a '(signalbox __complete (commandline -opc)[2..-1] (commandline -ct))'
`,
}

// Run prints the script.
func (c *completionCommand) Run(p Process) error {
	_, err := fmt.Fprint(p.Stdout, scripts[c.Shell])
	return err
}

type completeCommand struct {
	Words []string `arg:"" optional:""`
}

// completeLimit bounds a look into the mesh: a shell waits for it.
const completeLimit = 300 * time.Millisecond

// Run prints the candidates for the last word, a line each.
func (c *completeCommand) Run(ctx context.Context, p Process, call *kong.Kong) error {
	words := slices.DeleteFunc(c.Words, func(w string) bool { return w == "--" })
	last := ""
	if len(words) > 0 {
		last, words = words[len(words)-1], words[:len(words)-1]
	}
	for _, candidate := range candidates(ctx, p, call.Model.Node, words, last) {
		if strings.HasPrefix(candidate, last) && (last != "" || candidate[0] != '-') {
			if _, err := fmt.Fprintln(p.Stdout, candidate); err != nil {
				return err
			}
		}
	}
	return nil
}

// candidates walks down the commands that the words name; below the last one are its children, its flags, and the values of
// the place or the flag whose turn it is. last is what there is of it.
func candidates(ctx context.Context, p Process, node *kong.Node, words []string, last string) []string {
	place, open := 0, (*kong.Flag)(nil)
	for _, word := range words {
		child := slices.IndexFunc(node.Children, func(c *kong.Node) bool { return c.Name == word })
		switch {
		case open != nil:
			open = nil
		case child >= 0:
			node, place = node.Children[child], 0
		case strings.HasPrefix(word, "-"):
			open = valued(node, word)
		default:
			place++
		}
	}
	if open != nil {
		if open.Enum == "" {
			return values(ctx, p, node, open.Name, last)
		}
		return strings.FieldsFunc(open.Enum, func(r rune) bool { return r == ',' })
	}
	var all []string
	for _, child := range node.Children {
		if !child.Hidden {
			all = append(all, child.Name)
		}
	}
	for _, f := range flagsOf(node) {
		for _, name := range append([]string{f.Name}, f.Aliases...) {
			all = append(all, "--"+name)
		}
	}
	if node.DefaultCmd != nil { // which is meant where no other is named
		node = node.DefaultCmd
	}
	if end := len(node.Positional) - 1; place <= end || end >= 0 && node.Positional[end].IsCumulative() {
		all = append(all, values(ctx, p, node, node.Positional[min(place, end)].Name, last)...)
	}
	return all
}

// flagsOf a command, and those of the one that it does when no other is named.
func flagsOf(node *kong.Node) (all []*kong.Flag) {
	for _, flags := range node.AllFlags(true) {
		all = append(all, flags...)
	}
	if node.DefaultCmd != nil {
		all = append(all, node.DefaultCmd.Flags...)
	}
	return all
}

// valued is the flag that a word names, if the next word is its value.
func valued(node *kong.Node, word string) *kong.Flag {
	for _, f := range flagsOf(node) {
		named := word == "--"+f.Name || slices.Contains(f.Aliases, strings.TrimPrefix(word, "--")) || f.Short != 0 && word == "-"+string(f.Short)
		if named && !f.IsBool() {
			return f
		}
	}
	return nil
}

func values(ctx context.Context, p Process, node *kong.Node, name, last string) []string {
	switch {
	case name == "name" && node.Parent != nil && node.Parent.Name == "schedule":
		return scheduleNames(ctx, p, last)
	case name == "service" || (name == "name" && (node.Name == "run" || node.Name == "migrate")):
		return house.Names()
	case name == "field":
		return []string{"service", "instance", "logger", "level", "msg", "version", "environment", "cluster", "namespace", "node"}
	case name == "level":
		return []string{"debug", "info", "warn", "error"}
	case name == "kind" && node.Name == "take":
		return []string{"cpu", "heap", "goroutine", "block", "mutex", "trace"}
	case name == "kind":
		return []string{"level", "sampling", "debug", "blackbox", "profile", "window", "policy", "fault"}
	case name == "id" && node.Parent != nil && node.Parent.Name == "lease":
		return leaseIDs(ctx, p)
	case name == "reason" && node.Name == "fires":
		return whyNot()
	case name == "fire":
		return openFires(ctx, p)
	case name == "shell":
		return []string{"bash", "zsh", "fish"}
	}
	return nil
}

// scheduleNames are those of the mesh with begun in them, 200 at most; without a mesh there are none.
func scheduleNames(ctx context.Context, p Process, begun string) (names []string) {
	var all api.Schedules
	look(ctx, p, schedulesPath+"?"+queryOf("brief", "true", "limit", "200", "q", begun).Encode(), &all)
	for _, s := range all.Items {
		names = append(names, s.Name)
	}
	return names
}

// openFires are the newest that can be cancelled.
func openFires(ctx context.Context, p Process) (ids []string) {
	var all api.Fires
	look(ctx, p, firesPath+"?limit=200", &all)
	for _, f := range all.Items {
		if !ended(f) {
			ids = append(ids, f.ID)
		}
	}
	return ids
}

// leaseIDs are of the leases in force.
func leaseIDs(ctx context.Context, p Process) (ids []string) {
	var all leasesAnswer
	look(ctx, p, leasesPath, &all)
	for _, l := range all.Leases {
		ids = append(ids, l.ID)
	}
	return ids
}

// look asks the mesh in ./.signalbox, or the one that the environment names. Whoever completes a word is told no error.
func look(ctx context.Context, p Process, path string, into any) {
	ctx, cancel := context.WithTimeout(ctx, completeLimit)
	defer cancel()
	from := meshFlags{State: variable(p.Environ, "SIGNALBOX_STATE"), URL: variable(p.Environ, "SIGNALBOX_URL"),
		Token: variable(p.Environ, "SIGNALBOX_TOKEN"), Context: variable(p.Environ, "SIGNALBOX_CONTEXT")}
	if from.State == "" {
		from.State = up.DefaultState
	}
	if mesh, err := from.connect(p); err == nil {
		_ = mesh.Do(ctx, http.MethodGet, path, nil, nil, into)
	}
}
