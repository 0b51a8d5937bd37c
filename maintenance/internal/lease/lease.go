// Package lease changes a running mesh for a time: who may, for how long, how the instances hear of it, what it would
// cost, and the receipt that says which of them have done it. Which of several leases wins is said in one place,
// sidecar/lease.Sort; Holding orders by it.
package lease

import (
	"errors"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// Lease is a change with an end.
type Lease struct {
	ID        string
	Revision  int64
	Kind      string // one of sidecar/lease's
	Service   string // "": all
	Instance  string // "": all
	Logger    string // "": the root
	Value     string // canonical
	Budget    Budget
	Keep      bool   // it holds until it is dropped
	Owner     string // subject of who asked for it
	OwnerName string
	Reason    string
	CreatedAt time.Time
	ExpiresAt *time.Time // nil: kept
	EndedAt   *time.Time
	Ended     string // "": it has not, as far as was noticed; Dropped, Expired
	EndedBy   string
	Remaining time.Duration // by PostgreSQL's clock, when it was read; 0 for one that is kept
}

// Budget is what a lease may cost on each instance; 0: no bound.
type Budget struct{ Lines, Bytes int64 }

// What a lease is.
const (
	Active  = "active"
	Dropped = "dropped"
	Expired = "expired"
)

// State of the lease when it was read.
func (l Lease) State() string {
	switch {
	case l.Ended != "":
		return l.Ended
	case !l.Keep && l.Remaining <= 0:
		return Expired
	default:
		return Active
	}
}

// ErrUnknown is returned for an id that names no lease.
var ErrUnknown = errors.New("no such lease")

// ErrOver is returned when a lease that is to be dropped has ended already.
var ErrOver = errors.New("the lease has ended already")

// Actor is who changes something.
type Actor struct{ Subject, Name string }

// Target is one instance that a lease is for.
type Target struct{ Service, Instance string }

// For says whether the lease is for the instance.
func (l Lease) For(t Target) bool { return l.sidecar().Matches(t.Service, t.Instance) }

func (l Lease) sidecar() lease.Lease {
	return lease.Lease{ID: l.ID, Kind: l.Kind, Service: l.Service, Instance: l.Instance, Logger: l.Logger, Revision: l.Revision}
}

// Holding are the leases that hold for the instance, weakest first, in the order of sidecar/lease.Sort.
func Holding(all []Lease, service, instance string) []Lease {
	var order []lease.Lease
	byID := map[string]Lease{}
	for _, l := range all {
		if l.For(Target{service, instance}) {
			order, byID[l.ID] = append(order, l.sidecar()), l
		}
	}
	lease.Sort(order)
	mine := make([]Lease, len(order))
	for i, one := range order {
		mine[i] = byID[one.ID]
	}
	return mine
}

func (l Lease) target() string {
	all := func(s string) string {
		if s == "" {
			return "*"
		}
		return s
	}
	return all(l.Service) + "/" + all(l.Instance) + "/" + all(l.Logger)
}
