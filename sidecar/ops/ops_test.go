package ops_test

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/level"
	"github.com/signalbox-mesh/signalbox/sidecar/ops"
	"github.com/signalbox-mesh/signalbox/sidecar/telemetry"
)

const token = "s3cret-ops-token"

type rig struct {
	http.Handler
	table *level.Table
	audit *bytes.Buffer
	local *ops.Local
	reg   *prometheus.Registry

	changes []ops.Change
}

func newRig() *rig {
	r := &rig{table: level.NewTable(level.Spec{Root: slog.LevelInfo}), audit: &bytes.Buffer{}, reg: telemetry.NewRegistry("1.2.3")}
	audit := slog.New(slog.NewJSONHandler(r.audit, &slog.HandlerOptions{Level: slog.LevelError}))
	sources := level.NewSources(r.table, "fleet", "local")
	r.local = ops.NewLocal(ops.LocalSettings{Push: func(all []level.Override) { sources.Set("local", all) }, Audit: audit,
		Effective: func(logger string) slog.Level { return r.table.State(logger).Effective },
		Changed:   func(c ops.Change) { r.changes = append(r.changes, c) }})
	r.table.Var("catalogs.store")
	r.Handler = ops.Handler(ops.Settings{
		Registry: r.reg, Health: health.New(health.Settings{Registerer: r.reg}),
		Levels: r.table, Override: r.local, Lease: r.local.Lease, Audit: audit, Token: token,
	}, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) }))
	return r
}

func (r *rig) do(method, path, body string, change func(*http.Request)) *httptest.ResponseRecorder {
	req := httptest.NewRequest(method, path, strings.NewReader(body))
	req.RemoteAddr = "127.0.0.1:4711"
	req.Header.Set("Authorization", "Bearer "+token)
	if change != nil {
		change(req)
	}
	w := httptest.NewRecorder()
	r.ServeHTTP(w, req)
	return w
}

const debug10m = `{"level":"debug","ttl":"10m","reason":"find the leak"}`

func TestChangeRunsOutByItself(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		r := newRig()
		w := r.do("POST", "/loggers/catalogs.store", debug10m, nil)
		var o ops.Override
		if err := json.Unmarshal(w.Body.Bytes(), &o); err != nil || w.Code != 200 || o.Level != slog.LevelDebug || !o.Until.Equal(time.Now().Add(10*time.Minute)) {
			t.Fatalf("answer is %d %s", w.Code, w.Body)
		}
		store := r.table.Var("catalogs.store")
		if store.Level() != slog.LevelDebug || r.table.Var("catalogs").Level() != slog.LevelInfo {
			t.Error("the change is not in effect, or too wide")
		}
		advance(9 * time.Minute)
		r.do("POST", "/loggers/catalogs.store", debug10m, nil) // again: the first timer must not end the second
		advance(9 * time.Minute)
		if store.Level() != slog.LevelDebug {
			t.Error("the renewed change ended with the first one")
		}
		advance(time.Minute)
		synctest.Wait()
		if store.Level() != slog.LevelInfo {
			t.Error("a level was left at DEBUG")
		}
		if n := strings.Count(r.audit.String(), `"audit":true`); n != 3 {
			t.Errorf("%d audit records: %s", n, r.audit)
		}
		for _, want := range []string{"find the leak", "catalogs.store", "ran out", "127.0.0.1:4711"} {
			if !strings.Contains(r.audit.String(), want) {
				t.Errorf("the audit lacks %q: %s", want, r.audit)
			}
		}
		r.local.Stop()
	})
}

func TestRoot(t *testing.T) {
	t.Parallel()
	r := newRig()
	defer r.local.Stop()
	if w := r.do("POST", "/loggers/root", debug10m, nil); w.Code != 200 {
		t.Fatalf("answer is %d %s", w.Code, w.Body)
	}
	w := r.do("GET", "/loggers", "", nil)
	if !strings.Contains(w.Body.String(), `{"logger":"root","configured":"INFO","leased":"DEBUG"`) {
		t.Errorf("loggers are %s", w.Body)
	}
	if w := r.do("GET", "/loggers/catalogs.store", "", nil); !strings.Contains(w.Body.String(), `"effective":"DEBUG"`) {
		t.Errorf("logger is %s", w.Body)
	}
	if w := r.do("GET", "/loggers/nobody", "", nil); w.Code != 404 {
		t.Errorf("unknown logger is %d", w.Code)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	header := func(k, v string) func(*http.Request) { return func(r *http.Request) { r.Header.Set(k, v) } }
	for name, c := range map[string]struct {
		path, body string
		change     func(*http.Request)
		status     int
	}{
		"from outside":   {"/loggers/root", debug10m, func(r *http.Request) { r.RemoteAddr = "10.0.0.7:99" }, 403},
		"no address":     {"/loggers/root", debug10m, func(r *http.Request) { r.RemoteAddr = "@" }, 403},
		"forwarded":      {"/loggers/root", debug10m, header("X-Forwarded-For", "127.0.0.1"), 403},
		"no token":       {"/loggers/root", debug10m, func(r *http.Request) { r.Header.Del("Authorization") }, 401},
		"wrong token":    {"/loggers/root", debug10m, header("Authorization", "Bearer "+token+"x"), 401},
		"empty token":    {"/loggers/root", debug10m, header("Authorization", "Bearer "), 401},
		"no body":        {"/loggers/root", "", nil, 400},
		"no ttl":         {"/loggers/root", `{"level":"debug","reason":"x"}`, nil, 400},
		"ttl too long":   {"/loggers/root", `{"level":"debug","ttl":"61m","reason":"x"}`, nil, 400},
		"ttl negative":   {"/loggers/root", `{"level":"debug","ttl":"-1m","reason":"x"}`, nil, 400},
		"no reason":      {"/loggers/root", `{"level":"debug","ttl":"1m","reason":" "}`, nil, 400},
		"unknown level":  {"/loggers/root", `{"level":"loud","ttl":"1m","reason":"x"}`, nil, 400},
		"unknown field":  {"/loggers/root", `{"level":"debug","ttl":"1m","reason":"x","force":true}`, nil, 400},
		"two objects":    {"/loggers/root", debug10m + "{}", nil, 400},
		"too large":      {"/loggers/root", `{"reason":"` + strings.Repeat("x", 5000) + `"}`, nil, 400},
		"malformed name": {"/loggers/a..b", debug10m, nil, 400},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRig()
			w := r.do("POST", c.path, c.body, c.change)
			if w.Code != c.status || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("answer is %d %s", w.Code, w.Body)
			}
			if r.table.Var("").Level() != slog.LevelInfo {
				t.Error("the level changed")
			}
			if strings.Contains(r.audit.String(), token) {
				t.Errorf("the token is in the audit: %s", r.audit)
			}
		})
	}
}

func TestNoTokenConfigured(t *testing.T) {
	t.Parallel()
	reg := prometheus.NewRegistry()
	h := ops.Handler(ops.Settings{Registry: reg, Health: health.New(health.Settings{}), Levels: level.NewTable(level.Spec{})}, nil)
	req := httptest.NewRequest("POST", "/loggers/root", strings.NewReader(debug10m))
	req.RemoteAddr = "[::1]:1"
	req.Header.Set("Authorization", "Bearer ")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	if w.Code != 401 {
		t.Errorf("without a token configured: %d", w.Code)
	}
}

func TestPaths(t *testing.T) {
	t.Parallel()
	r := newRig()
	for path, want := range map[string]int{"/metrics": 200, "/hc": 200, "/liveness": 200, "/loggers": 200, "/api/x": 418, "/": 418} {
		for _, method := range []string{"GET", "HEAD"} {
			if w := r.do(method, path, "", nil); w.Code != want {
				t.Errorf("%s %s is %d", method, path, w.Code)
			}
		}
	}
	w := r.do("GET", "/metrics", "", nil)
	for _, want := range []string{"go_goroutines", "process_start_time_seconds", `signalbox_build_info{goversion="go1`, "signalbox_process_info{process_id=", `http_route="/liveness"`, "signalbox_health_status"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("metrics lack %s", want)
		}
	}
	cmd := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	cmd.Stdin = w.Body
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v: %s", err, out)
	}
}

// from has a request come from another address, with another token.
func from(address, token string) func(*http.Request) {
	return func(r *http.Request) {
		r.RemoteAddr = address
		r.Header.Set("Authorization", "Bearer "+token)
	}
}

// advance moves the clock of a synctest bubble; it does not wait for anything outside.
func advance(d time.Duration) { <-time.After(d) }
