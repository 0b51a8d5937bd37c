package viewservice_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"

	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
)

const logsAPI = "/api/maintenance/v1/logs"

// answer is what the routes of the log have in common.
type answer struct {
	ID       string
	Field    string
	Records  json.RawMessage // a list, or a number
	Levels   map[string]int64
	Buckets  []struct{ Levels map[string]int64 }
	Patterns []struct {
		Template string
		Count    int64
		Services []string
		New      bool
		Example  struct{ ID, Msg string }
	}
	With   int64
	Values []struct {
		Value string
		Count int64
	}
	Services  []struct{ Service string }
	Templates []struct{ Service, Template string }
	Plan      *struct {
		Partitions, Blocks, Candidates, Records int64
		InTime                                  int64 `json:"in_time"`
		OfServices                              int64 `json:"of_services"`
	}
	Gaps []struct{ Service, Cause string }
}

// entry is a record as a list holds it.
type entry struct{ ID, Msg, Service, Instance string }

func (a answer) list(t *testing.T) (all []entry) {
	t.Helper()
	if err := json.Unmarshal(a.Records, &all); err != nil {
		t.Fatalf("%s: %v", a.Records, err)
	}
	return all
}

func (a answer) msgs(t *testing.T) string {
	t.Helper()
	var all []string
	for _, r := range a.list(t) {
		all = append(all, r.Msg)
	}
	return strings.Join(all, " ")
}

func get(t *testing.T, v *viewservice.Service, token, path string) (a answer) {
	t.Helper()
	if got := call(t, v, token, http.MethodGet, logsAPI+path, "", &a); got != http.StatusOK {
		t.Fatalf("%s: status %d", path, got)
	}
	return a
}

// filled is a mesh whose log has ten records and a hole of catalogs, and two records of the gateway.
func filled(t *testing.T) (*mesh, *viewservice.Service) {
	t.Helper()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	at := time.Now().Add(-time.Second)
	spaced := func(r *collogspb.ExportLogsServiceRequest) *collogspb.ExportLogsServiceRequest {
		for _, one := range r.ResourceLogs[0].ScopeLogs[0].LogRecords {
			at = at.Add(time.Millisecond) // no two at the same time, so that their order is known
			one.TimeUnixNano = uint64(at.UnixNano())
		}
		return r
	}
	r := spaced(batch("catalogs", 1, "order 1 taken", "order 2 taken", "order 3 taken", "=cmd", "order 4 taken"))
	r.ResourceLogs[0].ScopeLogs[0].LogRecords[3].SeverityNumber = logspb.SeverityNumber_SEVERITY_NUMBER_ERROR
	export(t, m.logs(t, "catalogs"), r)
	export(t, m.logs(t, "catalogs"), spaced(batch("catalogs", 8, "order 5 taken", "order 6 taken", "order 7 taken", "order 8 taken", "the end")))
	export(t, m.logs(t, "gateway"), spaced(batch("gateway", 1, "request 1", "request 2")))
	return m, v
}

// Each answer says what it is asked for, and what is missing in its time.
func TestAnswersBesidesRows(t *testing.T) {
	t.Parallel()
	_, v := filled(t)
	const of = "q=service:catalogs"
	holed := func(path string, a answer) {
		t.Helper()
		if len(a.Gaps) != 1 || a.Gaps[0].Service != "catalogs" || a.Gaps[0].Cause != "missing" {
			t.Errorf("%s does not tell the gap: %+v", path, a.Gaps)
		}
	}

	a := get(t, v, "viewer", "/histogram?"+of+"&buckets=50")
	holed("histogram", a)
	sum := int64(0)
	for _, b := range a.Buckets {
		sum += b.Levels["INFO"] + b.Levels["ERROR"]
	}
	if a.Levels["INFO"] != 9 || a.Levels["ERROR"] != 1 || sum != 10 || string(a.Records) != "10" || len(a.Buckets) > 51 {
		t.Errorf("histogram: %+v", a)
	}

	a = get(t, v, "viewer", "/patterns?"+of)
	holed("patterns", a)
	if len(a.Patterns) != 3 || a.Patterns[0].Count != 8 || !strings.HasPrefix(a.Patterns[0].Template, "order <") || a.Patterns[0].Services[0] != "catalogs" || a.Patterns[0].Example.ID == "" {
		t.Errorf("patterns: %+v", a.Patterns)
	}
	if a = get(t, v, "viewer", "/patterns?new_since=10m&"+of); !a.Patterns[0].New {
		t.Errorf("what has begun just now is not new: %+v", a.Patterns)
	}

	a = get(t, v, "viewer", "/top-values?field=user_id&"+of)
	holed("top-values", a)
	if len(a.Values) != 1 || a.Values[0].Value != "42" || a.Values[0].Count != 10 || a.With != 10 || a.Field != "user_id" {
		t.Errorf("top-values: %+v", a)
	}

	a = get(t, v, "viewer:catalogs", "/cost?since=1h")
	holed("cost", a)
	if len(a.Services) != 1 || a.Services[0].Service != "catalogs" || len(a.Templates) != 3 || !strings.HasPrefix(a.Templates[0].Template, "order <") {
		t.Errorf("cost: %+v %+v", a.Services, a.Templates)
	}

	a = get(t, v, "viewer", "?explain=true&"+of)
	if a.Plan == nil || a.Plan.Candidates == 0 || a.Plan.Records < 10 || a.msgs(t) != "" {
		t.Errorf("explain: %+v", a.Plan)
	}
}

// Around a record, or a time, stands what was before and behind it.
func TestAroundARecord(t *testing.T) {
	t.Parallel()
	_, v := filled(t)
	middle := get(t, v, "viewer", "?q="+url.QueryEscape(`service:catalogs "order 5"`)).list(t)[0]

	a := get(t, v, "viewer", "/context?before=2&after=1&id="+middle.ID)
	if got := a.msgs(t); got != "=cmd order 4 taken order 5 taken order 6 taken" || len(a.Gaps) != 1 || a.ID != middle.ID {
		t.Errorf("context: %q %+v", got, a.Gaps)
	}
	if got := get(t, v, "viewer", "/context?before=0&after=0&id="+middle.ID).msgs(t); got != "order 5 taken" {
		t.Errorf("the record alone: %q", got)
	}
	for _, of := range []string{"service", "trace", "mesh"} {
		if got := get(t, v, "viewer", "/context?of="+of+"&id="+middle.ID).msgs(t); !strings.Contains(got, "order 5 taken") {
			t.Errorf("of %s: %q", of, got)
		}
	}
	a = get(t, v, "viewer", "?limit=4&order=asc&q=service:catalogs&around="+middle.ID)
	if got := a.msgs(t); got != "order 4 taken order 5 taken order 6 taken order 7 taken" {
		t.Errorf("around the record: %q", got)
	}
	now := url.QueryEscape(time.Now().Format(time.RFC3339Nano))
	if got := get(t, v, "viewer", "?limit=4&q=service:catalogs&around="+now).msgs(t); got != "the end order 8 taken" {
		t.Errorf("around now: %q", got)
	}
}

// exported gives the lines of an export.
func exported(t *testing.T, v *viewservice.Service, token, query, accept string) (lines []string, kind string) {
	t.Helper()
	req := request(t, v, token, http.MethodGet, logsAPI+"/export?"+query, "")
	req.Header.Set("Accept", accept)
	resp, err := client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // a test's answer
	raw, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("export: %d %v %s", resp.StatusCode, err, raw)
	}
	return strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n"), resp.Header.Get("Content-Type")
}

func TestExports(t *testing.T) {
	t.Parallel()
	_, v := filled(t)
	lines, kind := exported(t, v, "viewer", "q=service:catalogs", "")
	if len(lines) != 11 || kind != "application/x-ndjson" || !strings.Contains(lines[0], `"msg":"order 1 taken"`) ||
		!strings.HasPrefix(lines[10], `{"end":{"records":10,"complete":true,"gaps":[{`) {
		t.Errorf("NDJSON, %s:\n%s", kind, strings.Join(lines, "\n"))
	}
	lines, kind = exported(t, v, "viewer", "q=service:catalogs", "text/csv")
	if len(lines) != 13 || !strings.HasPrefix(kind, "text/csv") || !strings.Contains(lines[4], ",'=cmd,") ||
		!strings.HasPrefix(lines[11], "# gap: {") || lines[12] != "# end: 10 records" {
		t.Errorf("CSV, %s:\n%s", kind, strings.Join(lines, "\n"))
	}
}

// Who may see the gateway sees nothing of catalogs, on any route.
func TestScopesHoldInEveryAnswer(t *testing.T) {
	t.Parallel()
	m, v := filled(t)
	id := get(t, v, "viewer", "?q=service:catalogs&limit=1").list(t)[0].ID
	tailed := tail(t, v, "viewer:gateway", "backlog=100")
	expect(t, tailed, "request 1")
	expect(t, tailed, "request 2")
	export(t, m.logs(t, "catalogs"), batch("catalogs", 20, "secret"))
	export(t, m.logs(t, "gateway"), batch("gateway", 3, "request 3"))
	expect(t, tailed, "request 3")

	for _, path := range []string{"", "?order=asc", "?around=1m", "/gaps", "/gaps?service=catalogs", "/histogram", "/patterns", "/top-values?field=service", "/top-values?field=msg",
		"/cost", "/export", "/export?format=csv"} {
		resp, err := client().Do(request(t, v, "viewer:gateway", http.MethodGet, logsAPI+path, ""))
		if err != nil {
			t.Fatal(err)
		}
		raw, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || strings.Contains(string(raw), "catalogs") || strings.Contains(string(raw), "order") {
			t.Errorf("%s: %d %v %s", path, resp.StatusCode, err, raw)
		}
		for _, q := range []string{"service:catalogs", "service:catalogs or service:gateway"} {
			separator := "?"
			if strings.Contains(path, "?") {
				separator = "&"
			}
			if strings.HasPrefix(path, "/gaps") || path == "/cost" {
				continue
			}
			resp, err := client().Do(request(t, v, "viewer:gateway", http.MethodGet, logsAPI+path+separator+"q="+url.QueryEscape(q), ""))
			if err != nil {
				t.Fatal(err)
			}
			raw, _ := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if resp.StatusCode != http.StatusOK || strings.Contains(string(raw), "catalogs") || strings.Contains(string(raw), "order ") {
				t.Errorf("%s with %s: %d %s", path, q, resp.StatusCode, raw)
			}
		}
	}
	if a := get(t, v, "viewer:gateway", "/histogram"); fmt.Sprint(a.Levels) != "map[INFO:3]" {
		t.Errorf("histogram: %v", a.Levels)
	}
	if a := get(t, v, "viewer:gateway", "?explain=true&q=service:catalogs"); a.Plan.Candidates != 0 {
		t.Errorf("explain: %+v", a.Plan)
	}
	all, his := get(t, v, "viewer", "?explain=true").Plan, get(t, v, "viewer:gateway", "?explain=true").Plan
	if his.Blocks != his.OfServices || his.InTime != his.OfServices || his.OfServices == 0 || his.Partitions == 0 || all.Blocks <= his.Blocks {
		t.Errorf("explain tells %+v of %+v", his, all)
	}
	if nothing := get(t, v, "viewer:nobody", "?explain=true").Plan; nothing.Blocks+nothing.InTime+nothing.Partitions != 0 {
		t.Errorf("explain tells %+v to who may see nothing", nothing)
	}
	if got := call(t, v, "viewer:gateway", http.MethodGet, logsAPI+"/context?id="+id, "", nil); got != http.StatusNotFound {
		t.Errorf("context of a record that is not his: %d", got)
	}
	if got := get(t, v, "viewer:gateway", "?around="+id).msgs(t); strings.Contains(got, "order") {
		t.Errorf("around a record that is not his: %q", got)
	}
}

func TestAnswersThatCannotBe(t *testing.T) {
	t.Parallel()
	_, v := filled(t)
	for _, path := range []string{"/histogram?every=1us", "/histogram?every=1ms&since=24h", "/histogram?buckets=0", "/histogram?q=(", "/patterns?limit=0", "/patterns?since=soon",
		"/top-values", "/top-values?field=", "/top-values?field=a%20b", "/top-values?field=level%3E", "/context", "/context?id=x", "/context?id=1_1&of=all", "/context?id=1_1&before=501",
		"/export?format=xml", "/export?sinc=1h", "/export?since=1h&since=2h", "/tail?backlogs=1", "/tail?since=soon", "/tail?backlog=1001", "/tail?after=x.y", "/tail?after=mwqhw8am.x", "/export?q=(", "/export?since=1969-01-01T00:00:00Z", "/cost?limit=101", "?around=soon", "?around=1m&cursor=MSwxLDEsdHJ1ZQ", "?since=1m&until=2m"} {
		var p struct{ Code, Detail string }
		if got := call(t, v, "viewer", http.MethodGet, logsAPI+path, "", &p); got != http.StatusBadRequest || p.Code != "invalid" {
			t.Errorf("%s: %d %+v", path, got, p)
		}
	}
	if got := call(t, v, "viewer", http.MethodGet, logsAPI+"/context?id=1_1", "", nil); got != http.StatusNotFound {
		t.Errorf("a record that is not there: %d", got)
	}
	for _, path := range []string{"/histogram", "/patterns", "/top-values?field=x", "/context?id=1_1", "/cost", "/export"} {
		if got := call(t, v, "builder", http.MethodGet, logsAPI+path, "", nil); got != http.StatusForbidden {
			t.Errorf("%s without the role: %d", path, got)
		}
	}
}
