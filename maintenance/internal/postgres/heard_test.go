package postgres

import (
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
)

// Whoever looks for a level from a logger upwards finds the same among the few that are kept as among all.
func TestLevelsAreFoundAmongTheFewThatDiffer(t *testing.T) {
	t.Parallel()
	name := rapid.SampledFrom([]string{"a", "b", "a.b", "a.b.c", "a.b.c.d", "b.c", "b.c.d", "bb", "a.x"})
	levels := rapid.SampledFrom([]string{"DEBUG", "INFO", "WARN"})
	rapid.Check(t, func(t *rapid.T) {
		all := map[string]string{"": levels.Draw(t, "root")}
		reported := []lease.Logger{{Effective: all[""]}}
		for _, n := range rapid.SliceOfDistinct(name, rapid.ID).Draw(t, "loggers") {
			all[n] = levels.Draw(t, n)
			reported = append(reported, lease.Logger{Name: n, Effective: all[n]})
		}
		few := differing(reported)
		few[""] = rootLevel(reported)
		look := func(among map[string]string, logger string) string {
			if level, ok := among[logger]; ok {
				return level
			}
			return nearest(among, logger)
		}
		for _, logger := range []string{"a", "a.b", "a.b.c", "a.b.c.d", "a.b.c.d.e", "b", "b.c", "b.c.d", "bb", "bb.c", "a.x", "z"} {
			if want, got := look(all, logger), look(few, logger); got != want {
				t.Fatalf("%s is at %s, not at %s: %v of %v", logger, got, want, few, all)
			}
		}
		got := names(reported)
		if len(got) != len(all)-1 || slices.ContainsFunc(got, func(n string) bool { return strings.TrimSpace(n) == "" }) {
			t.Fatalf("names %q of %v", got, all)
		}
	})
}
