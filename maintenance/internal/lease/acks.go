package lease

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// ack is what an instance answers: it says what became of a change there.
type ack struct {
	Revision int64  `json:"revision"`
	LeaseID  string `json:"lease_id"`
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Error    string `json:"error"` // "": it is in effect

	at time.Time // of its arrival
}

// Why an acknowledgement does not count.
const (
	malformed = "malformed"
	forged    = "forged"
)

// maxError bounds what an instance says of why it refuses, in bytes.
const maxError = 500

// Acks is the subscription on which the instances answer.
func (a *Announcer) Acks() bus.Subscription {
	return bus.Subscription{Queue: a.queue, Exchange: bus.Direct, Exclusive: true, Prefetch: 200, Handler: a.onAck}
}

// onAck never gives a message back: one that cannot be believed now will not be believed later.
func (a *Announcer) onAck(ctx context.Context, d bus.Delivery) error {
	if d.Type != acknowledged {
		return nil // not for us, and nobody to complain to
	}
	got, reason := a.open(d)
	if reason != "" {
		a.rejected.WithLabelValues(reason).Inc()
		return nil
	}
	if !a.hand(got) && a.settings.Late != nil {
		a.settings.Late(ctx, got.LeaseID, got.Revision, answered(Target{got.Service, got.Instance}, got.Error, 0))
	}
	return nil
}

// hand gives the answer to whoever waits for it; false: nobody does any more.
func (a *Announcer) hand(got ack) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	ch, ok := a.waiting[got.Revision]
	if ok {
		select {
		case ch <- got:
		default: // more answers than instances: somebody repeats himself
		}
	}
	return ok
}

// envelope of an acknowledgement: made for this replica, or signed, as instances do that know no other way.
type envelope struct {
	Answer  string `json:"answer"`
	Token   string `json:"token"`
	Service string `json:"service"`
}

var errUnknown = errors.New("nobody here can tell whose it is")

// verified is what the service has said in whose name it is.
func (a *Announcer) verified(e envelope) ([]byte, error) {
	switch s := a.settings; {
	case e.Answer != "" && s.Asker != nil:
		return s.Asker.Open(e.Answer, e.Service)
	case e.Token != "" && s.Verify != nil:
		return s.Verify(e.Token, e.Service)
	default:
		return nil, errUnknown
	}
}

// open returns the acknowledgement, or why it does not count: it must be by the service in whose name it is.
func (a *Announcer) open(d bus.Delivery) (got ack, reason string) {
	var envelope envelope
	if json.Unmarshal(d.Data, &envelope) != nil || envelope.Answer+envelope.Token == "" || envelope.Service == "" {
		return got, malformed
	}
	raw, err := a.verified(envelope)
	if err != nil {
		return got, forged
	}
	if json.Unmarshal(raw, &got) != nil || got.Revision <= 0 || got.LeaseID == "" || got.Instance == "" || !storable(got) {
		return got, malformed
	}
	if got.Service != envelope.Service {
		return got, forged
	}
	got.at = time.Now()
	got.Error = strings.ToValidUTF8(got.Error[:min(len(got.Error), maxError)], "")
	return got, ""
}

func storable(k ack) bool {
	for _, s := range []string{k.LeaseID, k.Service, k.Instance, k.Error} {
		if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
			return false
		}
	}
	return true
}
