package scheduler_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/scheduler"
	"github.com/signalbox-mesh/signalbox/services/scheduler/api"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

// hook is a request as it came.
type hook struct {
	header http.Header
	body   []byte
	fire   timed.Fire
	gone   <-chan struct{} // when whoever asked gave up
}

// receiver is somebody's server: what it does with a fire is up to the path.
type receiver struct {
	*httptest.Server
	mu    sync.Mutex
	hooks []hook
}

func newReceiver(t *testing.T, answer func(w http.ResponseWriter, r *http.Request, h hook)) *receiver {
	t.Helper()
	rec := &receiver{}
	rec.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		h := hook{header: r.Header, body: body, gone: r.Context().Done()}
		_ = json.Unmarshal(body, &h.fire)
		rec.mu.Lock()
		rec.hooks = append(rec.hooks, h)
		rec.mu.Unlock()
		answer(w, r, h)
	}))
	t.Cleanup(rec.Close)
	return rec
}

func (r *receiver) count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.hooks)
}

func (r *receiver) of(schedule string) (found []hook) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, h := range r.hooks {
		if h.fire.Schedule == schedule {
			found = append(found, h)
		}
	}
	return found
}

// hookedScheduler may call the hosts.
func (m *mesh) hookedScheduler(t *testing.T, hosts ...string) *scheduler.Service {
	t.Helper()
	c := scheduler.Config{Config: m.config("scheduler", "scheduler-1"), Retention: time.Hour, HTTPTargets: hosts}
	s, err := scheduler.New(t.Context(), c, m.Settings("scheduler"))
	if err != nil {
		t.Fatal(err)
	}
	m.Run("scheduler", s)
	eventually(t, s.PublicAddr(), "/schedules", "the own schedule", func(l api.Schedules) bool { return len(l.Items) > 0 })
	return s
}

// fireOnce makes a schedule that is due in a year, and fires it now.
func fireOnce(t *testing.T, addr, name string, spec api.Spec) string {
	t.Helper()
	at := time.Now().Add(365 * 24 * time.Hour).UTC().Truncate(time.Second)
	spec.At, spec.Target = &at, timed.TargetHTTP
	body, _ := json.Marshal(api.Put{Spec: spec})
	if code := call(t, addr, "operator", http.MethodPut, "/schedules/"+name, string(body), nil); code >= 300 {
		t.Fatalf("make %s: %d", name, code)
	}
	var run api.Run
	if code := call(t, addr, "operator", http.MethodPost, "/schedules/"+name+"/run", "", &run); code != http.StatusAccepted {
		t.Fatalf("run %s: %d", name, code)
	}
	return run.FireID
}

func ended(t *testing.T, addr, id string) api.Fire {
	t.Helper()
	return eventually(t, addr, "/fires/"+url.PathEscape(id), "the end", func(f api.Fire) bool { return f.EndedAt != nil })
}

// A fire is sent as a signed request; the answer is its receipt.
func TestTargetHTTP(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	other := newReceiver(t, func(http.ResponseWriter, *http.Request, hook) {})
	rec := newReceiver(t, func(w http.ResponseWriter, r *http.Request, h hook) {
		switch r.URL.Path {
		case "/busy":
			if h.fire.Attempt < 3 {
				http.Error(w, "busy, "+strings.Repeat("x", 70<<10), http.StatusServiceUnavailable)
			}
		case "/gone":
			w.WriteHeader(http.StatusGone)
		case "/moved":
			http.Redirect(w, r, other.URL, http.StatusTemporaryRedirect)
		case "/slow":
			<-h.gone
		case "/image":
			w.Header().Set("Content-Type", "image/png")
			_, _ = w.Write([]byte("png"))
		default:
			w.Header().Set("Content-Type", "application/json")
			_, _ = fmt.Fprint(w, `{"closed":3}`+strings.Repeat(" ", 3000)+"end")
		}
	})
	at, _ := url.Parse(rec.URL)
	s := m.hookedScheduler(t, at.Host)
	addr := s.PublicAddr()
	one := int64(1)
	for name, c := range map[string]struct {
		spec   api.Spec
		state  api.State
		reason api.Reason
		check  func(f api.Fire) bool
	}{
		"billing.close": {api.Spec{URL: rec.URL + "/close", Payload: json.RawMessage(`{"month":7}`)}, api.Done, "", func(f api.Fire) bool { return strings.HasPrefix(f.Result, `{"closed":3}`) && len(f.Result) == 2000 }},
		"billing.early": {api.Spec{URL: rec.URL + "/close", DoneWhen: timed.DonePublished}, api.Done, "", func(api.Fire) bool { return true }},
		"billing.image": {api.Spec{URL: rec.URL + "/image"}, api.Done, "", func(f api.Fire) bool { return f.Result == "" }},
		"billing.busy":  {api.Spec{URL: rec.URL + "/busy", Attempts: 3, BackoffMS: one}, api.Done, "", func(f api.Fire) bool { return f.Attempt == 3 }},
		"billing.tired": {api.Spec{URL: rec.URL + "/busy", Attempts: 2, BackoffMS: one}, api.Failed, api.ReasonHandlerFailed, func(f api.Fire) bool {
			return strings.HasPrefix(f.Error, "503 Service Unavailable: busy, xxx") && len(f.Error) < 400 && f.Attempt == 2
		}},
		"billing.gone": {api.Spec{URL: rec.URL + "/gone", Attempts: 5, BackoffMS: one}, api.Failed, api.ReasonHandlerFailed, func(f api.Fire) bool { return f.Error == "410 Gone" && f.Attempt == 1 }},
		"billing.moved": {api.Spec{URL: rec.URL + "/moved", Attempts: 1}, api.Failed, api.ReasonHandlerFailed, func(f api.Fire) bool {
			return strings.HasPrefix(f.Error, "307 Temporary Redirect (redirects are not followed)")
		}},
		"billing.slow":   {api.Spec{URL: rec.URL + "/slow", Attempts: 1, DeadlineMS: 300}, api.Failed, api.ReasonDeadline, func(f api.Fire) bool { return f.Error == timed.ErrorDeadline }},
		"billing.cancel": {api.Spec{URL: rec.URL + "/slow", Attempts: 3}, api.Failed, api.ReasonCancelled, func(f api.Fire) bool { return f.Attempt == 1 }},
	} {
		t.Run(name, func(t *testing.T) {
			id := fireOnce(t, addr, name, c.spec)
			if name == "billing.cancel" {
				eventually(t, addr, "/fires/"+url.PathEscape(id), "it is at work", func(f api.Fire) bool { return f.State == api.Received })
				if code := call(t, addr, "operator", http.MethodPost, "/fires/"+url.PathEscape(id)+"/cancel", `{}`, nil); code >= 300 {
					t.Fatal(code)
				}
			}
			f := ended(t, addr, id)
			if c.spec.DoneWhen == timed.DonePublished {
				wait.For(t, limit, "the request", func() bool { return len(rec.of(name)) == 1 })
				return
			}
			if f.State != c.state || f.Reason != c.reason || !c.check(f) || f.Instance != "scheduler-1" || f.Service != "billing" {
				t.Errorf("%+v", f)
			}
			if got := rec.of(name); len(got) != max(f.Attempt, 1) || got[0].header.Get("Webhook-Id") != id || got[0].header.Get("Traceparent") == "" {
				t.Errorf("%d requests, %v", len(got), got)
			}
		})
	}
	if other.count() != 0 {
		t.Error("a redirect was followed")
	}
	if problems, err := testutil.GatherAndLint(s.Registry(), "signalbox_scheduler_http_requests_total", "signalbox_scheduler_http_duration_seconds"); err != nil || len(problems) > 0 {
		t.Error(problems, err)
	}
	verified(t, addr, rec.of("billing.close")[0])
}

// What the operator does not allow cannot be saved, and is said with what mends it; a name that resolves to an address
// within is refused when it is dialled, and that is no reason to try again.
func TestTargetHTTPStaysWithinItsHosts(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	rec := newReceiver(t, func(http.ResponseWriter, *http.Request, hook) {})
	at, _ := url.Parse(rec.URL)
	addr := m.hookedScheduler(t, "localhost:"+at.Port()).PublicAddr()
	for target, want := range map[string]int{rec.URL: http.StatusBadRequest, "http://169.254.169.254/": http.StatusBadRequest, "https://example.org": http.StatusBadRequest} {
		body, _ := json.Marshal(api.Put{Spec: api.Spec{EverySecs: 3600, Target: timed.TargetHTTP, URL: target}})
		if code := call(t, addr, "operator", http.MethodPut, "/schedules/billing.out", string(body), nil); code != want {
			t.Errorf("%s: %d", target, code)
		}
	}
	f := ended(t, addr, fireOnce(t, addr, "billing.inside", api.Spec{URL: "http://localhost:" + at.Port(), Attempts: 3, BackoffMS: 1}))
	if f.State != api.Failed || f.Attempt != 1 || !strings.Contains(f.Error, "no public address") || !strings.Contains(f.Error, "SIGNALBOX_SCHEDULER_HTTP_TARGETS") {
		t.Errorf("%+v", f)
	}
	if rec.count() != 0 {
		t.Error("it was asked all the same")
	}
	var keys api.Keys
	if code := call(t, addr, "builder", http.MethodGet, "/keys", "", nil); code != http.StatusForbidden {
		t.Errorf("a builder gets the keys: %d", code)
	}
	none := newMesh(t)
	plain, _ := none.scheduler(t, "scheduler-1")
	eventually(t, plain.PublicAddr(), "/schedules", "the own schedule", func(l api.Schedules) bool { return len(l.Items) > 0 })
	if code := call(t, plain.PublicAddr(), "viewer", http.MethodGet, "/keys", "", &keys); code != http.StatusOK || len(keys.Items) != 0 {
		t.Errorf("%d, %+v", code, keys)
	}
	body, _ := json.Marshal(api.Put{Spec: api.Spec{EverySecs: 3600, Target: timed.TargetHTTP, URL: rec.URL}})
	if code := call(t, plain.PublicAddr(), "operator", http.MethodPut, "/schedules/billing.out", string(body), nil); code != http.StatusBadRequest {
		t.Errorf("saved without any host: %d", code)
	}
}
