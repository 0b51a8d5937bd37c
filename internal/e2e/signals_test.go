package e2e

import (
	"crypto/rand"
	"encoding/json"
	"net/http"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// TestSignals is the table service × signal: whatever a service is, an operator sees all of these of it.
func TestSignals(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	all := m.ps(t)
	var names []string
	for _, r := range all {
		names = append(names, r.Service)
		for _, signal := range signals() {
			t.Run(r.Service+"/"+signal.name, func(t *testing.T) { signal.see(t, shown{m, r}) })
		}
	}
	if want := slices.Sorted(slices.Values(house.Names())); !slices.Equal(slices.Sorted(slices.Values(names)), want) {
		t.Errorf("ps shows %v, not %v", names, want)
	}
}

type signal struct {
	name string
	see  func(*testing.T, shown)
}

// signals end with the metrics, which are more once there was traffic.
func signals() []signal {
	return []signal{{"hc", seeHealth}, {"liveness", seeLiveness}, {"logs", seeLogs}, {"trace", seeTrace}, {"spans", seeSpans}, {"metrics", seeMetrics}}
}

// shown is one instance of the shared mesh.
type shown struct {
	sharedHouse
	row
}

func TestPsFieldsAreThePromisedOnes(t *testing.T) {
	t.Parallel()
	var rows []map[string]any
	if err := json.Unmarshal([]byte(sharedMesh(t).tool(t, "ps", "--json")), &rows); err != nil {
		t.Fatal(err)
	}
	want := []string{"address", "goroutines", "health", "instance", "level", "memory_bytes", "pid", "private", "service", "version"}
	for _, r := range rows {
		var fields []string
		for name, value := range r {
			fields = append(fields, name)
			if value == nil || value == "" || value == 0.0 {
				t.Errorf("%v: %s is empty", r["service"], name)
			}
		}
		if slices.Sort(fields); !slices.Equal(fields, want) {
			t.Errorf("%v has the fields %v", r["service"], fields)
		}
	}
}

func seeMetrics(t *testing.T, i shown) {
	url := "http://" + i.Address + "/metrics"
	text := request(t.Context(), http.MethodGet, url, "", nil)
	if text.status != http.StatusOK || !strings.HasPrefix(text.header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%d, %s", text.status, text.header)
	}
	for _, name := range []string{"process_cpu_seconds_total", "go_goroutines", "signalbox_process_info", "_build_info", "signalbox_log_spooled_records_total", "signalbox_log_shipped_records_total"} {
		if !strings.Contains(string(text.body), name) {
			t.Errorf("no %s", name)
		}
	}
	lint := exec.Command("promtool", "check", "metrics")
	lint.Stdin = strings.NewReader(string(text.body))
	if said, err := lint.CombinedOutput(); err != nil || len(said) > 0 {
		t.Errorf("promtool check metrics: %v: %s", err, said)
	}
	open := request(t.Context(), http.MethodGet, url, "", nil, "Accept", "application/openmetrics-text; version=1.0.0")
	if open.status != http.StatusOK || !strings.HasPrefix(open.header.Get("Content-Type"), "application/openmetrics-text; version=1.0.0") ||
		!strings.HasSuffix(string(open.body), "\n# EOF\n") {
		t.Errorf("as OpenMetrics: %d, %s", open.status, open.header)
	}
}

func seeHealth(t *testing.T, i shown) {
	var a answer
	var report struct {
		Status, Service, Instance string
		Checks                    []struct{ Name, Status, Weight, Age, Duration, Since string }
	}
	wait.For(t, limit, i.Instance+" to be up", func() bool { // ready is degraded too: the first look at the bus may have come before it
		a = request(t.Context(), http.MethodGet, "http://"+i.Address+"/hc", "", nil)
		a.decode(t, &report)
		return report.Status == "up"
	})
	if a.status != http.StatusOK || report.Service != i.Service || report.Instance != i.Instance || len(report.Checks) == 0 {
		t.Errorf("%d %s", a.status, a.body)
	}
	for _, c := range report.Checks {
		if c.Name == "" || c.Status != "up" || c.Weight == "" || c.Age == "" || c.Duration == "" || c.Since == "" {
			t.Errorf("%+v", c)
		}
	}
}

func seeLiveness(t *testing.T, i shown) {
	a := request(t.Context(), http.MethodGet, "http://"+i.Address+"/liveness", "", nil)
	if a.status != http.StatusOK || len(strings.Fields(string(a.body))) != 1 {
		t.Errorf("%d %q", a.status, a.body)
	}
}

func seeLogs(t *testing.T, i shown) {
	for _, l := range i.awaitLines(t, `service:`+i.Service+` "service is ready"`) {
		if l.Instance != i.Instance || l.TS.IsZero() || l.Level != "INFO" || l.Logger == "" {
			t.Errorf("%+v", l)
		}
	}
}

// known is a path of each service that answers 200 and does some work.
var known = map[string]string{
	"catalogs": "/api/catalogs/v1/types", "identity": "/api/identity/v1/users", "scheduler": "/api/scheduler/v1/schedules",
	"view-service": "/api/maintenance/v1/audit", "gateway": "/openapi.json", "web-studio": "/studio/config.json",
}

// unknown is a path that no service serves; the answer is a problem document with the trace's id. The studio alone may have its page
// for each path: of it it is a file.
func unknown(service string) string {
	if service == "web-studio" {
		return known[service]
	}
	prefix := map[string]string{"view-service": "/api/maintenance", "gateway": "/nowhere"}[service]
	if prefix == "" {
		prefix = "/api/" + service
	}
	return prefix + "/v1/" + strings.ToLower(rand.Text())
}

// trace asks for what is not there and returns the id of the request's trace.
func (m *mesh) trace(t *testing.T, service string) string {
	t.Helper()
	a := m.call(t, http.MethodGet, unknown(service), nil)
	p := problem{TraceID: a.header.Get("X-Trace-Id")}
	if service != "web-studio" {
		a.decode(t, &p)
	}
	if found := service == "web-studio"; len(p.TraceID) != 32 || found != (a.status == http.StatusOK) || !found && a.status != http.StatusNotFound {
		t.Fatalf("%s answers %d, with trace %q", service, a.status, p.TraceID)
	}
	return p.TraceID
}

// seeTrace: the lines of one request have one trace, at the door and in the service; at level debug every service
// writes one for a request. A change of level takes effect while it runs, and is taken back.
func seeTrace(t *testing.T, i shown) {
	m := i.mesh
	if m.trace(t, i.Service); i.Service == "gateway" {
		i.levelOfGateway(t)
		return
	}
	m.tool(t, "level", "set", i.Service, "debug", "--ttl", "5m", "--reason", "table of signals")
	at := m.trace(t, i.Service)
	m.awaitLines(t, "trace:"+at+" service:"+i.Service+" level:debug")
	m.awaitLines(t, "trace:"+at+" service:gateway")
	m.tool(t, "level", "reset", i.Service)
	after := m.trace(t, i.Service)
	m.awaitLines(t, "trace:"+after+" service:gateway")
	m.flushed(t, i.Service)
	if found := m.lines(t, "trace:"+after+" service:"+i.Service+" level:debug"); len(found) > 0 {
		t.Errorf("after the reset: %+v", found)
	}
}

// flushed waits until the store has whatever the service issued until now: a line of a later change is there.
func (m *mesh) flushed(t *testing.T, service string) {
	t.Helper()
	m.tool(t, "level", "set", service, "debug", "--ttl", "1m")
	at := m.trace(t, service)
	m.awaitLines(t, "trace:"+at+" service:"+service+" level:debug")
	m.tool(t, "level", "reset", service)
}

// levelOfGateway turns the gateway's line of a request off and on again.
func (i shown) levelOfGateway(t *testing.T) {
	i.tool(t, "level", "set", "gateway", "warn", "--ttl", "5m")
	quiet := i.trace(t, "gateway")
	i.tool(t, "level", "reset", "gateway")
	i.awaitLines(t, "trace:"+i.trace(t, "gateway")+" service:gateway")
	if found := i.lines(t, "trace:"+quiet+" service:gateway level:info"); len(found) > 0 {
		t.Errorf("at warn: %+v", found)
	}
}

// seeSpans: the spans of one request come to the collector from the door and from the service.
func seeSpans(t *testing.T, i shown) {
	at := i.trace(t, i.Service)
	wait.For(t, limit, "the spans of "+i.Service, func() bool { return i.spans.saw(at, "gateway", i.Service) })
	if a := i.must(t, http.StatusOK, http.MethodGet, known[i.Service], nil); len(a.body) == 0 {
		t.Error("an empty answer")
	}
}
