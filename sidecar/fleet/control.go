package fleet

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

// What is said on the bus; maintenance is the other end.
const (
	changed      = "signalbox.lease.changed"
	acknowledged = "signalbox.lease.acknowledged"
	actionSet    = "set"
	actionDrop   = "drop"
	freshness    = 5 * time.Minute // an older message is a replay, or as good as one
	ackLimit     = 2 * time.Second
	travel       = time.Second      // that a message may have taken, and two machines' clocks may differ by
	longWay      = 10 * time.Second // no message is delivered that has taken longer: only a clock is that far off
)

// message is what view-service has signed.
type message struct {
	Revision int64  `json:"revision"`
	Action   string `json:"action"`
	Lease    struct {
		ID          string `json:"id"`
		Revision    int64  `json:"revision"`
		Kind        string `json:"kind"`
		Service     string `json:"service"`
		Instance    string `json:"instance"`
		Logger      string `json:"logger"`
		Value       string `json:"value"`
		RemainingMS int64  `json:"remaining_ms"`
		Keep        bool   `json:"keep"`
		Owner       string `json:"owner"`
		Reason      string `json:"reason"`
		Budget      struct {
			Lines int64 `json:"lines"`
			Bytes int64 `json:"bytes"`
		} `json:"budget"`
	} `json:"lease"`
	ReplyTo  string `json:"reply_to"`
	Key      string `json:"answer_key"` // the asker's; "": it takes signatures only
	Asked    int    `json:"asked"`      // how many are to answer
	IssuedAt int64  `json:"issued_at"`
}

// listen subscribes the instance's own control queue, for as long as ctx.
func (a *Agent) listen(ctx context.Context) {
	sub := bus.Subscription{Queue: a.settings.Service + "." + a.settings.Instance + ".control", Exchange: bus.Control, Exclusive: true,
		Prefetch: 100, Handler: a.onControl}
	for retry := firstRetry; ; retry = min(2*retry, defaultHeartbeat) {
		stop, err := a.settings.Bus.Subscribe(ctx, sub)
		if err == nil {
			close(a.listening)
			a.Wanted() // what was said before we listened
			<-ctx.Done()
			ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), ackLimit)
			defer cancel()
			_ = stop(ending)
			return
		}
		if ctx.Err() != nil || errors.Is(err, bus.ErrClosed) {
			return
		}
		if pause.For(ctx, retry) != nil {
			return
		}
	}
}

// onControl never gives a message back: one that cannot be believed now will not be believed later.
func (a *Agent) onControl(ctx context.Context, d bus.Delivery) error {
	if d.Type != changed {
		return a.notice(ctx, d)
	}
	m, reason := a.open(d)
	if reason != "" {
		a.metrics.rejected.WithLabelValues(reason).Inc()
		return nil
	}
	mine, err := a.apply(m)
	if mine {
		a.reply(reply{context.WithoutCancel(ctx), m, err})
		a.wantedSoon() // so that who looks at the levels next sees what he has just set
	}
	return nil
}

// notice hands on what the control exchange carries besides leases; what nobody waits for is nothing.
func (a *Agent) notice(ctx context.Context, d bus.Delivery) error {
	if handle := a.settings.Notices[d.Type]; handle != nil {
		return handle(ctx, d)
	}
	return nil
}

// open returns the message, or why it does not count.
func (a *Agent) open(d bus.Delivery) (m message, reason string) {
	token := tokenOf(d.Data)
	if token == "" {
		return m, malformed
	}
	if a.settings.Verify == nil {
		return m, forged
	}
	payload, err := a.settings.Verify(token, authority)
	if err != nil {
		return m, forged
	}
	if json.Unmarshal(payload, &m) != nil || m.Revision <= 0 || m.Lease.ID == "" {
		return m, malformed
	}
	if age := time.Since(time.UnixMilli(m.IssuedAt)); age > freshness || age < -freshness {
		return m, expired
	}
	if m.Action != actionSet && m.Action != actionDrop {
		return m, unknown
	}
	return m, ""
}

// tokenOf reads the envelope {"token":"…"}, without parsing it where it is written like that.
func tokenOf(data []byte) string {
	if rest, ok := bytes.CutPrefix(data, []byte(`{"token":"`)); ok {
		if token, ok := bytes.CutSuffix(rest, []byte(`"}`)); ok && bytes.IndexByte(token, '"') < 0 && bytes.IndexByte(token, '\\') < 0 {
			return string(token)
		}
	}
	var envelope struct {
		Token string `json:"token"`
	}
	if json.Unmarshal(data, &envelope) != nil {
		return ""
	}
	return envelope.Token
}

// apply makes it so, and reports whether it was for this instance.
func (a *Agent) apply(m message) (mine bool, err error) {
	in := m.lease(time.Now())
	var whole bool
	if m.Action == actionSet {
		whole, err = a.leases.set(in)
	} else {
		whole = a.leases.drop(in.ID, m.Revision)
	}
	if !whole {
		a.Wanted()
	}
	return in.Matches(a.settings.Service, a.settings.Instance), err
}

// lease of the message, whose time begins now, less what the message has waited in a queue: with everything else gone
// nobody else would say so. Two clocks that differ may make it a little shorter, until the Sync that follows.
func (m message) lease(now time.Time) lease.Lease {
	in := m.Lease
	one := lease.Lease{ID: in.ID, Kind: in.Kind, Service: in.Service, Instance: in.Instance, Logger: in.Logger, Value: in.Value, Owner: in.Owner,
		Reason: in.Reason, Revision: m.Revision, Lines: in.Budget.Lines, Bytes: in.Budget.Bytes}
	if !in.Keep {
		late := min(max(0, now.Sub(time.UnixMilli(m.IssuedAt))-travel), longWay)
		one.Until = now.Add(time.Duration(in.RemainingMS)*time.Millisecond - late)
	}
	return one
}
