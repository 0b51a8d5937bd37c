package lease

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
)

// What is said on the bus; sidecar/fleet is the other end.
const (
	changed      = "signalbox.lease.changed"
	acknowledged = "signalbox.lease.acknowledged"
	actionSet    = "set"
	actionDrop   = "drop"
	fresh        = 10 * time.Second // how long a message is worth being delivered; later the heartbeat has brought it
)

var errNoBus = errors.New("this mesh has no bus")

// Signer signs with this service's key; the result is a compact JWS.
type Signer interface {
	SignMessage(payload []byte) (string, error)
}

// Receipt says what became of a change.
type Receipt struct {
	Lease     Lease
	Took      time.Duration
	Applied   int
	Expected  int
	Instances []Outcome
}

// Outcome of one instance.
type Outcome struct {
	Target
	State string // applied, silent, refused
	Error string
}

// The states of an outcome.
const (
	Applied = "applied"
	Silent  = "silent"
	Refused = "refused"
)

type ack struct {
	Revision int64  `json:"revision"`
	LeaseID  string `json:"lease_id"`
	Service  string `json:"service"`
	Instance string `json:"instance"`
	Error    string `json:"error"`
}

// Announcer tells instances of changes and collects their acknowledgements on this replica's own queue.
type Announcer struct {
	bus    bus.Bus // nil: there is none, and the heartbeats do it alone
	signer Signer
	queue  string
	source string
	log    *slog.Logger

	mu      sync.Mutex
	waiting map[int64]chan ack // by revision
}

// NewAnnouncer makes an announcer of the instance.
func NewAnnouncer(b bus.Bus, s Signer, service, instance string, log *slog.Logger) *Announcer {
	return &Announcer{bus: b, signer: s, queue: service + "." + instance + ".lease-acks", source: "/" + service + "/" + instance,
		log: log, waiting: map[int64]chan ack{}}
}

// Acks is the subscription on which the instances answer.
func (a *Announcer) Acks() bus.Subscription {
	return bus.Subscription{Queue: a.queue, Exchange: bus.Direct, Exclusive: true, Prefetch: 200, Handler: a.onAck}
}

func (a *Announcer) onAck(_ context.Context, d bus.Delivery) error {
	var got ack
	if err := json.Unmarshal(d.Data, &got); err != nil || d.Type != acknowledged {
		return nil // not for us, and nobody to complain to
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	if ch, ok := a.waiting[got.Revision]; ok {
		select {
		case ch <- got:
		default: // more answers than instances: somebody repeats himself
		}
	}
	return nil
}

// Announce publishes the change and waits, until ctx ends, for the targets to apply it.
func (a *Announcer) Announce(ctx context.Context, action string, l Lease, targets []Target) Receipt {
	acks := make(chan ack, 4*len(targets)+16)
	a.expect(l.Revision, acks)
	defer a.forget(l.Revision)
	if err := a.publish(ctx, action, l); err != nil {
		a.log.WarnContext(ctx, "lease not announced, instances learn of it by their heartbeat", slog.Any("err", err), slog.String("lease_id", l.ID))
		return receipt(targets, nil)
	}
	return receipt(targets, collect(ctx, acks, targets))
}

func (a *Announcer) expect(revision int64, ch chan ack) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.waiting[revision] = ch
}

func (a *Announcer) forget(revision int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	delete(a.waiting, revision)
}

// collect waits until every target has answered, or ctx ends. With no target it does not wait.
func collect(ctx context.Context, acks <-chan ack, targets []Target) map[Target]string {
	missing := map[Target]bool{}
	for _, t := range targets {
		missing[t] = true
	}
	got := map[Target]string{}
	for len(missing) > 0 {
		select {
		case k := <-acks:
			t := Target{k.Service, k.Instance}
			delete(missing, t)
			got[t] = k.Error
		case <-ctx.Done():
			return got
		}
	}
	return got
}

func receipt(targets []Target, got map[Target]string) Receipt {
	r := Receipt{Expected: len(targets), Instances: []Outcome{}}
	for _, t := range targets {
		o := Outcome{Target: t, State: Silent}
		if why, ok := got[t]; ok && why == "" {
			o.State = Applied
			r.Applied++
		} else if ok {
			o.State, o.Error = Refused, why
		}
		r.Instances = append(r.Instances, o)
	}
	return r
}

// message is what is signed. Times to live travel as what remains, so that no two clocks are compared.
type message struct {
	Revision int64   `json:"revision"`
	Action   string  `json:"action"`
	Lease    payload `json:"lease"`
	ReplyTo  string  `json:"reply_to"`
	IssuedAt int64   `json:"issued_at"` // Unix milliseconds
}

type payload struct {
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
}

func (a *Announcer) publish(ctx context.Context, action string, l Lease) error {
	if a.bus == nil {
		return errNoBus
	}
	raw, err := json.Marshal(message{Revision: l.Revision, Action: action, ReplyTo: a.queue, IssuedAt: time.Now().UnixMilli(),
		Lease: payload{l.ID, l.Revision, l.Kind, l.Service, l.Instance, l.Logger, l.Value, l.Remaining.Milliseconds(), l.OwnerName, l.Reason}})
	if err != nil {
		return err
	}
	token, err := a.signer.SignMessage(raw)
	if err != nil {
		return err
	}
	data, err := json.Marshal(map[string]string{"token": token})
	if err != nil {
		return err
	}
	return a.bus.Publish(ctx, bus.Publication{Exchange: bus.Control, Key: changed, Expires: fresh,
		Event: bus.Event{Source: a.source, Type: changed, Subject: l.ID, Time: time.Now(), Data: data}})
}
