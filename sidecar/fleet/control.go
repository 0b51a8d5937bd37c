package fleet

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"time"

	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	fleetv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/fleet/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/internal/pause"
)

// What is said on the bus; maintenance is the other end.
const (
	changed      = "signalbox.lease.changed"
	acknowledged = "signalbox.lease.acknowledged"
	actionSet    = "set"
	actionDrop   = "drop"
	freshness    = 5 * time.Minute // an older message is a replay, or as good as one
	ackLimit     = 2 * time.Second
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
		Owner       string `json:"owner"`
		Reason      string `json:"reason"`
	} `json:"lease"`
	ReplyTo  string `json:"reply_to"`
	IssuedAt int64  `json:"issued_at"`
}

// listen subscribes the instance's own control queue, for as long as ctx.
func (a *Agent) listen(ctx context.Context) {
	sub := bus.Subscription{Queue: a.settings.Service + "." + a.settings.Instance + ".control", Exchange: bus.Control, Exclusive: true,
		Prefetch: 1, Handler: a.onControl} // one at a time keeps them in order
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
		return nil // the control exchange carries other notices too
	}
	m, reason := a.open(d)
	if reason != "" {
		a.metrics.rejected.WithLabelValues(reason).Inc()
		return nil
	}
	mine, err := a.apply(m)
	if mine {
		a.acknowledge(ctx, m, err)
		a.Wanted() // so that who looks at the levels next sees what he has just set
	}
	return nil
}

// open returns the message, or why it does not count.
func (a *Agent) open(d bus.Delivery) (m message, reason string) {
	var envelope struct {
		Token string `json:"token"`
	}
	if json.Unmarshal(d.Data, &envelope) != nil || envelope.Token == "" {
		return m, malformed
	}
	if a.settings.Verify == nil {
		return m, forged
	}
	payload, err := a.settings.Verify(envelope.Token, authority)
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

// apply makes it so, and reports whether it was for this instance.
func (a *Agent) apply(m message) (mine bool, err error) {
	in := &fleetv1.Lease{Id: m.Lease.ID, Revision: m.Revision, Kind: m.Lease.Kind, Service: m.Lease.Service, Instance: m.Lease.Instance,
		Logger: m.Lease.Logger, Value: m.Lease.Value, Remaining: durationpb.New(time.Duration(m.Lease.RemainingMS) * time.Millisecond)}
	var whole bool
	if m.Action == actionSet {
		whole, err = a.leases.set(in, time.Now())
	} else {
		whole = a.leases.drop(in.GetId(), m.Revision)
	}
	if !whole {
		a.Wanted()
	}
	return a.leases.mine(in), err
}

func (a *Agent) acknowledge(ctx context.Context, m message, applied error) {
	if m.ReplyTo == "" {
		return
	}
	why := ""
	if applied != nil {
		why = applied.Error()
	}
	s := a.settings
	data, err := json.Marshal(map[string]any{"revision": m.Revision, "lease_id": m.Lease.ID, "service": s.Service, "instance": s.Instance, "error": why})
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, ackLimit)
		defer cancel()
		err = s.Bus.Publish(ctx, bus.Publication{Exchange: bus.Direct, Key: m.ReplyTo, Expires: ackLimit,
			Event: bus.Event{Source: "/" + s.Service + "/" + s.Instance, Type: acknowledged, Subject: m.Lease.ID, Time: time.Now(), Data: data}})
	}
	if err != nil {
		s.Logger.DebugContext(ctx, "lease not acknowledged, the next sync reports it", slog.Any("err", err), slog.String("lease_id", m.Lease.ID))
	}
}
