package lease

import (
	"cmp"
	"log/slog"
	"slices"
	"strings"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// Member is a live instance, as it last reported.
type Member struct {
	Target
	Loggers    []Logger
	Suppressed []Rate
}

// Logger is what is so of one logger on an instance. The JSON names are those of the contract.
type Logger struct {
	Name       string `json:"name"` // "": the root
	Configured string `json:"configured"`
	Leased     string `json:"leased"` // "": by no lease
	Effective  string `json:"effective"`
	LeaseID    string `json:"lease_id"`
}

// Rate is what one logger would write a second at a level that is not effective there.
type Rate struct {
	Logger string  `json:"logger"`
	Level  int32   `json:"level"` // slog's number
	Lines  float64 `json:"lines_per_second"`
	Bytes  float64 `json:"bytes_per_second"`
}

// Preview is what a lease on a level would add to the log, by what the instances have lately suppressed.
type Preview struct {
	Lines     float64 // a second
	Bytes     float64 // a second
	Instances int     // live, that it is for
	Loggers   []Cost  // most lines first
}

// Cost of one logger's lines of one level, on all instances of a service.
type Cost struct {
	Service string
	Logger  string
	Level   string
	Lines   float64
	Bytes   float64
}

// preview sums, over the members, the lines at or above the new level and below the effective one, of the loggers that
// the lease would win: those in its subtree for which nothing more specific holds.
func preview(l Lease, holding []Lease, members []Member) Preview {
	p := Preview{Instances: len(members)}
	type key struct{ service, logger, level string }
	costs := map[key]Cost{}
	for _, m := range members {
		after, now := overrides(append(slices.Clone(holding), l), m.Target), m.levels()
		for _, r := range m.Suppressed {
			level := slog.Level(r.Level)
			winner, ok := nearest(after, r.Logger)
			if !ok || winner.id != l.ID || level < winner.level || level >= effective(now, r.Logger) || !(r.Lines > 0) {
				continue
			}
			k := key{m.Service, r.Logger, level.String()}
			c := costs[k]
			costs[k] = Cost{m.Service, r.Logger, k.level, c.Lines + r.Lines, c.Bytes + max(r.Bytes, 0)}
			p.Lines, p.Bytes = p.Lines+r.Lines, p.Bytes+max(r.Bytes, 0)
		}
	}
	for _, c := range costs {
		p.Loggers = append(p.Loggers, c)
	}
	slices.SortFunc(p.Loggers, func(a, b Cost) int {
		return cmp.Or(cmp.Compare(b.Lines, a.Lines), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Logger, b.Logger), cmp.Compare(a.Level, b.Level))
	})
	return p
}

// override is what holds for one logger's subtree.
type override struct {
	id    string
	level slog.Level
}

// overrides are the leases on levels that hold for the instance, by logger: of two on the same logger the stronger one.
func overrides(all []Lease, t Target) map[string]override {
	by := map[string]override{}
	for _, l := range Holding(all, t.Service, t.Instance) {
		var level slog.Level
		if l.Kind == lease.Level && level.UnmarshalText([]byte(l.Value)) == nil {
			by[l.Logger] = override{l.ID, level}
		}
	}
	return by
}

// nearest finds the entry of the logger itself, or of its closest ancestor; the root ("") last.
func nearest[V any](entries map[string]V, logger string) (V, bool) {
	for {
		if v, ok := entries[logger]; ok || logger == "" {
			return v, ok
		}
		logger = logger[:max(0, strings.LastIndexByte(logger, '.'))]
	}
}

func (m Member) levels() map[string]string {
	by := make(map[string]string, len(m.Loggers))
	for _, l := range m.Loggers {
		by[l.Name] = l.Effective
	}
	return by
}

// effective level of a logger, by the nearest one that the instance has reported.
func effective(levels map[string]string, logger string) slog.Level {
	text, _ := nearest(levels, logger)
	var level slog.Level
	if level.UnmarshalText([]byte(text)) != nil {
		return slog.LevelInfo // it reports no levels: what every service begins with
	}
	return level
}

// has says whether the instance has the logger, or one below it.
func (m Member) has(logger string) bool {
	return logger == "" || slices.ContainsFunc(m.Loggers, func(l Logger) bool {
		return l.Name == logger || strings.HasPrefix(l.Name, logger+".")
	})
}
