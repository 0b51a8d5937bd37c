// Package lease changes a running mesh for a time: who may, for how long, how the instances hear of it,
// and the receipt that says which of them have done it.
package lease

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/sidecar/problem"
)

// Level is the kind of lease that sets a log level.
const Level = "level"

// Lease is a change with an end.
type Lease struct {
	ID        string
	Revision  int64
	Kind      string
	Service   string // "": all
	Instance  string // "": all
	Logger    string // "": the root
	Value     string // a level's name
	Owner     string // subject of who asked for it
	OwnerName string
	Reason    string
	CreatedAt time.Time
	ExpiresAt time.Time
	DroppedAt *time.Time
	DroppedBy string
	Remaining time.Duration // by PostgreSQL's clock, when it was read
}

// ErrUnknown is returned for an id that names no lease.
var ErrUnknown = errors.New("no such lease")

// ErrOver is returned when a lease that is to be dropped has ended already.
var ErrOver = errors.New("the lease has ended already")

// Actor is who changes something.
type Actor struct{ Subject, Name string }

// Store keeps leases; every change gets the next revision and an audit row, in one transaction.
type Store interface {
	SetLease(ctx context.Context, l Lease, ttl time.Duration) (Lease, error)
	DropLease(ctx context.Context, id string, by Actor) (Lease, error)
	// LiveInstances are those that must hear of a lease with this target.
	LiveInstances(ctx context.Context, service, instance string) ([]Target, error)
}

// Target is one instance that a lease is for.
type Target struct{ Service, Instance string }

// Holding are the leases that hold for the instance, weakest first: the less specific first, then the older.
func Holding(all []Lease, service, instance string) []Lease {
	var mine []Lease
	for _, l := range all {
		if (l.Service == "" || l.Service == service) && (l.Instance == "" || l.Instance == instance) {
			mine = append(mine, l)
		}
	}
	slices.SortStableFunc(mine, func(a, b Lease) int {
		return cmp.Or(cmp.Compare(a.specific(), b.specific()), cmp.Compare(a.Revision, b.Revision))
	})
	return mine
}

func (l Lease) specific() (n int) {
	if l.Service != "" {
		n++
	}
	if l.Instance != "" {
		n += 2
	}
	return n
}

// check makes the lease's texts canonical; its error names every wrong field.
func (l *Lease) check() error {
	var wrong []problem.Field
	bad := func(name, detail string) { wrong = append(wrong, problem.Field{Name: "/" + name, Detail: detail}) }
	if l.Kind != Level {
		bad("kind", `"level" is the only kind of lease`)
	}
	value, err := canonicalLevel(l.Value)
	if err != nil {
		bad("value", "a level is debug, info, warn or error, or one of them with an offset like info+2")
	}
	l.Value = value
	if l.Reason = strings.TrimSpace(l.Reason); l.Reason == "" || len(l.Reason) > 500 || !plain(l.Reason) {
		bad("reason", "say why, in up to 500 bytes")
	}
	for _, f := range []struct{ name, value string }{{"service", l.Service}, {"instance", l.Instance}, {"logger", l.Logger}} {
		if len(f.value) > 256 || !plain(f.value) || strings.ContainsAny(f.value, " \t\r\n*") {
			bad(f.name, "a name without white space, up to 256 bytes; leave it out for all")
		}
	}
	if l.Instance != "" && l.Service == "" {
		bad("instance", "an instance needs its service")
	}
	if wrong != nil {
		return &problem.Error{Code: problem.Invalid, Detail: "the lease is not valid", Fields: wrong}
	}
	return nil
}

func plain(s string) bool { return utf8.ValidString(s) && !strings.ContainsRune(s, 0) }

func canonicalLevel(text string) (string, error) {
	text = strings.ToUpper(text)
	if text == "WARNING" {
		text = "WARN"
	}
	var l slog.Level
	if err := l.UnmarshalText([]byte(text)); err != nil {
		return "", err
	}
	if l < -64 || l > 64 {
		return "", errors.New("out of range")
	}
	return l.String(), nil
}

// Change is one row of the audit.
type Change struct {
	ID      int64
	At      time.Time
	Actor   string
	Name    string
	Action  string
	Service string
	Subject string
	Detail  json.RawMessage
}
