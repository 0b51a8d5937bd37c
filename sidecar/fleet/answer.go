package fleet

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// reply is an acknowledgement to be.
type reply struct {
	ctx     context.Context //nolint:containedctx // the message's own, for its trace
	m       message
	applied error
}

// An answer lets the other instances of its process or machine have the change in effect first, since it is of use to nobody
// before the last one's: so long for each that is asked, which is what a broker takes to tell one more of them, and no longer than
// mostPatient.
const (
	patience    = 40 * time.Microsecond
	mostPatient = 20 * time.Millisecond
)

// reply has the message answered by Run when it is time; by itself when too many wait there.
func (a *Agent) reply(r reply) {
	time.AfterFunc(min(time.Duration(max(r.m.Asked, 0))*patience, mostPatient), func() {
		select {
		case a.replies <- r:
		default:
			a.acknowledge(r.ctx, r.m, r.applied)
		}
	})
}

// answer acknowledges one by one, until ctx ends.
func (a *Agent) answer(ctx context.Context) {
	for {
		select {
		case r := <-a.replies:
			a.acknowledge(r.ctx, r.m, r.applied)
		case <-ctx.Done():
			return
		}
	}
}

func (a *Agent) acknowledge(ctx context.Context, m message, applied error) {
	s := a.settings
	if m.ReplyTo == "" || s.Sign == nil {
		return
	}
	data, err := a.answered(m, applied)
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, ackLimit)
		defer cancel()
		err = s.Bus.Publish(ctx, bus.Publication{Exchange: bus.Direct, Key: m.ReplyTo, Expires: ackLimit, Light: true,
			Event: bus.Event{Source: "/" + s.Service + "/" + s.Instance, Type: acknowledged, Subject: m.Lease.ID, Time: time.Now(), Data: data}})
	}
	if err != nil {
		s.Logger.DebugContext(ctx, "lease not acknowledged, the next sync reports it", slog.Any("err", err), slog.String("lease_id", m.Lease.ID))
	}
}

// acknowledgement of a message, as its instance has answered it.
type acknowledgement struct {
	Revision int64  `json:"revision"`
	LeaseID  string `json:"lease_id"`
	Service  string `json:"service"` // which must be whose key has made it
	Instance string `json:"instance"`
	Error    string `json:"error"` // "": it is in effect
}

// answerEnvelope of an acknowledgement: an answer for the asker, or a signed token; service says by whose key to verify it.
type answerEnvelope struct {
	Answer  string `json:"answer,omitempty"`
	Token   string `json:"token,omitempty"`
	Service string `json:"service"`
}

// answered is the acknowledgement for who has asked. An answer to the asker's key costs a tenth of a signature; where he has
// none, being of an older version, or one that is not understood here, it is signed.
func (a *Agent) answered(m message, applied error) ([]byte, error) {
	s := a.settings
	said := acknowledgement{Revision: m.Revision, LeaseID: m.Lease.ID, Service: s.Service, Instance: s.Instance}
	if applied != nil {
		said.Error = applied.Error()
	}
	payload, err := json.Marshal(said)
	if err != nil {
		return nil, err
	}
	e := answerEnvelope{Service: s.Service}
	if m.Key != "" && s.Answer != nil {
		if e.Answer, err = s.Answer(payload, m.Key); err == nil {
			return json.Marshal(e)
		}
	}
	if e.Token, err = s.Sign(payload); err != nil {
		return nil, err
	}
	return json.Marshal(e)
}
