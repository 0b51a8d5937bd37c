package health_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
)

func window(id, message string, d time.Duration) lease.Lease {
	l := lease.Lease{ID: id, Kind: lease.Window, Value: `{"message":"` + message + `"}`}
	if d > 0 {
		l.Until = time.Now().Add(d)
	}
	return l
}

// Several windows overlap: the instance is out while one of them is open, and says what for, and for how long.
func TestWindowsOverlap(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var changes atomic.Int64
		h := health.New(health.Settings{Service: "catalogs", Changed: func() { changes.Add(1) }})
		started(t, h)
		e := h.Windows()
		a, b := window("a", " disk\\n", 10*time.Second), window("b", "memory", 30*time.Second)

		if refused := e.Apply([]lease.Lease{a, b}); len(refused) != 0 {
			t.Fatal(refused)
		}
		r := expect(t, h, 503, health.OutOfService)
		if r.Window == nil || *r.Window != (health.WindowReport{Message: "disk; memory", RemainingMS: 30000}) {
			t.Errorf("%+v", r.Window)
		}
		alive(t, h, "30")

		e.Apply([]lease.Lease{a}) // b is dropped
		if r = expect(t, h, 503, health.OutOfService); r.Window.Message != "disk" || r.Window.RemainingMS != 10000 {
			t.Errorf("%+v", r.Window)
		}
		e.Apply([]lease.Lease{a, b, window("c", "disk", 0)})
		if r = expect(t, h, 503, health.OutOfService); *r.Window != (health.WindowReport{Message: "disk; memory"}) {
			t.Errorf("one that is kept has no end: %+v", r.Window)
		}
		alive(t, h, "")
		e.Apply([]lease.Lease{b})
		<-time.After(30*time.Second + time.Millisecond) // nobody says that it is over
		if r = expect(t, h, 200, health.Up); r.Window != nil {
			t.Errorf("%+v", r.Window)
		}
		e.Apply(nil)
		synctest.Wait()
		expect(t, h, 200, health.Up)
		if n := changes.Load(); n != 2 {
			t.Errorf("%d changes were told, want out and back", n)
		}
	})
}

// alive: /liveness knows nothing of it, and /hc says when to come again.
func alive(t *testing.T, h *health.Health, retry string) {
	t.Helper()
	w := httptest.NewRecorder()
	h.Liveness().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/liveness", nil))
	if w.Code != http.StatusOK {
		t.Errorf("/liveness is %d in a window", w.Code)
	}
	w = httptest.NewRecorder()
	h.HC().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/hc", nil))
	if got := w.Header().Get("Retry-After"); got != retry {
		t.Errorf("Retry-After is %q, want %q", got, retry)
	}
}

func TestWhatIsNoWindowIsRefused(t *testing.T) {
	t.Parallel()
	h := health.New(health.Settings{Service: "catalogs"})
	for _, value := range []string{"", "disk", `{}`, `{"message":" "}`, `{"message":"a"} {}`, `{"message":"a","x":1}`, `{"message":"` + strings.Repeat("x", 501) + `"}`} {
		refused := h.Windows().Apply([]lease.Lease{{ID: "x", Value: value}})
		if refused["x"] == nil {
			t.Errorf("%q was taken", value)
		}
		expect(t, h, 200, health.Up)
	}
}
