package inproc_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
)

var errNotToday = errors.New("not today")

func open(t *testing.T, dir string) (*inproc.Broker, bus.Bus) {
	t.Helper()
	b, err := inproc.New(inproc.Settings{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	c, err := b.Open(bus.Client{Service: "lab", Instance: "lab-1", RetryDelays: []time.Duration{time.Millisecond}})
	if err != nil {
		t.Fatal(err)
	}
	return b, c
}

func subscribe(t *testing.T, b bus.Bus, h bus.Handler) func(context.Context) error {
	t.Helper()
	stop, err := b.Subscribe(t.Context(), bus.Subscription{Queue: "lab.work", Exchange: bus.Events, Keys: []string{"lab.#"}, Handler: h})
	if err != nil {
		t.Fatal(err)
	}
	return stop
}

func publish(t *testing.T, b bus.Bus, id string) error {
	t.Helper()
	return b.Publish(t.Context(), bus.Publication{Exchange: bus.Events, Key: "lab.made", Event: bus.Event{ID: id, Type: "lab.made", Data: json.RawMessage(`1`)}})
}

// A queue whose subscriber is not back yet takes what is published.
func TestQueuesAreRememberedOverARestart(t *testing.T) {
	dir := t.TempDir()
	first, b := open(t, dir)
	if err := subscribe(t, b, func(context.Context, bus.Delivery) error { return nil })(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	second, b := open(t, dir)
	if err := publish(t, b, "1"); err != nil {
		t.Fatal(err)
	}
	if err := second.Crash(); err != nil {
		t.Fatal(err)
	}
	third, b := open(t, dir)
	defer func() { _ = third.Close() }()
	got := make(chan string, 1)
	subscribe(t, b, func(_ context.Context, d bus.Delivery) error { got <- d.ID; return nil })
	if id := <-got; id != "1" {
		t.Errorf("got %s", id)
	}
}

func TestOneProcessHasTheFolder(t *testing.T) {
	dir := t.TempDir()
	b, _ := open(t, dir)
	if _, err := inproc.New(inproc.Settings{Dir: dir}); err == nil || !strings.Contains(err.Error(), "in use") {
		t.Errorf("opened twice: %v", err)
	}
	if err := b.Close(); err != nil {
		t.Fatal(err)
	}
	b, _ = open(t, dir)
	_ = b.Close()
}

// With a full disk a publish whose handler is well still succeeds; what would have to be kept is refused.
func TestFullDiskIsAnError(t *testing.T) {
	broker, b := open(t, t.TempDir())
	defer func() { _ = broker.Close() }()
	fail := true
	subscribe(t, b, func(context.Context, bus.Delivery) error {
		if fail {
			return errNotToday
		}
		return nil
	})
	broker.RefuseWrites(syscall.ENOSPC)
	if err := publish(t, b, "1"); !errors.Is(err, bus.ErrNotTaken) || !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("publish: %v", err)
	}
	if err := b.Ready(); !errors.Is(err, syscall.ENOSPC) {
		t.Errorf("ready: %v", err)
	}
	fail = false
	if err := publish(t, b, "2"); err != nil {
		t.Errorf("publish to a handler that is well: %v", err)
	}
	broker.RefuseWrites(nil)
	if err := b.Ready(); err != nil {
		t.Errorf("ready after space was made: %v", err)
	}
}

// A file that cannot be read is put aside for people, and holds up nobody.
func TestUnreadableFileIsPutAside(t *testing.T) {
	dir := t.TempDir()
	broker, b := open(t, dir)
	if err := subscribe(t, b, func(context.Context, bus.Delivery) error { return nil })(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"1", "2"} {
		if err := publish(t, b, id); err != nil {
			t.Fatal(err)
		}
	}
	if err := broker.Close(); err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "lab.work", "pending", "*.json"))
	if err != nil || len(files) != 2 {
		t.Fatalf("files %v: %v", files, err)
	}
	if err := os.WriteFile(files[0], []byte(`{"event":{"specv`), 0o600); err != nil {
		t.Fatal(err)
	}
	broker, b = open(t, dir)
	defer func() { _ = broker.Close() }()
	got := make(chan string, 2)
	stop := subscribe(t, b, func(_ context.Context, d bus.Delivery) error { got <- d.ID; return nil })
	if id := <-got; id != "2" {
		t.Errorf("got %s", id)
	}
	if err := stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	aside, err := filepath.Glob(filepath.Join(dir, "lab.work", "parked", "*.unreadable"))
	if err != nil || len(aside) != 1 {
		t.Errorf("put aside: %v, %v", aside, err)
	}
}
