package query

import (
	"slices"
	"strings"
	"time"
)

// both are the needs of two that must hold.
func both(a, b Needs) Needs {
	n := Needs{
		MinLevel: max(a.MinLevel, b.MinLevel), MaxLevel: min(a.MaxLevel, b.MaxLevel),
		Since: a.Since, Until: a.Until,
		Services: common(a.Services, b.Services), Traces: common(a.Traces, b.Traces),
		Grams: distinct(slices.Concat(a.Grams, b.Grams)),
		Names: distinct(slices.Concat(a.Names, b.Names)),
		Pairs: slices.Concat(a.Pairs, b.Pairs),
	}
	if b.Since.After(a.Since) {
		n.Since = b.Since
	}
	if !b.Until.IsZero() && (a.Until.IsZero() || b.Until.Before(a.Until)) {
		n.Until = b.Until
	}
	return n
}

// either are the needs of two of which one must hold: what both need.
func either(a, b Needs) Needs {
	return Needs{
		MinLevel: min(a.MinLevel, b.MinLevel), MaxLevel: max(a.MaxLevel, b.MaxLevel),
		Since: open(a.Since, b.Since, -1), Until: open(a.Until, b.Until, 1),
		Services: union(a.Services, b.Services), Traces: union(a.Traces, b.Traces),
		Grams: distinct(slices.Concat(held(a.Grams, b.Grams), held(b.Grams, a.Grams))),
		Names: slices.DeleteFunc(slices.Clone(a.Names), func(s string) bool { return !slices.Contains(b.Names, s) }),
		Pairs: shared(a.Pairs, b.Pairs),
	}
}

// open is the wider of two bounds; the zero one has no end.
func open(a, b time.Time, wider int) time.Time {
	if a.IsZero() || b.IsZero() {
		return time.Time{}
	}
	if a.Compare(b) == wider {
		return a
	}
	return b
}

// common are the texts in both; nil stands for all there are.
func common(a, b []string) []string {
	if a == nil {
		return b
	}
	if b == nil {
		return a
	}
	return slices.DeleteFunc(slices.Clone(a), func(s string) bool { return !slices.Contains(b, s) })
}

func union(a, b []string) []string {
	if a == nil || b == nil {
		return nil
	}
	return distinct(slices.Concat(a, b))
}

// held are the grams that stand within one of others, too.
func held(grams, others []string) []string {
	return slices.DeleteFunc(slices.Clone(grams), func(g string) bool {
		return !slices.ContainsFunc(others, func(o string) bool { return strings.Contains(o, g) })
	})
}

// shared are the pairs of a name that both need, with the values of either.
func shared(a, b []Pair) (all []Pair) {
	for _, p := range a {
		for _, q := range b {
			if p.Name == q.Name {
				all = append(all, Pair{p.Name, union(p.Values, q.Values)})
			}
		}
	}
	return all[:min(len(all), MaxTerms)]
}
