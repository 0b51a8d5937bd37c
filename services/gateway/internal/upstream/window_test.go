package upstream

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/health"
)

// instance is a replica with the sidecar's own /hc.
func instance(t *testing.T, name string) (*health.Health, string) {
	t.Helper()
	h := health.New(health.Settings{Service: "catalogs", Instance: name})
	mux := http.NewServeMux()
	mux.Handle("/hc", h.HC())
	mux.HandleFunc("/", func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, name+" ") })
	s := httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return h, s.Listener.Addr().String()
}

func open(message string, d time.Duration) []health.Window {
	w := health.Window{Message: message}
	if d > 0 {
		w.Until = time.Now().Add(d)
	}
	return []health.Window{w}
}

func look(t *testing.T, tr *Transport) {
	t.Helper()
	if err := tr.Look(t.Context(), "catalogs"); err != nil {
		t.Fatal(err)
	}
}

func TestReplicasInAWindowAreNotAsked(t *testing.T) {
	t.Parallel()
	one, a := instance(t, "a")
	two, b := instance(t, "b")
	tr := transport(a, b)
	served := func() map[string]int {
		seen := map[string]int{}
		for range 10 {
			text, err := send(t, tr, "POST", "body")
			if err != nil {
				text = err.Error()
			}
			seen[text]++
		}
		return seen
	}
	look(t, tr)
	if got := served(); got["a "] != 5 || got["b "] != 5 {
		t.Errorf("in no window: %v", got)
	}

	one.SetWindows(open("disk", time.Minute))
	look(t, tr)
	if got := served(); got["b "] != 10 {
		t.Errorf("one is in a window: %v", got)
	}

	two.SetWindows(open("memory", 30*time.Second))
	look(t, tr)
	_, err := send(t, tr, "GET", "")
	var shut *WindowError
	if !errors.As(err, &shut) || shut.Message != "memory" || shut.Remaining > 30*time.Second || shut.Remaining < 20*time.Second {
		t.Errorf("both are: %v %+v", err, shut)
	}
	tr.open = func(*http.Request) bool { return true }
	if got := served(); got["a "]+got["b "] != 10 {
		t.Errorf("a row that is open: %v", got)
	}
	tr.open = func(*http.Request) bool { return false }

	two.SetWindows(open("for good", 0))
	one.SetWindows(open("for good", 0))
	look(t, tr)
	if _, err := send(t, tr, "GET", ""); !errors.As(err, &shut) || shut.Remaining != 0 {
		t.Errorf("windows without an end: %v %+v", err, shut)
	}
	one.SetWindows(nil)
	look(t, tr)
	if got := served(); got["a "] != 10 {
		t.Errorf("one is back: %v", got)
	}
}

// A window that is over is over, though nobody has looked since.
func TestAWindowEndsByItself(t *testing.T) {
	t.Parallel()
	one, a := instance(t, "a")
	tr := transport(a)
	one.SetWindows(open("disk", 100*time.Millisecond))
	look(t, tr)
	if tr.closed("catalogs") == nil {
		t.Error("it is in no window")
	}
	<-time.After(150 * time.Millisecond)
	if shut := tr.closed("catalogs"); shut != nil {
		t.Errorf("still %v", shut)
	}
}

// A replica that goes away in its window is still in it; behind one name there may be others that are in none.
func TestWhatIsSeenOfAWindow(t *testing.T) {
	t.Parallel()
	var away atomic.Bool
	var n atomic.Int64
	report := func(open bool) any {
		if !open {
			return map[string]any{"status": "up"}
		}
		return map[string]any{"status": "out_of_service", "window": map[string]any{"message": "disk", "remaining_ms": 60000}}
	}
	var several atomic.Bool
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if away.Load() {
			panic(http.ErrAbortHandler)
		}
		out := !several.Load() || n.Add(1)%2 == 1
		if out {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		_ = json.NewEncoder(w).Encode(report(out))
	}))
	t.Cleanup(s.Close)
	tr := transport(s.Listener.Addr().String())
	look(t, tr)
	if tr.closed("catalogs") == nil {
		t.Error("the window is not seen")
	}
	away.Store(true)
	if err := tr.Look(t.Context(), "catalogs"); err == nil || tr.closed("catalogs") == nil {
		t.Errorf("it went away: %v, %v", err, tr.closed("catalogs"))
	}
	away.Store(false)
	several.Store(true)
	look(t, tr)
	if shut := tr.closed("catalogs"); shut != nil {
		t.Errorf("only one of two behind the name is out: %v", shut)
	}
}

func TestLook(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		tr *Transport
		ok bool
	}{
		"one of two": {transport(refusing(t), replica(t, "b")), true}, "none of one": {transport(refusing(t)), false}, "nowhere": {transport(), false},
	} {
		if err := c.tr.Look(t.Context(), "catalogs"); (err == nil) != c.ok {
			t.Errorf("%s: %v", name, err)
		}
	}
}
