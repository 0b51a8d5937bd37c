package lease

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

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

// Asker has answers made for it alone; *servicetoken.Asker does.
type Asker interface {
	Key() string
	// Open returns the payload of an answer that the service has made.
	Open(answer, service string) ([]byte, error)
}

// AnnouncerSettings are what an Announcer needs.
type AnnouncerSettings struct {
	Bus      bus.Bus // nil: there is none, and the heartbeats do it alone
	Signer   Signer
	Service  string // the host's name
	Instance string // of this replica
	// Verify returns the payload of a message that the service signer has signed; nil: no acknowledgement counts.
	Verify func(token, signer string) ([]byte, error)
	// Asker opens what instances answer to its key; nil: they sign it.
	Asker Asker
	// Late is told of an acknowledgement that nobody waits for any more; nil: the instance's Sync tells it.
	Late       func(ctx context.Context, leaseID string, revision int64, o Outcome)
	Logger     *slog.Logger
	Registerer prometheus.Registerer
}

// Announcer tells instances of changes and collects their acknowledgements on this replica's own queue. Safe for
// concurrent use.
type Announcer struct {
	settings AnnouncerSettings
	queue    string
	rejected *prometheus.CounterVec

	mu      sync.Mutex
	waiting map[int64]chan ack // by revision
}

// NewAnnouncer makes an announcer of the instance and registers its metric.
func NewAnnouncer(s AnnouncerSettings) *Announcer {
	a := &Announcer{settings: s, queue: s.Service + "." + s.Instance + ".lease-acks", waiting: map[int64]chan ack{},
		rejected: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "signalbox_lease_acks_rejected_total",
			Help: "Acknowledgements of leases that were ignored"}, []string{"reason"})}
	for _, reason := range []string{malformed, forged} {
		a.rejected.WithLabelValues(reason)
	}
	s.Registerer.MustRegister(a.rejected)
	return a
}

// Announce publishes the change, as it was drafted, and waits, until ctx ends, for the targets to apply it. The time that each
// took counts from start.
func (a *Announcer) Announce(ctx context.Context, l Lease, targets []Target, text draft, start time.Time) Receipt {
	acks := make(chan ack, 4*len(targets)+16)
	a.expect(l.Revision, acks)
	defer a.forget(l.Revision)
	if err := a.publish(ctx, l, text); err != nil {
		a.settings.Logger.WarnContext(ctx, "lease not announced, instances learn of it by their heartbeat", slog.Any("err", err), slog.String("lease_id", l.ID))
		return receipt(targets, nil)
	}
	return receipt(targets, collect(ctx, acks, targets, start))
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
func collect(ctx context.Context, acks <-chan ack, targets []Target, start time.Time) map[Target]Outcome {
	missing := make(map[Target]bool, len(targets))
	for _, t := range targets {
		missing[t] = true
	}
	got := map[Target]Outcome{}
	for len(missing) > 0 {
		select {
		case k := <-acks:
			t := Target{k.Service, k.Instance}
			delete(missing, t)
			got[t] = answered(t, k.Error, k.at.Sub(start))
		case <-ctx.Done():
			return got
		}
	}
	return got
}

// message is what is signed. Times to live travel as what remains, so that no clock has to be right; an instance takes off
// what the message has plainly waited since IssuedAt.
type message struct {
	Revision int64   `json:"revision"`
	Action   string  `json:"action"`
	Lease    payload `json:"lease"`
	ReplyTo  string  `json:"reply_to"`
	Key      string  `json:"answer_key,omitempty"` // to answer to; "": answers are signed
	Asked    int     `json:"asked"`                // how many are to answer: they do not all at once
	IssuedAt int64   `json:"issued_at"`            // Unix milliseconds
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
	Keep        bool   `json:"keep"`
	Owner       string `json:"owner"`
	Reason      string `json:"reason"`
	Budget      limits `json:"budget"`
}

type limits struct {
	Lines int64 `json:"lines"`
	Bytes int64 `json:"bytes"`
}

func (a *Announcer) key() string {
	if a.settings.Asker == nil {
		return ""
	}
	return a.settings.Asker.Key()
}

// draft is what is said of a change, or why nothing can be.
type draft <-chan said

type said struct {
	data []byte
	err  error
}

// draft writes and signs what is to be said of a change, meanwhile: so its commit does not come before that.
func (a *Announcer) draft(action string, l Lease, asked int) draft {
	one := make(chan said, 1)
	if a.settings.Bus == nil {
		one <- said{err: errNoBus}
		return one
	}
	go func() {
		data, err := a.signed(message{Revision: l.Revision, Action: action, ReplyTo: a.queue, Key: a.key(), Asked: asked, IssuedAt: time.Now().UnixMilli(),
			Lease: payload{ID: l.ID, Revision: l.Revision, Kind: l.Kind, Service: l.Service, Instance: l.Instance, Logger: l.Logger, Value: l.Value,
				RemainingMS: l.Remaining.Milliseconds(), Keep: l.Keep, Owner: l.OwnerName, Reason: l.Reason, Budget: limits(l.Budget)}})
		one <- said{data, err}
	}()
	return one
}

func (a *Announcer) signed(m message) ([]byte, error) {
	raw, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	token, err := a.settings.Signer.SignMessage(raw)
	if err != nil {
		return nil, err
	}
	return json.Marshal(map[string]string{"token": token})
}

// publish does not have the broker confirm the message for each of the queues while it is telling the instances: that they have it
// is what their answers say, and who gets none learns of the change by its heartbeat.
func (a *Announcer) publish(ctx context.Context, l Lease, text draft) error {
	is := <-text
	if is.err != nil {
		return is.err
	}
	source := "/" + a.settings.Service + "/" + a.settings.Instance
	return a.settings.Bus.Publish(ctx, bus.Publication{Exchange: bus.Control, Key: changed, Expires: fresh, Light: true,
		Event: bus.Event{Source: source, Type: changed, Subject: l.ID, Time: time.Now(), Data: is.data}})
}
