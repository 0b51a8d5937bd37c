// Package record is one line of the log as the store keeps it, and its reading from OTLP.
//
// Whatever comes in is made storable here: what PostgreSQL refuses (NUL characters, invalid UTF-8), what
// JSON cannot say (NaN) and what is too large or too deep is replaced by something that says so. One bad
// record never keeps its neighbours out.
package record

import (
	"encoding/json"
	"log/slog"
	"time"
)

// Record is one line. Texts that are empty were not given.
type Record struct {
	TS          time.Time
	Level       slog.Level
	Service     string
	Instance    string
	Logger      string
	Msg         string
	Attrs       json.RawMessage // an object
	TraceID     string          // 32 hexadecimal digits, or ""
	SpanID      string          // 16
	Epoch       string
	Class       string
	Seq         uint64 // 0: outside the ledger
	Version     string
	Environment string
	Cluster     string
	Namespace   string
	Node        string
	Expired     bool // its time is older than what is kept: it counts in the ledger and is not stored
}

// Stream names one contiguous sequence of the ledger: one spool class of one run of one instance.
type Stream struct {
	Service, Instance, Epoch, Class string
}

// Stream of the record; false for one that is outside the ledger.
func (r *Record) Stream() (Stream, bool) {
	s := Stream{r.Service, r.Instance, r.Epoch, r.Class}
	return s, r.Seq > 0 && r.Epoch != "" && r.Class != ""
}

// Bounds of one record; what goes beyond is cut, and says so.
const (
	MaxMessage = 64 << 10 // bytes
	maxName    = 256      // bytes of service, instance, logger, epoch and the like
	maxText    = 64 << 10 // bytes of one attribute
	maxAttrs   = 256 << 10
	maxDepth   = 32
	maxItems   = 1024 // attributes of one group, elements of one list
)

// Clock of the store: what is too old or too far ahead is decided by it.
type Clock struct {
	Now       time.Time
	Retention time.Duration
}

// ahead is how far a sender's clock may run before ours before its time is not believed.
const ahead = 10 * time.Minute

// tooOld reports whether the record's time lies before what is kept.
func (c Clock) tooOld(t time.Time) bool { return t.Before(c.Now.Add(-c.Retention)) }

func (c Clock) tooNew(t time.Time) bool { return t.After(c.Now.Add(ahead)) }
