// Package lease says what a lease is to whoever gives it an effect: sidecar/fleet holds the leases of an instance,
// and hands those of each kind to their Effect. It is a leaf, so that logging, bus and tracing can be effects too.
package lease

import (
	"cmp"
	"encoding/json"
	"errors"
	"io"
	"slices"
	"strings"
	"time"
)

// The kinds, and what their value is. An effect refuses a value that it does not understand.
const (
	Level    = "level"    // "DEBUG", in slog's names; Logger is the subtree
	Sampling = "sampling" // "0.25", or {"ratio":0.25,"route":"GET /v1/types"}
	Debug    = "debug"    // {"level":"DEBUG","user":"42",…}, one condition at least
	BlackBox = "blackbox" // {"share":0.1,"bytes":8388608,"seconds":30,"latency_ms":0}
	Profile  = "profile"  // {"profile":"cpu","seconds":10}
	Window   = "window"   // {"message":"upgrade of the disk"}
	Policy   = "policy"   // {"destination":"catalogs","timeout_ms":2000,"retries":1,…}: how this service calls another
	Fault    = "fault"    // {"destination":"catalogs","share":0.1,"delay_ms":300}: what befalls calls of this service to another
)

// MaxValue bounds Lease.Value, in bytes.
const MaxValue = 4 << 10

// ErrTooLarge refuses a value above MaxValue.
var ErrTooLarge = errors.New("the value is larger than 4 KiB")

// Decode reads a value that is a JSON object: one that is too large, a part that there is not, and whatever follows the
// object are errors.
func Decode(value string, into any) error {
	if len(value) > MaxValue {
		return ErrTooLarge
	}
	d := json.NewDecoder(strings.NewReader(value))
	d.DisallowUnknownFields()
	if err := d.Decode(into); err != nil {
		return err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) { // More takes a bracket too many for an end
		return errors.New("there is more after the object")
	}
	return nil
}

// Lease that holds on this instance.
type Lease struct {
	ID       string
	Kind     string
	Service  string // "": all
	Instance string // "": all
	Logger   string // "": the root
	Value    string
	Owner    string
	Reason   string
	Revision int64
	Until    time.Time // by the monotonic clock; zero: it is kept until it is dropped
	Lines    int64     // its budget on this instance; 0: no bound
	Bytes    int64
	Used     Use // of that, by earlier processes of this instance
}

// Use is what a lease with a budget has let through on one instance.
type Use struct{ Lines, Bytes int64 }

// Effect puts the leases of one kind into force.
type Effect interface {
	// Apply gets all that hold here, weakest first, at each change of them, and none when the last has ended; it
	// says by id which it refuses, and why. Calls do not overlap. It does not block, and calls nothing that does.
	Apply(all []Lease) (refused map[string]error)
}

// Sort orders leases by precedence, weakest first: the more specific target wins, then the newer revision. Among
// loggers the table of levels has the more specific one win, whatever the order.
func Sort(all []Lease) {
	slices.SortFunc(all, func(a, b Lease) int {
		return cmp.Or(cmp.Compare(a.specific(), b.specific()), cmp.Compare(a.Revision, b.Revision), cmp.Compare(a.ID, b.ID))
	})
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

// Matches says whether the lease is for the instance.
func (l Lease) Matches(service, instance string) bool {
	return (l.Service == "" || l.Service == service) && (l.Instance == "" || l.Instance == instance)
}

// Kept says whether it has no end of its own.
func (l Lease) Kept() bool { return l.Until.IsZero() }
