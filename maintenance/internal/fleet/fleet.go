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
)

// Heartbeat is how often an instance syncs, Lost after how long a silence it counts as lost.
const (
	Heartbeat = 5 * time.Second
	Lost      = 3 * Heartbeat
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
	Checks         json.RawMessage // [{name, status, error}]
	Loggers        json.RawMessage // [{name, configured, leased, effective, lease_id}]
	Applied        json.RawMessage // [{id, error}]
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
	Ledgers  []Ledger
	Stopping bool
}
