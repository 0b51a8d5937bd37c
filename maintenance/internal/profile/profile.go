// Package profile takes what instances have captured for leases of kind "profile", and keeps it for a time: in chunks in
// PostgreSQL, bounded by age and by size of all of them together.
package profile

import (
	"errors"
	"time"
)

// Profile that an instance has captured.
type Profile struct {
	ID        string
	LeaseID   string
	Service   string
	Instance  string
	Kind      string // cpu, heap, goroutine, block, mutex, trace
	From      time.Time
	Until     time.Time // by the instance's clock
	Size      int64     // bytes
	SHA256    []byte
	Cut       bool   // it ended before its time
	Owner     string // of the lease
	OwnerName string
	Reason    string
	StoredAt  time.Time
}

// Begun is how much of a profile there is already.
type Begun struct {
	ID       string
	Stored   int64 // bytes
	Complete bool
}

// Filter of a list; what is empty is not asked for.
type Filter struct {
	Service, Instance, Kind, Lease string
	Since, Until                   time.Time // profiles that meet this range
	Limit                          int
}

// Totals of what is kept.
type Totals struct {
	Profiles int
	Bytes    int64
}

// Errors of the store.
var (
	ErrUnknown = errors.New("no such profile")
	ErrLease   = errors.New("no lease asks the instance for such a profile")
	ErrTooMuch = errors.New("the profile is larger than all that may be kept")
	ErrOffset  = errors.New("the upload does not go on where the profile ends")
	ErrSum     = errors.New("the profile is not what was announced, it must be sent again")
)
