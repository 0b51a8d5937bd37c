package postgres

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/signalbox-mesh/signalbox/maintenance/internal/fleet"
	"github.com/signalbox-mesh/signalbox/maintenance/internal/record"
)

// A sidecar reports on its runs in lines of its own logger <service>.logging; only a service speaks for its own runs.
const recoverySuffix = ".logging"

// ended says of an earlier run, that could not say so itself and whose spool was shipped, what its last sequences are.
// So its tail is known, and is no gap.
type ended struct {
	Instance string            `json:"ended_instance"`
	Epoch    string            `json:"ended_epoch"`
	LastSeq  map[string]uint64 `json:"last_seq"`
}

// drop says that numbers were given up, and why: so they are no riddle. Without an instance it is the reporter's.
type drop struct {
	Instance string `json:"dropped_instance"`
	Epoch    string `json:"dropped_epoch"`
	Class    string `json:"dropped_class"`
	From     uint64 `json:"dropped_from"`
	To       uint64 `json:"dropped_to"`
	Reason   string `json:"dropped_reason"`

	at time.Time
}

// maxClasses of one run.
const maxClasses = 16

// report puts what the record says of other streams where it belongs.
func report(r *record.Record, of func(record.Stream) *stream) {
	if service, found := strings.CutSuffix(r.Logger, recoverySuffix); !found || service != r.Service {
		return
	}
	var e ended
	if json.Unmarshal(r.Attrs, &e) == nil && e.Instance != "" && e.Epoch != "" && len(e.LastSeq) <= maxClasses {
		for class, last := range e.LastSeq {
			s := of(record.Stream{Service: r.Service, Instance: e.Instance, Epoch: e.Epoch, Class: class})
			s.ended, s.issued = true, max(s.issued, last)
		}
	}
	var d drop
	if json.Unmarshal(r.Attrs, &d) == nil && d.sound() {
		if d.Instance == "" {
			d.Instance = r.Instance
		}
		d.at, d.Reason = r.TS, short(d.Reason)
		s := of(record.Stream{Service: r.Service, Instance: d.Instance, Epoch: d.Epoch, Class: d.Class})
		s.drops = append(s.drops, d)
	}
}

// maxReason in characters.
const maxReason = 200

// short is the beginning of a reason, of what a column can hold.
func short(reason string) string {
	all := []rune(strings.ToValidUTF8(strings.ReplaceAll(reason, "\x00", ""), ""))
	return string(all[:min(maxReason, len(all))])
}

func (d drop) sound() bool {
	return d.Epoch != "" && d.Class != "" && d.Reason != "" && d.From > 0 && d.From <= d.To && d.To < 1<<62
}

// promised are the streams of an instance, as it speaks of them, in the order in which all lock them.
func promised(r fleet.Report) (streams []*stream) {
	byClass := map[string]*stream{}
	for _, l := range r.Ledgers {
		s := byClass[l.Class]
		if s == nil {
			s = &stream{Stream: record.Stream{Service: r.Instance.Service, Instance: r.Instance.Instance, Epoch: r.Instance.Epoch, Class: l.Class}}
			byClass[l.Class] = s
		}
		s.issued, s.ended = max(s.issued, l.Issued), s.ended || l.Closed
	}
	for _, class := range slices.Sorted(maps.Keys(byClass)) {
		streams = append(streams, byClass[class])
	}
	return streams
}
