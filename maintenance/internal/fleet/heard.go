package fleet

import (
	"math"
	"time"

	"github.com/google/uuid"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
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
	maxChecks  = 100
	maxEdges   = 300
	maxBounds  = 64 // classes of duration
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

func checks(req *fleetv1.SyncRequest) []topology.Check {
	all := []topology.Check{}
	for _, c := range first(req.GetHealth().GetChecks(), maxChecks) {
		one := topology.Check{Name: text(c.GetName()), Status: text(c.GetStatus()), Error: clip(c.GetError(), maxSaid), Node: text(c.GetNode()), Weight: text(c.GetWeight())}
		if c.GetSince().IsValid() {
			one.Since = c.GetSince().AsTime()
		}
		all = append(all, one)
	}
	return all
}

// usage that is none is not said.
func usage(u *fleetv1.Usage) *Usage {
	if u == nil || !finite(u.GetCpuSeconds()) {
		return nil
	}
	return &Usage{Resident: min(u.GetResidentBytes(), math.MaxInt64), Heap: min(u.GetHeapBytes(), math.MaxInt64),
		Goroutines: min(u.GetGoroutines(), math.MaxInt32), CPU: u.GetCpuSeconds(), Process: text(u.GetProcess())}
}

// edges leaves out what is no edge of the instance's own: nobody speaks for others.
func edges(req *fleetv1.SyncRequest) []topology.Edge {
	own, all := req.GetInstance().GetService(), []topology.Edge{}
	for _, e := range first(req.GetEdges(), maxEdges) {
		if (e.GetSource() != own && e.GetDestination() != own) || !finite(e.GetSeconds()) {
			continue
		}
		all = append(all, topology.Edge{Source: text(e.GetSource()), Destination: text(e.GetDestination()), Protocol: text(e.GetProtocol()),
			Calls: first(e.GetCalls(), maxBounds), Errors: e.GetErrors(), Seconds: e.GetSeconds(), Open: e.GetOpen()})
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
