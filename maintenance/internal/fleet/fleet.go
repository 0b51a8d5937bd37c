// Package fleet is what view-service knows of the running instances: each one syncs at its start, with
// every heartbeat and at its end; it says what is so there, and is told what should be.
//
//	(first Sync) → live ──(last Sync: stopping)──→ stopped
//	                │ ↑
//	   3 heartbeats │ │ Sync
//	                ↓ │
//	               lost
package fleet

import (
	"encoding/json"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/lease"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
)

// Heartbeat is how often an instance syncs, Lost after how long a silence it counts as lost, Gone after how long as one that
// does not come back: it was replaced by one of another name, or taken away.
const (
	Heartbeat = 5 * time.Second
	Lost      = 3 * Heartbeat
	Gone      = 10 * time.Minute
)

// State of an instance.
type State string

// The states.
const (
	Live    State = "live"
	Silent  State = "lost"
	Stopped State = "stopped"
)

// Instance as it last reported.
type Instance struct {
	Service        string
	Instance       string
	Version        string
	Epoch          string
	PID            int64
	PublicAddress  string
	PrivateAddress string
	Environment    string
	StartedAt      *time.Time
	Health         string
	Checks         json.RawMessage // [{name, status, error, node, since, weight}]
	Loggers        json.RawMessage // [{name, configured, leased, effective, lease_id}]
	Applied        json.RawMessage // [{id, error, spent}]
	Drift          []Difference    // of a live one
	Usage          *Usage          // nil: it does not say
	Revision       int64           // of the leases, applied there
	HeardAt        time.Time
	State          State
}

// Ledger is what an instance says of one spool class of its current epoch.
type Ledger struct {
	Class  string
	Issued uint64
	Closed bool
}

// Report is one Sync.
type Report struct {
	Instance Instance
	Loggers  []lease.Logger // what Instance.Loggers holds
	Applied  []Applied      // what Instance.Applied holds, of ids that can be a lease's
	Rates    []lease.Rate   // of what is suppressed
	Settings string         // hash of the effective ones; "": not said
	Sampling Sampling
	Events   []lease.Event
	Ledgers  []Ledger
	Checks   []topology.Check // what Instance.Checks holds
	Since    time.Time        // of Instance.Health; zero: not said
	Edges    []topology.Edge  // since the instance started
	Stopping bool
}

// Applied is what became of a lease on the instance.
type Applied struct {
	ID    string
	Error string // "": it is in effect
	Spent bool   // its budget is used up, and it has fallen back by itself
}

// Sampling is the share of new traces that are kept, as configured and as it is.
type Sampling struct{ Configured, Effective float64 }

// Answer is what a Sync is told, and what it has changed.
type Answer struct {
	Leases   []lease.Lease // in force
	Revision int64
	Overdue  bool          // a lease is over, and nobody has noted it yet
	Noted    []lease.Noted // changes that the report has brought
}
