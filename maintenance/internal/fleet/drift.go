package fleet

import (
	"strconv"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	held "github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// Difference between what is desired of an instance and what it says is so.
type Difference struct {
	What  string    `json:"what"` // level, level <logger>, sampling, settings
	Want  string    `json:"want"`
	Have  string    `json:"have"`
	Since time.Time `json:"since"`
}

// What can differ.
const (
	whatLevel    = "level"
	whatSampling = "sampling"
	whatSettings = "settings"
)

const (
	maxDifferences = 50
	// clocks of an instance and of PostgreSQL end a lease this far from each other at most: between the two ends, with the
	// lease is as right as without it.
	clocks = 3 * time.Second
)

// Known is what a report is compared with, of one snapshot.
type Known struct {
	Leases   []lease.Lease // in force, and those that expired lately
	Revision int64
	Settled  bool           // Leases are those of Revision, and of no later one
	Settings map[string]int // hashes of the other live instances of its service and version
	Previous []Difference
}

// Drift compares the report with what is desired: its own configured values, and the leases that hold for it. A report
// that has not heard of the latest revision says nothing yet about levels and sampling: what was known of them stays.
func Drift(r Report, k Known, now time.Time) []Difference {
	var all []Difference
	if k.Settled && r.Instance.Revision == k.Revision {
		all = append(levels(r, k), sampling(r, k)...)
	} else {
		for _, d := range k.Previous {
			if d.What != whatSettings {
				all = append(all, d)
			}
		}
	}
	all = append(all, settings(r, k)...)
	return since(all[:min(len(all), maxDifferences)], k.Previous, now)
}

// since has a difference begin when it was seen first.
func since(all, previous []Difference, now time.Time) []Difference {
	first := map[string]time.Time{}
	for _, d := range previous {
		first[d.What] = d.Since
	}
	for i, d := range all {
		all[i].Since = now.UTC()
		if at, ok := first[d.What]; ok {
			all[i].Since = at
		}
	}
	return all
}

// holding are the leases of the kind that hold for the instance, weakest first; with may those that end about now, too.
func (k Known) holding(r Report, kind string, may bool) (all []lease.Lease) {
	spent := map[string]bool{}
	for _, a := range r.Applied {
		spent[a.ID] = a.Spent // its budget is used up, and it has fallen back by itself
	}
	for _, l := range lease.Holding(k.Leases, r.Instance.Service, r.Instance.Instance) {
		ends := !l.Keep && l.Remaining < clocks
		if l.Kind == kind && !spent[l.ID] && (may || !ends) {
			all = append(all, l)
		}
	}
	return all
}

// levels differ where a logger's effective level is neither what it would be with the leases that end about now nor
// without them. What a logger inherits is told once, of the ancestor.
func levels(r Report, k Known) (all []Difference) {
	with, without := byLogger(k.holding(r, held.Level, true)), byLogger(k.holding(r, held.Level, false))
	told := map[string]Difference{}
	for _, l := range r.Loggers {
		want := desired(without, l)
		if l.Effective == want || l.Effective == desired(with, l) {
			continue
		}
		d := Difference{What: strings.TrimSuffix(whatLevel+" "+l.Name, " "), Want: want, Have: l.Effective}
		if above, ok := ancestor(told, l.Name); ok && above.Want == d.Want && above.Have == d.Have {
			continue
		}
		told[l.Name] = d
		all = append(all, d)
	}
	return all
}

func byLogger(all []lease.Lease) map[string]string {
	by := make(map[string]string, len(all))
	for _, l := range all {
		by[l.Logger] = l.Value
	}
	return by
}

// desired level of the logger: that of the nearest lease, else as it is configured there.
func desired(leases map[string]string, l lease.Logger) string {
	value, ok := leases[l.Name]
	if !ok {
		value, ok = ancestor(leases, l.Name)
	}
	if !ok {
		value = l.Configured
	}
	return value
}

// ancestor is the entry of the closest logger above the named one; the root ("") last.
func ancestor[V any](entries map[string]V, logger string) (found V, ok bool) {
	for logger != "" && !ok {
		logger = logger[:max(0, strings.LastIndexByte(logger, '.'))]
		found, ok = entries[logger]
	}
	return found, ok
}

// sampling differs when the share is neither what it would be with the leases that end about now nor without them.
func sampling(r Report, k Known) []Difference {
	want := ratio(r, k.holding(r, held.Sampling, false))
	if have := r.Sampling.Effective; have == want || have == ratio(r, k.holding(r, held.Sampling, true)) {
		return nil
	}
	return []Difference{{What: whatSampling, Want: number(want), Have: number(r.Sampling.Effective)}}
}

func number(f float64) string { return strconv.FormatFloat(f, 'g', -1, 64) }

// ratio that the leases make; one on a route leaves what holds for the others.
func ratio(r Report, all []lease.Lease) float64 {
	share := r.Sampling.Configured
	for _, l := range all {
		if v, err := strconv.ParseFloat(l.Value, 64); err == nil {
			share = v
		}
	}
	return share
}

// settings differ from those of most live instances of the service and version.
func settings(r Report, k Known) []Difference {
	own := k.Settings[r.Settings] + 1
	most, hash, ties := own, r.Settings, 0
	for other, n := range k.Settings {
		switch {
		case other == "" || other == r.Settings:
		case n > most:
			most, hash, ties = n, other, 0
		case n == most:
			ties++
		}
	}
	if r.Settings == "" || (hash == r.Settings && ties == 0) {
		return nil
	}
	d := Difference{What: whatSettings, Want: brief(hash), Have: brief(r.Settings)}
	if ties > 0 {
		d.Want = "one for all, and none has the majority"
	}
	return []Difference{d}
}

func brief(hash string) string { return hash[:min(len(hash), 12)] }
