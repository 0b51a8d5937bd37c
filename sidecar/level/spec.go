package level

import (
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
)

// Spec is a parsed baseline: "info,catalogs.store=debug".
type Spec struct {
	Root    slog.Level
	Loggers map[string]slog.Level
}

// ParseSpec reads "LEVEL[,LOGGER=LEVEL]…". Levels are slog's, case-insensitive ("DEBUG", "info+2").
// Naming a logger twice is an error: one of the two would be ignored.
func ParseSpec(text string) (Spec, error) {
	root, rest, more := strings.Cut(text, ",")
	l, err := Parse(root)
	if err != nil {
		return Spec{}, err
	}
	s := Spec{Root: l, Loggers: map[string]slog.Level{}}
	for more {
		var entry string
		entry, rest, more = strings.Cut(rest, ",")
		if err := s.add(entry); err != nil {
			return Spec{}, err
		}
	}
	return s, nil
}

// String is the spec in the form that ParseSpec reads, loggers sorted by name.
func (s Spec) String() string {
	var b strings.Builder
	b.WriteString(s.Root.String())
	for _, name := range slices.Sorted(maps.Keys(s.Loggers)) {
		b.WriteString("," + name + "=" + s.Loggers[name].String())
	}
	return b.String()
}

// Parse reads one level: a name of slog's, case-insensitive, with an optional offset ("info+2").
func Parse(text string) (slog.Level, error) {
	var l slog.Level
	if err := l.UnmarshalText([]byte(strings.TrimSpace(text))); err != nil {
		return 0, fmt.Errorf("level %q is not one of debug, info, warn, error with an optional offset such as info+2", text)
	}
	return l, nil
}

func (s Spec) add(entry string) error {
	name, text, ok := strings.Cut(entry, "=")
	name = strings.TrimSpace(name)
	if !ok || !validName(name) {
		return fmt.Errorf("level entry %q is not LOGGER=LEVEL", entry)
	}
	if _, twice := s.Loggers[name]; twice {
		return fmt.Errorf("logger %q has two levels", name)
	}
	l, err := Parse(text)
	if err != nil {
		return fmt.Errorf("logger %q: %w", name, err)
	}
	s.Loggers[name] = l
	return nil
}

// validName refuses what could never match a logger: empty parts, spaces, control characters.
func validName(name string) bool {
	for part := range strings.SplitSeq(name, ".") {
		if part == "" || strings.ContainsFunc(part, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			return false
		}
	}
	return true
}
