package fleet

import (
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
)

// Bounds of what one instance may say.
const (
	maxClasses = 16
	maxText    = 256 // bytes of a name
	maxSaid    = 500 // bytes of what is said in words
	maxApplied = 1000
	maxLoggers = 20_000
	maxRates   = 2000
	maxEvents  = 1000
)

func first[T any](all []T, most int) []T { return all[:min(len(all), most)] }

func loggers(req *fleetv1.SyncRequest) (all []lease.Logger) {
	for _, l := range first(req.GetLoggers(), maxLoggers) {
		all = append(all, lease.Logger{Name: text(l.GetName()), Configured: l.GetConfigured(), Leased: l.GetLeased(), Effective: l.GetEffective(),
			LeaseID: l.GetLeaseId()})
	}
	return all
}

// applied leaves out what is no lease of ours: a change on the instance itself has another kind of id.
func applied(req *fleetv1.SyncRequest) (all []Applied) {
	for _, a := range first(req.GetApplied(), maxApplied) {
		if id, err := uuid.Parse(a.GetId()); err == nil {
			all = append(all, Applied{ID: id.String(), Error: clip(a.GetError(), maxSaid), Spent: a.GetSpent()})
		}
	}
	return all
}

// rates leaves out what is no rate.
func rates(req *fleetv1.SyncRequest) []lease.Rate {
	all := []lease.Rate{}
	for _, r := range first(req.GetSuppressed(), maxRates) {
		if lines, size := r.GetLinesPerSecond(), r.GetBytesPerSecond(); finite(lines) && finite(size) {
			all = append(all, lease.Rate{Logger: text(r.GetLogger()), Level: r.GetLevel(), Lines: lines, Bytes: size})
		}
	}
	return all
}

func finite(f float64) bool { return f >= 0 && !math.IsInf(f, 1) }

// events leaves out those whose id is none: one that cannot be known again would count each time that it comes.
func events(req *fleetv1.SyncRequest) (all []lease.Event) {
	now := time.Now()
	for _, e := range first(req.GetEvents(), maxEvents) {
		id, err := uuid.Parse(e.GetId())
		if err != nil {
			continue
		}
		at := e.GetAt().AsTime()
		if !e.GetAt().IsValid() || at.After(now.Add(time.Hour)) || at.Before(now.Add(-90*24*time.Hour)) {
			at = now
		}
		all = append(all, lease.Event{ID: id.String(), LeaseID: text(e.GetLeaseId()), Service: text(req.GetInstance().GetService()),
			Instance: text(req.GetInstance().GetInstance()), What: text(e.GetWhat()), At: at, Detail: clip(e.GetDetail(), maxSaid), Before: clip(e.GetBefore(), maxSaid),
			After: clip(e.GetAfter(), maxSaid), Actor: text(e.GetActor())})
	}
	return all
}
