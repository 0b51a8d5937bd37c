package fleet

import (
	"errors"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/topology"
)

// Usage is what an instance's process takes of its machine.
type Usage struct {
	Resident   uint64  `json:"resident_bytes"` // 0: the machine does not say
	Heap       uint64  `json:"heap_bytes"`
	Goroutines uint64  `json:"goroutines"`
	CPU        float64 `json:"cpu_seconds"`       // since the process started
	Process    string  `json:"process,omitempty"` // the same for instances that share it
}

// Bounds of what is kept of an instance's past.
const (
	SampleEvery = 30 * time.Second
	SamplesKept = time.Hour
	ChangesKept = 7 * 24 * time.Hour
	MaxChanges  = 100 // of one check
)

// Sample is what an instance took at a time.
type Sample struct {
	At time.Time
	Usage
}

// Change of the status of a check, or of the whole instance.
type Change struct {
	Check string    `json:"name"` // "": the instance
	From  string    `json:"was"`  // "": there was none, or the instance has started anew
	To    string    `json:"status"`
	Error string    `json:"error"`
	At    time.Time `json:"at"`
}

// Before is what was known of an instance before a report.
type Before struct {
	Epoch   string
	Health  string
	Checks  []topology.Check
	HeardAt time.Time
	State   State
}

// Errors of who asks for one instance.
var (
	ErrUnknown = errors.New("no such instance")
	ErrSeveral = errors.New("instances of several services have the name")
)

// Detail is one instance with its past.
type Detail struct {
	Instance Instance
	Samples  []Sample // oldest first, of the last SamplesKept
	Changes  []Change // oldest first, of the last ChangesKept
}

// Changes that the report brings to light; before is nil for an instance that nobody knew. A status has changed when the
// instance says so; when a run ended without a word, it counts as lost from when it was last heard.
func Changes(r Report, before *Before, now time.Time) []Change {
	again := before == nil || before.Epoch != r.Instance.Epoch || before.State == Stopped && !r.Stopping
	all := whole(r, before, again, now)
	known := map[string]topology.Check{}
	if !again {
		for _, c := range before.Checks {
			known[c.Name] = c
		}
	}
	for _, c := range r.Checks {
		was, ok := known[c.Name]
		if c.Status == "unknown" || ok && was.Status == c.Status && was.Since.Equal(c.Since) {
			continue
		}
		if was.Status == "unknown" {
			was.Status = "" // it had not run yet
		}
		all = append(all, Change{Check: c.Name, From: was.Status, To: c.Status, Error: c.Error, At: moment(c.Since, now)})
	}
	return all
}

// whole are the changes of the instance itself.
func whole(r Report, before *Before, again bool, now time.Time) (all []Change) {
	to, at := r.Instance.Health, moment(r.Since, now)
	if r.Stopping {
		to, at = string(Stopped), now
	}
	if before == nil {
		return []Change{{To: to, At: at}}
	}
	was := before.Health
	if before.State == Stopped {
		was = string(Stopped)
	}
	if before.State == Silent || again && before.State == Live {
		all = append(all, Change{From: was, To: string(Silent), At: before.HeardAt})
		if was = string(Silent); !again {
			at = now // the health may be older than the silence
		}
	}
	if again {
		was = ""
	}
	if was != to {
		all = append(all, Change{From: was, To: to, At: at})
	}
	return all
}

// moment is when an instance says that something was, unless it cannot have been then.
func moment(said, now time.Time) time.Time {
	if said.IsZero() || said.After(now) || now.Sub(said) > ChangesKept {
		return now.UTC()
	}
	return said.UTC()
}
