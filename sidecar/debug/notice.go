package debug

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"strings"
	"time"
)

// TraceFailed is the type of the message by which a sidecar tells the others of traces that have failed.
const TraceFailed = "signalbox.trace.failed"

const (
	sendLimit = 2 * time.Second
	freshness = time.Minute // an older notice is a replay, or as good as one
)

// notice is what a service has signed. Kind keeps another signed message from being taken for one.
type notice struct {
	Kind     string        `json:"kind"`
	Service  string        `json:"service"`
	Instance string        `json:"instance"`
	IssuedAt int64         `json:"issued_at"` // unix milliseconds
	Traces   []failedTrace `json:"traces"`
}

type failedTrace struct {
	Trace string `json:"trace"`
	Why   string `json:"why"`
}

// envelope is what control messages have in common: service says by whose key to verify.
type envelope struct {
	Token   string `json:"token"`
	Service string `json:"service"`
}

func (f *Failures) send(ctx context.Context, batch []failure) error {
	s := f.settings
	n := notice{Kind: TraceFailed, Service: s.Service, Instance: s.Instance, IssuedAt: f.now().UnixMilli()}
	for _, one := range batch {
		n.Traces = append(n.Traces, failedTrace{Trace: hex.EncodeToString(one.trace[:]), Why: one.why})
	}
	payload, err := json.Marshal(n)
	if err != nil {
		return err
	}
	token, err := s.Sign(payload)
	if err != nil {
		return err
	}
	data, err := json.Marshal(envelope{Token: token, Service: s.Service})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, sendLimit)
	defer cancel()
	return s.Publish(ctx, data)
}

// Notice takes the data of a message of type TraceFailed from the control exchange. One that cannot be believed is
// counted and ignored. Where nothing is kept none is looked at: when much fails at once everywhere, all would verify what
// all of the others say, in the queue that changes of leases wait in.
func (f *Failures) Notice(data []byte) {
	if f == nil || f.settings.Box == nil || !f.settings.Box.On() {
		return
	}
	n, err := f.open(data)
	if err != nil {
		f.metrics.rejected(err)
		return
	}
	if n.Service == f.settings.Service && n.Instance == f.settings.Instance {
		return // our own
	}
	now := f.now()
	for _, t := range n.Traces {
		one := failure{why: shorten(n.Service + ": " + t.Why), at: now}
		if k, err := hex.Decode(one.trace[:], []byte(cut(t.Trace, 2*len(one.trace)))); err != nil || k != len(one.trace) {
			f.metrics.rejected(errMalformed)
			continue
		}
		f.metrics.heard.Inc()
		f.isNews(one) // the end of our own part of it need not be told any more
		f.toRelease(one)
	}
}

func (f *Failures) open(data []byte) (n notice, err error) {
	var e envelope
	if json.Unmarshal(data, &e) != nil || e.Token == "" || e.Service == "" {
		return n, errMalformed
	}
	if f.settings.Verify == nil {
		return n, errForged
	}
	payload, err := f.settings.Verify(e.Token, e.Service)
	if err != nil {
		return n, errors.Join(errForged, err)
	}
	switch {
	case json.Unmarshal(payload, &n) != nil || n.Kind != TraceFailed || len(n.Traces) == 0 || len(n.Traces) > perNotice:
		return n, errMalformed
	case n.Service != e.Service || strings.ContainsFunc(n.Instance, unfit):
		return n, errForged
	}
	if age := f.now().Sub(time.UnixMilli(n.IssuedAt)); age > freshness || age < -freshness {
		return n, errExpired
	}
	return n, nil
}
