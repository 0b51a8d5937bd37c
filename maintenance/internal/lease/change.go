package lease

import (
	"encoding/json"
	"time"
)

// Actions of the audit that leases make. A row is written in the transaction of the change.
const (
	ActionSet    = "lease.set"
	ActionDrop   = "lease.drop"
	ActionExpire = "lease.expire"
	ActionSpent  = "lease.spent"
	ActionLocal  = "level.local" // on an instance itself: /loggers, a signal
)

// Change is one row of the audit. Detail holds what it was about, with the keys before and after.
type Change struct {
	ID      int64
	At      time.Time
	Actor   string
	Name    string
	Action  string
	Service string // "": all
	Subject string // the lease's id, or what else was changed
	Detail  json.RawMessage
	Results []Outcome // of the instances, as far as is known by now; of lease.set, lease.drop and lease.expire
}

// AuditFilter chooses rows of the audit; what is empty chooses all.
type AuditFilter struct {
	Since, Until time.Time
	Actor        string // subject or name
	Action       string
	Service      string // changes of it, and those of all
	Subject      string
	Before       int64 // id; 0: from the newest on
	Limit        int
}

// Event is what an instance says has happened to a lease, or to a level, by itself.
type Event struct {
	ID       string // a UUID; what is said twice counts once
	LeaseID  string
	Service  string
	Instance string
	What     string // one of the kinds of event
	At       time.Time
	Detail   string
	Before   string
	After    string
	Actor    string
}

// The kinds of event.
const (
	EventExpired    = "expired"
	EventSpent      = "spent"
	EventLocalSet   = "local_set"
	EventLocalReset = "local_reset"
	EventResumed    = "resumed"
	EventRefused    = "refused"
)

// Noted is a change that a Sync has brought, for the metrics.
type Noted struct{ Kind, Action string }

// Entry is the audit's row of a change of the lease.
func (l Lease) Entry(by Actor, action string, before, after any) (Change, error) {
	detail, err := json.Marshal(map[string]any{"kind": l.Kind, "service": l.Service, "instance": l.Instance, "logger": l.Logger,
		"value": l.Value, "reason": l.Reason, "keep": l.Keep, "expires_at": l.ExpiresAt, "lines": l.Budget.Lines, "bytes": l.Budget.Bytes,
		"before": before, "after": after})
	return Change{Actor: by.Subject, Name: by.Name, Action: action, Service: l.Service, Subject: l.ID, Detail: detail}, err
}
