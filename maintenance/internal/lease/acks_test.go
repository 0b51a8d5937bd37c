package lease

import (
	"context"
	"crypto/ed25519"
	"encoding/json"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// house has services with keys, and a bus.
type house struct {
	bus     bus.Bus
	signers map[string]*servicetoken.Signer
	bundle  *servicetoken.Bundle
}

func newHouse(t *testing.T) house {
	t.Helper()
	broker, err := inproc.New(inproc.Settings{Dir: filepath.Join(t.TempDir(), "bus")})
	if err != nil {
		t.Fatal(err)
	}
	b, err := broker.Open(bus.Client{Service: "view-service", Instance: "v-1", Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close(context.WithoutCancel(t.Context())); _ = broker.Close() })
	h, keys := house{bus: b, signers: map[string]*servicetoken.Signer{}}, servicetoken.Keys{}
	for _, service := range []string{"view-service", "catalogs", "gateway"} {
		public, private, err := ed25519.GenerateKey(nil)
		if err != nil {
			t.Fatal(err)
		}
		if h.signers[service], err = servicetoken.NewSigner(service, private); err != nil {
			t.Fatal(err)
		}
		keys[service] = []ed25519.PublicKey{public}
	}
	h.bundle = servicetoken.NewBundle(keys)
	return h
}

// answer is an acknowledgement as sidecar/fleet makes it, signed by one service and in the name of another.
func (h house) answer(t *testing.T, signer, named string, k ack) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	token, err := h.signers[signer].SignMessage(raw)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]string{"token": token, "service": named})
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestAnAcknowledgementCountsForWhoHasSignedIt(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	var mu sync.Mutex
	var late []Outcome
	r := prometheus.NewRegistry()
	a := NewAnnouncer(AnnouncerSettings{Bus: h.bus, Signer: h.signers["view-service"], Service: "view-service", Instance: "v-1", Verify: h.bundle.VerifyMessage,
		Late: func(_ context.Context, id string, revision int64, o Outcome) {
			mu.Lock()
			defer mu.Unlock()
			if id == "l" && revision == 7 {
				late = append(late, o)
			}
		}, Logger: slog.New(slog.DiscardHandler), Registerer: r})
	if _, err := h.bus.Subscribe(t.Context(), a.Acks()); err != nil {
		t.Fatal(err)
	}
	hears := bus.Subscription{Queue: "catalogs.c-1.control", Exchange: bus.Control, Exclusive: true, Handler: func(context.Context, bus.Delivery) error { return nil }}
	if _, err := h.bus.Subscribe(t.Context(), hears); err != nil {
		t.Fatal(err)
	}
	say := func(data json.RawMessage) {
		t.Helper()
		if err := h.bus.Publish(t.Context(), bus.Publication{Exchange: bus.Direct, Key: a.Acks().Queue, Event: bus.Event{Type: acknowledged, Source: "/x", Time: time.Now(), Data: data}}); err != nil {
			t.Fatal(err)
		}
	}
	one, two, three := Target{"catalogs", "c-1"}, Target{"catalogs", "c-2"}, Target{"gateway", "g-1"}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	done := make(chan Receipt)
	go func() {
		l := Lease{ID: "l", Revision: 7, Kind: "level", Value: "DEBUG"}
		done <- a.Announce(ctx, l, []Target{one, two, three}, a.draft(actionSet, l, 3), time.Now())
	}()
	wait.For(t, 10*time.Second, "somebody to wait", func() bool { a.mu.Lock(); defer a.mu.Unlock(); return a.waiting[7] != nil })
	say(h.answer(t, "gateway", "catalogs", ack{Revision: 7, LeaseID: "l", Service: "catalogs", Instance: "c-2"}))    // another's key
	say(h.answer(t, "gateway", "gateway", ack{Revision: 7, LeaseID: "l", Service: "catalogs", Instance: "c-2"}))     // its own, in another's name
	say(h.answer(t, "catalogs", "catalogs", ack{Revision: 7, LeaseID: "l", Service: "gateway", Instance: "g-1"}))    // the same
	say(json.RawMessage(`{"token":"x.y.z","service":"catalogs"}`))                                                   // no signature
	say(json.RawMessage(`{"revision":7,"lease_id":"l","service":"catalogs","instance":"c-2"}`))                      // none at all
	say(h.answer(t, "catalogs", "catalogs", ack{Revision: 7, LeaseID: "l", Service: "catalogs", Instance: ""}))      // of nobody
	say(h.answer(t, "catalogs", "catalogs", ack{Revision: 7, LeaseID: "l", Service: "catalogs", Instance: "c\x00"})) // not storable
	say(h.answer(t, "catalogs", "catalogs", ack{Revision: 7, LeaseID: "l", Service: "catalogs", Instance: "c-1"}))
	say(h.answer(t, "gateway", "gateway", ack{Revision: 7, LeaseID: "l", Service: "gateway", Instance: "g-1", Error: "no such thing"}))
	got := <-done
	states := ""
	for _, o := range got.Instances {
		states += o.Instance + " " + o.State + " " + o.Error + " " + o.Via + ";"
		if o.State != Silent && o.TookMS <= 0 {
			t.Errorf("%s took no time", o.Instance)
		}
	}
	if states != "c-1 applied  ack;c-2 silent  ;g-1 refused no such thing ack;" || got.Applied != 1 || got.Expected != 3 {
		t.Errorf("%s %+v", states, got)
	}
	if n := testutil.ToFloat64(a.rejected.WithLabelValues(forged)); n != 4 {
		t.Errorf("%v forged, want 4", n)
	}
	if n := testutil.ToFloat64(a.rejected.WithLabelValues(malformed)); n != 3 {
		t.Errorf("%v malformed, want 3", n)
	}
	say(h.answer(t, "catalogs", "catalogs", ack{Revision: 7, LeaseID: "l", Service: "catalogs", Instance: "c-2"}))
	wait.For(t, 10*time.Second, "the late answer", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(late) == 1 && late[0].Instance == "c-2" && late[0].State == Applied
	})
}

// sealed is an acknowledgement as sidecar/fleet makes it for one asker.
func (h house) sealed(t *testing.T, signer, named, key string, k ack) bus.Delivery {
	t.Helper()
	raw, err := json.Marshal(k)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := h.signers[signer].Answer(raw, key)
	if err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(envelope{Answer: answer, Service: named})
	if err != nil {
		t.Fatal(err)
	}
	return bus.Delivery{Event: bus.Event{Type: acknowledged, Data: data}}
}

func TestAnAnswerCountsForThisReplica(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	announcer := func() (*Announcer, *servicetoken.Asker) {
		asker, err := servicetoken.NewAsker(h.bundle)
		if err != nil {
			t.Fatal(err)
		}
		return NewAnnouncer(AnnouncerSettings{Bus: h.bus, Signer: h.signers["view-service"], Service: "view-service", Instance: "v-1", Verify: h.bundle.VerifyMessage,
			Asker: asker, Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()}), asker
	}
	a, asker := announcer()
	_, another := announcer()
	mine := ack{Revision: 7, LeaseID: "l", Service: "catalogs", Instance: "c-1"}
	signed := bus.Delivery{Event: bus.Event{Type: acknowledged, Data: h.answer(t, "catalogs", "catalogs", mine)}}
	old, _ := announcer()
	old.settings.Asker = nil
	for name, c := range map[string]struct {
		at     *Announcer
		d      bus.Delivery
		reason string
	}{
		"its own":                 {a, h.sealed(t, "catalogs", "catalogs", asker.Key(), mine), ""},
		"signed, as of old":       {a, signed, ""},
		"for another replica":     {a, h.sealed(t, "catalogs", "catalogs", another.Key(), mine), forged},
		"by another's key":        {a, h.sealed(t, "gateway", "catalogs", asker.Key(), mine), forged},
		"in another's name":       {a, h.sealed(t, "gateway", "gateway", asker.Key(), mine), forged},
		"of nobody":               {a, h.sealed(t, "catalogs", "catalogs", asker.Key(), ack{Revision: 7, LeaseID: "l", Service: "catalogs"}), malformed},
		"to who takes signatures": {old, h.sealed(t, "catalogs", "catalogs", asker.Key(), mine), forged},
	} {
		if got, reason := c.at.open(c.d); reason != c.reason || reason == "" && got.Instance != mine.Instance {
			t.Errorf("%s: %+v, %q, want %q", name, got, reason, c.reason)
		}
	}
}

// What is asked says how to answer it.
func TestTheMessageHasTheKeyToAnswerTo(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	asker, err := servicetoken.NewAsker(h.bundle)
	if err != nil {
		t.Fatal(err)
	}
	heard := make(chan bus.Delivery, 1)
	hears := bus.Subscription{Queue: "catalogs.c-1.control", Exchange: bus.Control, Exclusive: true, Handler: func(_ context.Context, d bus.Delivery) error { heard <- d; return nil }}
	if _, err := h.bus.Subscribe(t.Context(), hears); err != nil {
		t.Fatal(err)
	}
	a := NewAnnouncer(AnnouncerSettings{Bus: h.bus, Signer: h.signers["view-service"], Service: "view-service", Instance: "v-1", Asker: asker,
		Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	l := Lease{ID: "l", Revision: 7, Kind: "level", Value: "DEBUG"}
	a.Announce(t.Context(), l, nil, a.draft(actionSet, l, 0), time.Now())
	var e struct{ Token string }
	if err := json.Unmarshal((<-heard).Data, &e); err != nil {
		t.Fatal(err)
	}
	raw, err := h.bundle.VerifyMessage(e.Token, "view-service")
	if err != nil {
		t.Fatal(err)
	}
	var said message
	if err := json.Unmarshal(raw, &said); err != nil || said.Key != asker.Key() || said.ReplyTo != a.Acks().Queue {
		t.Errorf("%+v, %v", said, err)
	}
}

func TestWithoutABusEverybodyIsSilent(t *testing.T) {
	t.Parallel()
	a := NewAnnouncer(AnnouncerSettings{Service: "view-service", Instance: "v-1", Logger: slog.New(slog.DiscardHandler), Registerer: prometheus.NewRegistry()})
	l := Lease{ID: "l", Revision: 1}
	r := a.Announce(t.Context(), l, []Target{{"catalogs", "c-1"}}, a.draft(actionSet, l, 1), time.Now())
	if r.Expected != 1 || r.Applied != 0 || r.Instances[0].State != Silent || r.known() != nil {
		t.Errorf("%+v", r)
	}
	if err := a.onAck(t.Context(), bus.Delivery{Event: bus.Event{Type: acknowledged, Data: []byte(`{"token":"a","service":"b"}`)}}); err != nil {
		t.Error(err)
	}
	if n := testutil.ToFloat64(a.rejected.WithLabelValues(forged)); n != 1 {
		t.Errorf("without a trust bundle %v are forged, want 1", n)
	}
}
