package viewservice_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"

	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
)

type page struct {
	Records []struct {
		Service, Msg, Level, Logger string
		Attrs                       map[string]any
		Links                       map[string]string
	}
	Next string
	Gaps []struct{ Service, Cause string }
}

func ask(t *testing.T, v *viewservice.Service, token, q string) (p page) {
	t.Helper()
	if got := call(t, v, token, http.MethodGet, "/api/maintenance/v1/logs?q="+url.QueryEscape(q), "", &p); got != http.StatusOK {
		t.Fatalf("query %q: status %d", q, got)
	}
	return p
}

func export(t *testing.T, c collogspb.LogsServiceClient, r *collogspb.ExportLogsServiceRequest) *collogspb.ExportLogsServiceResponse {
	t.Helper()
	res, err := c.Export(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	return res
}

func TestWhatIsExportedIsFound(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	c := m.logs(t, "catalogs")
	for range 2 {
		export(t, c, batch("catalogs", 1, "first", "connection refused"))
	}
	export(t, c, batch("catalogs", 5, "after a hole"))
	export(t, m.logs(t, "gateway"), batch("gateway", 0, "foreign"))
	export(t, m.logs(t, "up"), batch("postgresql", 0, "a server's line"))

	if p := ask(t, v, "viewer", "service:catalogs user_id=42"); len(p.Records) != 3 || p.Records[0].Msg != "after a hole" ||
		p.Records[0].Level != "INFO" || p.Records[0].Logger != "catalogs.store" || len(p.Gaps) != 1 || p.Gaps[0].Cause != "missing" {
		t.Errorf("catalogs: %+v", p)
	}
	if p := ask(t, v, "viewer", `"Connection Refused"`); len(p.Records) != 1 {
		t.Errorf("by text: %+v", p)
	}
	if p := ask(t, v, "viewer", "service:postgresql"); len(p.Records) != 1 {
		t.Errorf("a server's line: %+v", p)
	}
	if p := ask(t, v, "viewer:gateway", "service:catalogs OR service:gateway"); len(p.Records) != 1 || p.Records[0].Service != "gateway" || p.Gaps == nil || len(p.Gaps) != 0 {
		t.Errorf("beyond the scope: %+v", p)
	}
}

func TestASenderSpeaksForItselfAlone(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	m.view(t, "view-service-1")
	for want, r := range map[codes.Code]*collogspb.ExportLogsServiceRequest{
		codes.PermissionDenied: batch("gateway", 1, "forged"),
		codes.InvalidArgument:  batch("catalogs", 1, make([]string, 10_001)...),
	} {
		if _, err := m.logs(t, "catalogs").Export(t.Context(), r); status.Code(err) != want {
			t.Errorf("%v, want %s", err, want)
		}
	}
	old := batch("catalogs", 1, "old")
	old.ResourceLogs[0].ScopeLogs[0].LogRecords[0].TimeUnixNano = uint64(time.Now().Add(-400 * 24 * time.Hour).UnixNano())
	if res := export(t, m.logs(t, "catalogs"), old); res.GetPartialSuccess().GetRejectedLogRecords() != 1 || res.GetPartialSuccess().GetErrorMessage() == "" {
		t.Errorf("a record past the retention: %v", res)
	}
}

func TestQueriesThatCannotBe(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	const api = "/api/maintenance/v1"
	for path, want := range map[string]int{
		api + "/logs?q=level%3E%3Dloud":                      400,
		api + "/logs?q=%22open":                              400,
		api + "/logs?q=%00":                                  400,
		api + "/logs?q=%ff":                                  400,
		api + "/logs?since=yesterday":                        400,
		api + "/logs?until=300000-01-01":                     400,
		api + "/logs?limit=0":                                400,
		api + "/logs?limit=1001":                             400,
		api + "/logs?order=sideways":                         400,
		api + "/logs?cursor=nonsense":                        400,
		api + "/logs?cursor=MSwxLDEsdHJ1ZQ":                  400, // of the other order
		api + "/logs/tail?q=(":                               400,
		api + "/logs/tail?backlog=-1":                        400,
		api + "/logs/tail?after=soon":                        400,
		api + "/logs/tail?after=9:1:":                        400, // ends before it begins
		api + "/logs/gaps?limit=x":                           400,
		api + "/leases/nonsense":                             404,
		api + "/leases/00000000-0000-0000-0000-000000000000": 404,
		api + "/audit?before=-1":                             400,
		api + "/instances?service=%00":                       400,
		api + "/instances?service=%ff":                       400,
		api + "/nowhere":                                     404,
		api + "/logs?since=999999h":                          200,
		api + "/targets":                                     200,
	} {
		var p struct{ Code, Detail string }
		if want == 200 {
			if got := call(t, v, "viewer", http.MethodGet, path, "", nil); got != want {
				t.Errorf("%s: %d, want %d", path, got, want)
			}
			continue
		}
		if got := call(t, v, "viewer", http.MethodGet, path, "", &p); got != want || p.Code == "" || strings.Contains(p.Detail, "SQL") {
			t.Errorf("%s: %d %+v, want %d", path, got, p, want)
		}
	}
	for _, path := range []string{"/logs", "/logs/tail", "/logs/gaps", "/instances", "/leases", "/audit", "/targets"} {
		if got := call(t, v, "builder", http.MethodGet, api+path, "", nil); got != http.StatusForbidden {
			t.Errorf("%s without the role: %d", path, got)
		}
	}
}

func TestPages(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	var msgs []string
	for i := range 25 {
		msgs = append(msgs, fmt.Sprint("m", i))
	}
	export(t, m.logs(t, "catalogs"), batch("catalogs", 1, msgs...))
	for _, order := range []string{"asc", "desc"} {
		seen, cursor := map[string]bool{}, ""
		for {
			var p page
			call(t, v, "viewer", http.MethodGet, "/api/maintenance/v1/logs?q=service:catalogs&limit=10&order="+order+"&cursor="+cursor, "", &p)
			for _, r := range p.Records {
				seen[r.Msg] = true
			}
			if cursor = p.Next; cursor == "" {
				break
			}
		}
		if len(seen) != 25 {
			t.Errorf("%s: %d of 25", order, len(seen))
		}
	}
}

// tail opens a tail and gives its records' messages.
func tail(t *testing.T, v *viewservice.Service, token, query string) <-chan string {
	t.Helper()
	req := request(t, v, token, http.MethodGet, "/api/maintenance/v1/logs/tail?"+query, "")
	resp, err := client().Do(req)
	if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/event-stream" {
		t.Fatalf("tail: %v %v", resp, err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	lines := bufio.NewReader(resp.Body)
	if first, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(first, ":") {
		t.Fatalf("a tail begins with a comment: %q %v", first, err)
	}
	got := make(chan string, 1000)
	go func() {
		defer close(got)
		for {
			line, err := lines.ReadString('\n')
			if err != nil {
				return
			}
			var r struct{ Msg string }
			if data, ok := strings.CutPrefix(line, "data: "); ok && json.Unmarshal([]byte(data), &r) == nil && r.Msg != "" {
				got <- r.Msg
			}
		}
	}()
	return got
}

func expect(t *testing.T, got <-chan string, want string) {
	t.Helper()
	select {
	case msg, ok := <-got:
		if !ok || msg != want {
			t.Errorf("the tail shows %q, want %q", msg, want)
		}
	case <-time.After(limit):
		t.Errorf("the tail never shows %q", want)
	}
}

// Whoever may no longer look sees no more: a tail holds no longer than the token that opened it.
func TestATailEndsWithItsToken(t *testing.T) {
	t.Parallel()
	v, _ := newMesh(t).view(t, "view-service-1")
	got := tail(t, v, "viewer:gateway~1s", "")
	select {
	case _, open := <-got:
		if open {
			t.Error("a record of nobody")
		}
	case <-time.After(limit / 2):
		t.Error("the tail outlasts its token")
	}
}

// What is stored between the end of a tail and the next one is shown by the next one.
func TestATailGoesOnWhereTheLastOneEnded(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	resp, err := client().Do(request(t, v, "viewer~1s", http.MethodGet, "/api/maintenance/v1/logs/tail?q=service:catalogs", ""))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := io.ReadAll(resp.Body)
	_ = resp.Body.Close()
	_, data, found := strings.Cut(string(whole), "event: end\ndata: ")
	var end struct{ After string }
	if err != nil || !found || json.Unmarshal([]byte(data), &end) != nil || end.After == "" {
		t.Fatalf("the end does not say where to go on: %q, %v", whole, err)
	}
	c := m.logs(t, "catalogs")
	export(t, c, batch("catalogs", 1, "in between"))
	next := tail(t, v, "viewer", "q=service:catalogs&after="+url.QueryEscape(end.After))
	expect(t, next, "in between")
	export(t, c, batch("catalogs", 2, "later"))
	expect(t, next, "later")
}

func TestATailSeesWhatEveryReplicaStores(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	a, stopA := m.view(t, "view-service-1")
	b, _ := m.view(t, "view-service-2")
	c := m.logs(t, "catalogs")
	export(t, c, batch("catalogs", 1, "before", "just before"))
	onA := tail(t, a, "viewer", "q=service:catalogs&backlog=1")
	onB := tail(t, b, "viewer:catalogs", "")
	other := tail(t, b, "viewer:gateway", "")
	expect(t, onA, "just before")
	start := time.Now()
	export(t, c, batch("catalogs", 3, "now"))
	expect(t, onA, "now")
	expect(t, onB, "now")
	t.Logf("METRIC tail_seconds=%.3f limit=1", time.Since(start).Seconds())
	export(t, m.logs(t, "gateway"), batch("gateway", 1, "elsewhere"))
	expect(t, other, "elsewhere")
	start = time.Now()
	stopA()
	if _, open := <-onA; open {
		t.Error("the tail goes on after the stop")
	}
	t.Logf("METRIC stop_with_open_tail_seconds=%.3f limit=10", time.Since(start).Seconds())
}
