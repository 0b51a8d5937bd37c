package cli

import (
	"errors"
	"strings"

	"github.com/signalbox-mesh/signalbox/internal/client"
)

// placed is a mistake in a query, with the query and a caret under the place.
type placed struct {
	error
	shown string
}

func (p placed) Unwrap() error { return p.error }

// showPlace adds the place to an error that the API gave for the query; any other error stays as it is.
func showPlace(err error) error {
	var refused *client.Problem
	if !errors.As(err, &refused) {
		return err
	}
	for _, e := range refused.Errors {
		if e.Name == "q" && e.Shown != "" {
			return placed{misuse("the query cannot be read: %s; 'signalbox logs --help' shows the language", e.Detail), e.Shown}
		}
	}
	return err
}

// below is what stands under an error's sentence, moved in, up to the caret: the sentence has the rest; nothing for most.
func below(err error) string {
	var p placed
	if !errors.As(err, &p) {
		return ""
	}
	var b strings.Builder
	for line := range strings.Lines(p.shown) {
		if place, _, ok := strings.Cut(line, "^"); ok && strings.TrimSpace(place) == "" {
			line = place + "^"
		}
		b.WriteString("  " + printable(strings.TrimRight(line, "\n")) + "\n")
	}
	return b.String()
}

// negations puts a negated term of a query in parentheses, which mean nothing there: -service:gateway would be read as
// flags of the command line. Only `signalbox logs …` has such terms.
func negations(args []string) []string {
	if len(args) == 0 || args[0] != "logs" {
		return args
	}
	all := make([]string, len(args))
	for i, arg := range args {
		if all[i] = arg; negated(arg) {
			all[i] = "(" + arg + ")"
		}
	}
	return all
}

// negated: one dash, a name of two letters or more, and an operator.
func negated(arg string) bool {
	name, ok := strings.CutPrefix(arg, "-")
	end := strings.IndexAny(name, ":=<>!~")
	return ok && end >= 2 && strings.Trim(strings.ToLower(name[:end]), "abcdefghijklmnopqrstuvwxyz0123456789_.") == ""
}
