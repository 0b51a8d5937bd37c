package fleet

import (
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/protobuf/types/known/timestamppb"

	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
)

// What an Event is about.
const (
	Expired    = "expired"     // a lease ended by its own clock
	Spent      = "spent"       // its budget was used up, and it fell back
	Resumed    = "resumed"     // it was taken up from the disk after a restart
	Refused    = "refused"     // it is not in effect here
	LocalSet   = "local_set"   // a level was set on this instance alone
	LocalReset = "local_reset" // and has ended
)

// Event is what became of a lease, or of a level, on this instance and by itself: a row of the audit to be. Texts
// longer than 500 bytes are cut.
type Event struct {
	LeaseID string `json:"lease_id"`
	What    string `json:"what"`
	Detail  string `json:"detail,omitempty"`
	Before  string `json:"before,omitempty"`
	After   string `json:"after,omitempty"`
	Actor   string `json:"actor,omitempty"` // "": the instance itself
}

// happened is an event with its name and time.
type happened struct {
	ID string    `json:"id"` // UUIDv7: one that comes twice is known by it
	At time.Time `json:"at"`
	Event
}

// Bounds of the journal.
const (
	maxEvents = 1000 // that wait for view-service; the oldest goes first
	maxTold   = 100  // in one Sync, which is not to fail for what there is to tell
	maxText   = 500  // bytes
)

// journal keeps events until a Sync has carried them. Safe for concurrent use; nothing is called under its lock.
type journal struct {
	lost prometheus.Counter

	mu      sync.Mutex
	waiting []happened // oldest first
}

func (j *journal) add(all ...Event) {
	if len(all) == 0 {
		return
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, e := range all {
		id, err := uuid.NewV7()
		if err != nil { // which the system's random source does not do
			j.lost.Inc()
			continue
		}
		j.waiting = append(j.waiting, happened{ID: id.String(), At: time.Now(), Event: e.cut()})
	}
	j.bound()
}

// restore puts events of an earlier run before all others.
func (j *journal) restore(all []happened) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.waiting = append(all, j.waiting...)
	j.bound()
}

func (j *journal) bound() {
	if over := len(j.waiting) - maxEvents; over > 0 {
		j.lost.Add(float64(over))
		j.waiting = append([]happened(nil), j.waiting[over:]...)
	}
}

func (j *journal) all() []happened {
	j.mu.Lock()
	defer j.mu.Unlock()
	return append([]happened(nil), j.waiting...)
}

// carried forgets events that view-service has, and reports whether there were any, and whether more wait.
func (j *journal) carried(all []*fleetv1.LeaseEvent) (some, more bool) {
	if len(all) == 0 {
		return false, false
	}
	there := map[string]bool{}
	for _, e := range all {
		there[e.GetId()] = true
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	left := j.waiting[:0:0]
	for _, e := range j.waiting {
		if !there[e.ID] {
			left = append(left, e)
		}
	}
	j.waiting = left
	return true, len(left) > 0
}

// report is what the next Sync tells.
func (j *journal) report() (all []*fleetv1.LeaseEvent) {
	waiting := j.all()
	for _, e := range waiting[:min(len(waiting), maxTold)] {
		all = append(all, &fleetv1.LeaseEvent{Id: e.ID, LeaseId: e.LeaseID, What: e.What, At: timestamppb.New(e.At), Detail: e.Detail,
			Before: e.Before, After: e.After, Actor: e.Actor})
	}
	return all
}

func (e Event) cut() Event {
	for _, text := range []*string{&e.LeaseID, &e.What, &e.Detail, &e.Before, &e.After, &e.Actor} {
		*text = strings.ToValidUTF8((*text)[:min(len(*text), maxText)], "") // which the contract's strings must be
	}
	return e
}
