package sidecar_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

// town is a bus, and a view-service that signs but answers no call.
type town struct {
	dir    string
	broker *inproc.Broker
	bus    bus.Bus
	view   *servicetoken.Signer
	bundle *servicetoken.Bundle
	acks   chan bus.Delivery
}

func newTown(t *testing.T) *town {
	t.Helper()
	w := &town{dir: t.TempDir(), acks: make(chan bus.Delivery, 10)}
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	keys := servicetoken.Keys{}
	for _, name := range []string{"orders", "view-service"} {
		key, err := servicetoken.LoadOrGenerateKey(filepath.Join(w.dir, name+".pem"))
		must(err)
		keys[name] = []ed25519.PublicKey{key.Public().(ed25519.PublicKey)} //nolint:forcetypeassert // what crypto/ed25519 documents
		if name == "view-service" {
			w.view, err = servicetoken.NewSigner(name, key)
			must(err)
		}
	}
	must(servicetoken.WriteBundle(filepath.Join(w.dir, "bundle.json"), keys))
	must(os.WriteFile(filepath.Join(w.dir, "ops-token"), []byte("geheim"), 0o600))
	w.bundle = servicetoken.NewBundle(keys)
	var err error
	w.broker, err = inproc.New(inproc.Settings{Dir: filepath.Join(w.dir, "bus")})
	must(err)
	t.Cleanup(func() { _ = w.broker.Close() })
	w.bus, err = w.broker.Open(bus.Client{Service: "view-service", Instance: "view-service-1"})
	must(err)
	t.Cleanup(func() { _ = w.bus.Close(context.Background()) })
	_, err = w.bus.Subscribe(t.Context(), bus.Subscription{Queue: "acks", Exchange: bus.Direct, Exclusive: true,
		Handler: func(_ context.Context, d bus.Delivery) error { w.acks <- d; return nil }})
	must(err)
	return w
}

// orders is a service of the town; without the bus it has nothing but its disk.
func (w *town) orders(t *testing.T, set sidecar.Settings) *sidecar.Sidecar {
	t.Helper()
	set.Peers = &peers.Book{}
	return build(t, t.Context(), config(t, "SIGNALBOX_KEY_FILE="+filepath.Join(w.dir, "orders.pem"), "SIGNALBOX_TRUST_BUNDLE="+filepath.Join(w.dir, "bundle.json"),
		"SIGNALBOX_STATE_DIR="+filepath.Join(w.dir, "state"), "SIGNALBOX_OPS_TOKEN_FILE="+filepath.Join(w.dir, "ops-token")), set)
}

// say announces a lease, as soon as somebody listens.
func (w *town) say(t *testing.T, revision int64, lease string) {
	t.Helper()
	payload, err := json.Marshal(map[string]any{"revision": revision, "action": "set", "reply_to": "acks", "issued_at": time.Now().UnixMilli(), "lease": json.RawMessage(lease)})
	if err != nil {
		t.Fatal(err)
	}
	token, err := w.view.SignMessage(payload)
	if err != nil {
		t.Fatal(err)
	}
	data, _ := json.Marshal(map[string]string{"token": token})
	wait.For(t, limit, "somebody to listen", func() bool {
		return w.bus.Publish(t.Context(), bus.Publication{Exchange: bus.Control, Key: "signalbox.lease.changed",
			Event: bus.Event{Source: "/view-service/view-service-1", Type: "signalbox.lease.changed", Time: time.Now(), Data: data}}) == nil
	})
}

// answer is the next acknowledgement, opened as view-service opens it.
func (w *town) answer(t *testing.T) string {
	t.Helper()
	select {
	case d := <-w.acks:
		var envelope struct{ Token, Service string }
		if err := json.Unmarshal(d.Data, &envelope); err != nil {
			t.Fatal(err)
		}
		raw, err := w.bundle.VerifyMessage(envelope.Token, envelope.Service)
		if err != nil {
			t.Fatal(err)
		}
		return string(raw)
	case <-time.After(limit):
		t.Fatal("no acknowledgement")
		return ""
	}
}

// While view-service answers no call, a message changes a level, and is acknowledged by name; the next process goes on
// with it, with the bus gone too, from before its first line.
func TestALeaseOutlivesTheProcessWithEverythingGone(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	first := w.orders(t, sidecar.Settings{Bus: w.broker.Open})
	ctx, kill := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- first.Run(ctx) }()
	w.say(t, 1, `{"id":"l1","revision":1,"kind":"level","service":"orders","logger":"orders.store","value":"DEBUG","remaining_ms":600000,"owner":"ann","reason":"why"}`)
	if said := w.answer(t); said != `{"revision":1,"lease_id":"l1","service":"orders","instance":"orders-1","error":""}` {
		t.Errorf("acknowledged: %s", said)
	}
	if shown := get(t, "http://"+first.OpsAddr()+"/loggers", 200); !strings.Contains(shown, `"leased":"DEBUG","lease_id":"l1","effective":"DEBUG","owner":"ann","reason":"why","until"`) {
		t.Errorf("it is shown as %s", shown)
	}
	w.say(t, 2, `{"id":"l2","revision":2,"kind":"weather","value":"rain","remaining_ms":600000}`)
	if said := w.answer(t); said != `{"revision":2,"lease_id":"l2","service":"orders","instance":"orders-1","error":"this version knows no leases of the kind \"weather\""}` {
		t.Errorf("acknowledged: %s", said)
	}
	file := filepath.Join(w.dir, "state", "leases", "orders", "orders-1.json")
	wait.For(t, limit, "the lease on the disk", func() bool {
		raw, err := os.ReadFile(file)
		return err == nil && strings.Contains(string(raw), `"l1"`)
	})
	kill()
	if err := <-ran; err != nil {
		t.Log(err) // nobody has heard the goodbye
	}

	var stderr bytes.Buffer
	second := w.orders(t, sidecar.Settings{Stderr: &stderr})
	second.Logger("store").DebugContext(t.Context(), "leased")
	second.Logger("").DebugContext(t.Context(), "not leased")
	if err := second.Stop(context.WithoutCancel(t.Context())); err != nil {
		t.Error(err)
	}
	if out := stderr.String(); !strings.Contains(out, `"msg":"leased"`) || strings.Contains(out, "not leased") {
		t.Errorf("the lease is not in effect again, or too wide: %s", out)
	}
}

// What a process has used of a lease's budget, the next one has not again.
func TestABudgetOutlivesTheProcess(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	logged := func(set sidecar.Settings, ready func(*sidecar.Sidecar)) int {
		var stderr bytes.Buffer
		set.Stderr = &stderr
		s := w.orders(t, set)
		ctx, kill := context.WithCancel(context.Background())
		ran := make(chan error, 1)
		go func() { ran <- s.Run(ctx) }()
		ready(s)
		for range 6 {
			s.Logger("store").DebugContext(ctx, "by the lease")
		}
		kill()
		if err := <-ran; err != nil {
			t.Log(err) // nobody has heard the goodbye
		}
		return strings.Count(stderr.String(), `"msg":"by the lease"`)
	}
	first := logged(sidecar.Settings{Bus: w.broker.Open}, func(*sidecar.Sidecar) {
		w.say(t, 1, `{"id":"l1","revision":1,"kind":"level","service":"orders","logger":"orders.store","value":"DEBUG","remaining_ms":600000,"budget":{"lines":10}}`)
		w.answer(t)
	})
	second := logged(sidecar.Settings{}, func(s *sidecar.Sidecar) { get(t, "http://"+s.OpsAddr()+"/loggers", 200) })
	if first != 6 || second != 4 {
		t.Errorf("of a budget of 10 lines one process has written %d, and the next %d", first, second)
	}
}

// A change by hand waits on the disk for view-service, which writes it down.
func TestALocalChangeIsKeptForTheAudit(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	s := w.orders(t, sidecar.Settings{})
	run(t, s)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.OpsAddr()+"/loggers/orders.store", strings.NewReader(`{"level":"debug","ttl":"10m","reason":"find the leak"}`))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer geheim")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if resp.Body.Close(); resp.StatusCode != http.StatusOK {
		t.Fatal(resp.Status)
	}
	if shown := get(t, "http://"+s.OpsAddr()+"/loggers/orders.store", 200); !strings.Contains(shown, `"owner":"ops token from 127.0.0.1"`) || !strings.Contains(shown, `"until"`) {
		t.Errorf("it is shown as %s", shown)
	}
	wait.For(t, limit, "the event on the disk", func() bool {
		raw, err := os.ReadFile(filepath.Join(w.dir, "state", "leases", "orders", "orders-1.json"))
		return err == nil && strings.Contains(string(raw), `"what":"local_set","detail":"level of orders.store for 10m0s: find the leak","before":"INFO","after":"DEBUG","actor":"ops token from 127.0.0.1"`)
	})
}

// What a signal does is bounded in time, kept for the audit, and can be ended.
func TestASignalTurnsUpTheLogs(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	s := w.orders(t, sidecar.Settings{})
	run(t, s)
	shown := func() string { return get(t, "http://"+s.OpsAddr()+"/loggers/root", 200) }
	s.Quiet("SIGUSR2") // nothing to end
	s.Verbose("SIGUSR1")
	if got := shown(); !strings.Contains(got, `"effective":"DEBUG","owner":"SIGUSR1","reason":"by a signal to the process","until"`) {
		t.Errorf("it is shown as %s", got)
	}
	s.Quiet("SIGUSR2")
	if got := shown(); !strings.Contains(got, `"effective":"INFO"`) || strings.Contains(got, "until") {
		t.Errorf("it is shown as %s", got)
	}
	wait.For(t, limit, "both events on the disk", func() bool {
		raw, err := os.ReadFile(filepath.Join(w.dir, "state", "leases", "orders", "orders-1.json"))
		return err == nil && strings.Contains(string(raw), `"before":"INFO","after":"DEBUG","actor":"SIGUSR1"`) && strings.Contains(string(raw), `"before":"DEBUG","after":"INFO","actor":"SIGUSR2"`)
	})
}

// A process that hands its sidecars the services' keys has them believe debug tokens by these too.
func TestSharedKeysVerifyDebugTokens(t *testing.T) {
	t.Parallel()
	w := newTown(t)
	s := build(t, t.Context(), config(t, "SIGNALBOX_KEY_FILE="+filepath.Join(w.dir, "orders.pem"), "SIGNALBOX_STATE_DIR="+filepath.Join(w.dir, "state")),
		sidecar.Settings{Keys: w.bundle, Peers: &peers.Book{}})
	now := time.Now().UnixMilli()
	token, err := w.view.SignGrant([]byte(fmt.Sprintf(`{"l":"l-1","v":-4,"i":%d,"e":%d}`, now, now+60_000)))
	if err != nil {
		t.Fatal(err)
	}
	ctx, end := s.Flows().Enter(t.Context(), token)
	defer end()
	if !s.Flows().Lets(ctx, slog.LevelDebug, false) {
		t.Error("a token of the mesh is not believed")
	}
}
