package block

import (
	"encoding/hex"
	"log/slog"
	"math"
	"slices"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/query"
)

// May is false when the filter denies what every match needs. Services, levels and times are the head's business.
func (f Filter) May(n query.Needs) bool {
	for _, gram := range n.Grams {
		if !f.MayText(gram) {
			return false
		}
	}
	for _, p := range n.Pairs {
		if !f.mayOne(p) {
			return false
		}
	}
	return f.mayTraces(n.Traces)
}

func (f Filter) mayOne(p query.Pair) bool {
	for _, v := range p.Values {
		if f.MayPair(p.Name, v) {
			return true
		}
	}
	return len(p.Values) == 0
}

func (f Filter) mayTraces(traces []string) bool {
	for _, trace := range traces {
		if raw, err := hex.DecodeString(trace); err != nil || len(raw) != 16 || f.MayTrace(raw) {
			return true
		}
	}
	return traces == nil
}

// Asks reports whether a filter can deny anything that is needed.
func Asks(n query.Needs) bool {
	for _, gram := range n.Grams {
		if !eachWord(gram, func(string) bool { return false }) {
			return true
		}
	}
	for _, p := range n.Pairs {
		if !slices.ContainsFunc(p.Values, fractional) {
			return true
		}
	}
	return n.Traces != nil
}

// May is false when the head alone tells that no record of the block has what every match needs.
func (h *Head) May(n query.Needs) bool {
	if h.High < n.MinLevel || h.Low > n.MaxLevel || h.To.Before(n.Since) || !n.Until.IsZero() && h.From.After(n.Until) {
		return false
	}
	if n.Services == nil {
		return true
	}
	for _, s := range n.Services {
		if s == h.Service {
			return true
		}
	}
	return false
}

// Bounds of a level, as it is stored.
const (
	MinLevel slog.Level = math.MinInt16
	MaxLevel slog.Level = math.MaxInt16
)
