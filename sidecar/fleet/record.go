package fleet

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// record is what an instance keeps on its disk: what it holds, and what view-service has not heard yet.
type record struct {
	stamp
	Service  string     `json:"service"`
	Instance string     `json:"instance"`
	Revision int64      `json:"revision"`
	Leases   []recorded `json:"leases"`
	Events   []happened `json:"events"`
}

// recorded lease with what remained of it at the record's stamp.
type recorded struct {
	ID        string        `json:"id"`
	Revision  int64         `json:"revision"`
	Kind      string        `json:"kind"`
	Service   string        `json:"service,omitempty"`
	Instance  string        `json:"instance,omitempty"`
	Logger    string        `json:"logger,omitempty"`
	Value     string        `json:"value"`
	Owner     string        `json:"owner,omitempty"`
	Reason    string        `json:"reason,omitempty"`
	Keep      bool          `json:"keep,omitempty"`
	Remaining time.Duration `json:"remaining_ns,omitempty"`
	Lines     int64         `json:"lines,omitempty"`
	Bytes     int64         `json:"bytes,omitempty"`
	UsedLines int64         `json:"used_lines,omitempty"`
	UsedBytes int64         `json:"used_bytes,omitempty"`
	Spent     bool          `json:"spent,omitempty"`
}

func recordOf(l lease.Lease, is earlier, now time.Time) recorded {
	r := recorded{ID: l.ID, Revision: l.Revision, Kind: l.Kind, Service: l.Service, Instance: l.Instance, Logger: l.Logger, Value: l.Value,
		Owner: l.Owner, Reason: l.Reason, Keep: l.Kept(), Lines: l.Lines, Bytes: l.Bytes,
		UsedLines: is.Lines, UsedBytes: is.Bytes, Spent: is.spent}
	if !r.Keep {
		r.Remaining = l.Until.Sub(now)
	}
	return r
}

// lease that it is now, after passed; false when it is over. known is false when nobody can say how much has passed.
func (r recorded) lease(now time.Time, passed time.Duration, known bool) (lease.Lease, bool) {
	l := lease.Lease{ID: r.ID, Revision: r.Revision, Kind: r.Kind, Service: r.Service, Instance: r.Instance, Logger: r.Logger, Value: r.Value,
		Owner: r.Owner, Reason: r.Reason, Lines: r.Lines, Bytes: r.Bytes}
	if r.Keep {
		return l, true
	}
	left := r.Remaining - passed
	l.Until = now.Add(left)
	return l, known && left > 0
}

// used is what all budgets have come to.
func (r record) used() (sum lease.Use) {
	for _, one := range r.Leases {
		sum.Lines += one.UsedLines
		sum.Bytes += one.UsedBytes
	}
	return sum
}

// budgeted says whether a lease is there whose budget goes on being used.
func (r record) budgeted() bool {
	return slices.ContainsFunc(r.Leases, func(one recorded) bool { return !one.Spent && (one.Lines > 0 || one.Bytes > 0) })
}

// envelope shows a file that was cut, or changed by accident.
type envelope struct {
	Sum  uint32          `json:"crc32c"`
	Body json.RawMessage `json:"record"`
}

func (r record) encode() ([]byte, error) {
	body, err := json.Marshal(r)
	if err != nil {
		return nil, err
	}
	return json.Marshal(envelope{Sum: sum(body), Body: body})
}

func sum(body []byte) uint32 { return crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)) }

// decode refuses what is not this instance's own, whole record.
func decode(raw []byte, service, instance string) (record, error) {
	var e envelope
	var r record
	if err := json.Unmarshal(raw, &e); err != nil {
		return r, err
	}
	var body bytes.Buffer // as it was encoded, whatever white space came in between
	if err := json.Compact(&body, e.Body); err != nil {
		return r, err
	}
	if sum(body.Bytes()) != e.Sum {
		return r, errors.New("its checksum is wrong")
	}
	if err := json.Unmarshal(e.Body, &r); err != nil {
		return r, err
	}
	if r.Service != service || r.Instance != instance {
		return r, fmt.Errorf("it is of %s/%s", r.Service, r.Instance)
	}
	return r, nil
}
