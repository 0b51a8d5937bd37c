package cli

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"
)

// mesh notes what it was asked to change, and answers what it knows by heart.
type mesh struct {
	bodies map[string]string    // by method and path; of a page behind the first, with a blank and its before behind it
	asks   func(request string) // is told of each before it is answered; nil: nobody is

	mu    sync.Mutex
	asked []string
}

func (m *mesh) start(t *testing.T) (url string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		raw, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		m.mu.Lock()
		m.asked = append(m.asked, r.Method+" "+r.URL.RequestURI()+" "+string(raw))
		m.mu.Unlock()
		if m.asks != nil {
			m.asks(r.Method + " " + r.URL.RequestURI())
		}
		body, ok := m.bodies[strings.TrimSpace(r.Method+" "+r.URL.Path+" "+r.URL.Query().Get("before"))]
		switch {
		case !ok:
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusNotFound)
			body = `{"status":404,"code":"not_found","detail":"there is no such thing"}`
		case strings.HasPrefix(body, `{"status":409`):
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(http.StatusConflict)
		}
		_, _ = w.Write([]byte(body)) // a client that left is seen in its own test
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// told is the body of the one request that changed something.
func (m *mesh) told(t *testing.T) (body map[string]any) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range m.asked {
		if text, ok := strings.CutPrefix(one, "POST "+leasesPath+" "); ok {
			if err := json.Unmarshal([]byte(text), &body); err != nil {
				t.Fatal(err)
			}
		}
	}
	return body
}

const done = `{"lease":{"id":"the-lease","kind":"level","value":"DEBUG"},"applied":1,"expected":1,"summary":"1 of 1 instance at DEBUG after 4 ms","took_ms":4,
	"instances":[{"service":"catalogs","instance":"catalogs-1","state":"applied","took_ms":3.2}],"warnings":["nobody has a logger catalogs.stor"]}`

func TestWhatIsAskedForIsSent(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args string
		want map[string]any
	}{
		{"level set catalogs debug --ttl 2d --budget 5MB --strict", map[string]any{"kind": "level", "service": "catalogs", "value": "debug", "ttl": "48h0m0s", "reason": "set from the command line",
			"strict": true, "budget": map[string]any{"bytes": 5e6}}},
		{"level set all warn --keep --budget 10000 --reason why", map[string]any{"kind": "level", "value": "warn", "keep": true, "reason": "why", "budget": map[string]any{"lines": 1e4}}},
		{"debug --user 42 --header X-Canary=1 --for 10m --budget 500 --reason why", map[string]any{"kind": "debug", "ttl": "10m0s", "reason": "why", "budget": map[string]any{"lines": 500.0},
			"value": map[string]any{"level": "debug", "user": "42", "header": map[string]any{"name": "X-Canary", "value": "1"}}}},
		{"level set catalogs debug --reason why", map[string]any{"kind": "level", "service": "catalogs", "value": "debug", "reason": "why"}}, // as long as the mesh is set to
		{"mesh fault set catalogs --to scheduler --share 0.1 --delay 300ms --reason drill", map[string]any{"kind": "fault", "service": "catalogs", "reason": "drill",
			"value": map[string]any{"destination": "scheduler", "share": 0.1, "delay_ms": 300.0}}},
		{"mesh policy set gateway --to catalogs --timeout 2s --retries 0 --breaker-open 1s --for 1h --reason slow", map[string]any{"kind": "policy", "service": "gateway",
			"reason": "slow", "ttl": "1h0m0s", "value": map[string]any{"destination": "catalogs", "timeout_ms": 2000.0, "retries": 0.0, "breaker": map[string]any{"open_ms": 1000.0}}}},
		{"window open catalogs --instance catalogs-2 --for 1h30m --reason index", map[string]any{"kind": "window", "service": "catalogs", "instance": "catalogs-2", "ttl": "1h30m0s", "reason": "index",
			"value": map[string]any{"message": "index"}}},
	} {
		m := &mesh{bodies: map[string]string{"POST " + leasesPath: done}}
		code, out, errs := call(t, nil, "", append(split(c.args), "--url", m.start(t), "--token", "t")...)
		if got := m.told(t); code != 0 || !reflect.DeepEqual(got, c.want) {
			t.Errorf("%s: code %d, sent\n%v, want\n%v", c.args, code, got, c.want)
		}
		if !strings.Contains(out, "1 of 1 instance at DEBUG after 4 ms   (lease the-lease)") || !strings.Contains(out, "3.2 ms") || !strings.Contains(errs, "nobody has a logger") {
			t.Errorf("%s: %q, %q", c.args, out, errs)
		}
	}
}

func split(args string) []string { return strings.Fields(args) }

// A mistake is told before anything is changed.
func TestMistakesChangeNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{split("debug --for 10m"), "say which requests"},
		{split("debug --header X-Canary"), "want NAME=VALUE"},
		{split("level set catalogs debug --budget much"), "want lines as 10000, or bytes as 5MB"},
		{split("level set catalogs debug --budget 0"), "want lines as 10000"},
		{split("level set catalogs debug --ttl 10"), "want a duration like"},
		{split("level set catalogs debug --ttl -5m"), ""},
		{split("level set catalogs debug --keep --for 5m"), "leave --ttl out"},
		{split("level set catalogs.store debug"), "--logger catalogs.store"},
		{split("mesh fault set catalogs --share 2 --abort"), "share 2"},
		{split("mesh policy set gateway --to catalogs"), "it says nothing"},
		{split("window open all"), "a window is for one service"},
		{split("window open catalogs.store"), "is a logger, no service"},
	} {
		m := &mesh{}
		code, _, errs := call(t, nil, "", append(c.args, "--url", m.start(t), "--token", "t")...)
		if code != exitMisused || !strings.Contains(errs, c.says) || m.told(t) != nil {
			t.Errorf("%v: code %d, %q, sent %v", c.args, code, errs, m.told(t))
		}
	}
}

func TestAPreviewIsReadAndNothingElse(t *testing.T) {
	t.Parallel()
	m := &mesh{bodies: map[string]string{"POST " + leasesPath: `{"preview":{"lines_per_second":1840.4,"bytes_per_second":900000,"instances":3,
		"loggers":[{"service":"catalogs","logger":"catalogs.store","level":"DEBUG","lines_per_second":1838,"bytes_per_second":899000},{"logger":"catalogs.http","level":"DEBUG","lines_per_second":2.44,"bytes_per_second":1000}]}}`}}
	code, out, _ := call(t, nil, "", "level", "set", "catalogs", "debug", "--dry-run", "--url", m.start(t), "--token", "t")
	if code != 0 || m.told(t)["dry_run"] != true {
		t.Errorf("code %d, sent %v", code, m.told(t))
	}
	for _, want := range []string{"would add 1 840 lines/s, 900 KB/s on 3 instances", "catalogs.store   DEBUG   1 838", "2.4"} {
		if !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestABudgetIsLinesOrBytes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]budget{"10000": {Lines: 10000}, "10_000": {Lines: 10000}, "3 lines": {Lines: 3}, "5MB": {Bytes: 5e6}, "1.5kb": {Bytes: 1500},
		"512KiB": {Bytes: 512 << 10}, "1 gib": {Bytes: 1 << 30}, "700b": {Bytes: 700}} {
		var got budgetFlag
		if err := got.UnmarshalText([]byte(text)); err != nil || budget(got) != want {
			t.Errorf("%q is %+v (%v), want %+v", text, got, err, want)
		}
	}
}

func TestDurationsAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]time.Duration{"90s": 90 * time.Second, "1h30m": 90 * time.Minute, "20d": 480 * time.Hour, "2w": 336 * time.Hour} {
		var got duration
		if err := got.UnmarshalText([]byte(text)); err != nil || time.Duration(got) != want {
			t.Errorf("%q is %s (%v)", text, got, err)
		}
	}
}

func TestALeaseIsShownWhole(t *testing.T) {
	t.Parallel()
	m := &mesh{bodies: map[string]string{"GET " + leasesPath + "/one": `{"lease":{"id":"one","kind":"debug","state":"active","value":"{\"level\":\"DEBUG\",\"user\":\"42\",\"header\":{\"name\":\"X\",\"value\":\"1\"}}",
		"keep":true,"budget":{"lines":5000},"owner":"ann","reason":"slow lists","created_at":"2026-11-21T13:02:00Z"},
		"results":[{"service":"catalogs","instance":"catalogs-1","state":"refused","error":"this version knows no debug"}],
		"ends":[{"service":"catalogs","instance":"catalogs-3","state":"silent"}],
		"events":[{"at":"2026-11-21T13:03:00Z","what":"spent","instance":"catalogs-2","detail":"5000 lines"}]}`}}
	code, out, _ := call(t, nil, "", "lease", "show", "one", "--url", m.start(t), "--token", "t")
	for _, want := range []string{"header(name=X value=1) level=DEBUG user=42", "until dropped", "5 000 lines", "slow lists", "this version knows no debug", "spent", "ENDED ON", "catalogs-3   silent"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
}

func TestWhatIsNotAsItShouldBeShows(t *testing.T) {
	t.Parallel()
	m := &mesh{bodies: map[string]string{"GET " + instancesPath: `{"instances":[{"service":"catalogs","instance":"catalogs-1","state":"live","drift":[],"usage":{"memory_bytes":48000000,"goroutines":213}},
		{"service":"catalogs","instance":"catalogs-2","state":"live","drift":[{"what":"level catalogs.store","want":"DEBUG","have":"INFO","since":"2026-11-21T13:02:00Z"}]}]}`}}
	url := m.start(t)
	code, out, _ := call(t, nil, "", "ps", "--url", url, "--token", "t")
	if code != 0 || !strings.Contains(out, "DRIFT") || !strings.Contains(out, "catalogs-2   level catalogs.store   INFO   DEBUG") || strings.Count(out, "catalogs-1") != 1 ||
		!strings.Contains(out, "MEMORY") || !strings.Contains(out, "213") {
		t.Errorf("code %d:\n%s", code, out)
	}
	if _, out, _ := call(t, nil, "", "ps", "--json", "--url", url, "--token", "t"); strings.Count(out, `"drift"`) != 1 || strings.Count(out, `"memory_bytes": 48000000`) != 1 || strings.Count(out, "goroutines") != 1 {
		t.Errorf("%s", out)
	}
}

func TestTheAuditIsRead(t *testing.T) {
	t.Parallel()
	m := &mesh{bodies: map[string]string{"GET " + auditPath: `{"changes":[{"id":7,"at":"2026-11-21T13:02:00Z","actor":"u-1","name":"ann","action":"lease.set","service":"catalogs","subject":"one",
		"before":{"value":"configured","levels":{"INFO":2}},"after":{"lease_id":"one","value":"{\"level\":\"DEBUG\",\"user\":\"42\"}"},"detail":{"logger":"catalogs.store","reason":"slow lists","value":"DEBUG"},"results":[{"instance":"catalogs-1","state":"applied"},{"instance":"catalogs-2","state":"silent"}]}],"next":7}`}}
	code, out, errs := call(t, nil, "", "audit", "catalogs", "--since", "7d", "--url", m.start(t), "--token", "t")
	for _, want := range []string{"ann", "lease.set", "catalogs catalogs.store", "configured → level=DEBUG user=42", "slow lists", "1 of 2"} {
		if code != 0 || !strings.Contains(out, want) {
			t.Errorf("%q is missing in\n%s", want, out)
		}
	}
	if !strings.Contains(errs, "these are the newest 1;") {
		t.Errorf("that there are more: %q", errs)
	}
	if !strings.Contains(m.asked[0], "service=catalogs") || !strings.Contains(m.asked[0], "since=") {
		t.Errorf("asked %s", m.asked)
	}
}
