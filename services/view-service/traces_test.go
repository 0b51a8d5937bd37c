package viewservice_test

import (
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"

	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
)

const (
	traceID   = "4bf92f3577b34da6a3ce929d0e0e4736"
	tracesAPI = "/api/maintenance/v1/traces/"
)

// traced is an answer, as far as tests look at it.
type traced struct {
	Spans []struct {
		Key, Under, Service, Name string
		Hidden                    bool
	}
	Records []struct {
		Msg, Span, By string
		Links         *struct{ Trace string }
	}
	Missing []struct{ Part, Reason string }
	Gaps    []struct{ Service string }
	Links   *struct{ Trace string }
	Errors  []struct{ Position int } // of a problem
}

func (a traced) reasons() string {
	var all []string
	for _, m := range a.Missing {
		all = append(all, m.Part+" "+m.Reason)
	}
	return strings.Join(all, ", ")
}

// ofTrace gives the records of a batch the trace, and of the spans these ids; 0: none.
func ofTrace(r *collogspb.ExportLogsServiceRequest, spans ...uint64) *collogspb.ExportLogsServiceRequest {
	trace, _ := hex.DecodeString(traceID) // which can be
	for i, rec := range r.ResourceLogs[0].ScopeLogs[0].LogRecords {
		rec.TraceId = trace
		if i < len(spans) && spans[i] > 0 {
			rec.SpanId = binary.BigEndian.AppendUint64(nil, spans[i])
		}
	}
	return r
}

// zipkin has one trace, around now: gateway's request, which calls identity and catalogs.
func zipkin(t *testing.T) (url string, dead *atomic.Bool) {
	t.Helper()
	dead = &atomic.Bool{}
	began := time.Now().Add(-time.Minute).UnixMicro()
	span := func(id, parent, service, name string) string {
		return fmt.Sprintf(`{"traceId":%q,"id":%q,"parentId":%q,"name":%q,"timestamp":%d,"duration":120000000,"localEndpoint":{"serviceName":%q},"tags":{"user":"x"}}`,
			traceID, id, parent, name, began, service)
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if dead.Load() {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		if id := strings.TrimPrefix(r.URL.Path, "/api/v2/trace/"); id != traceID {
			w.WriteHeader(http.StatusNotFound)
			_, _ = fmt.Fprintf(w, "%s not found", id) // whoever left is seen in its own test
			return
		}
		_, _ = fmt.Fprintf(w, "[%s,%s,%s]", span("000000000000000a", "", "gateway", "GET /x"), // as above
			span("000000000000000b", "000000000000000a", "identity", "secret"), span("000000000000000c", "000000000000000b", "catalogs", "SELECT"))
	}))
	t.Cleanup(srv.Close)
	return srv.URL, dead
}

func TestATraceWithItsRecords(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	url, dead := zipkin(t)
	v, _ := m.view(t, "view-service-1", func(c *viewservice.Config) { c.TraceQuery = "zipkin=" + url })
	export(t, m.logs(t, "gateway"), ofTrace(batch("gateway", 1, "request"), 0xa))
	export(t, m.logs(t, "catalogs"), ofTrace(batch("catalogs", 1, "its span is not there", "a query"), 0xff, 0xc))
	export(t, m.logs(t, "catalogs"), batch("catalogs", 5, "of no trace"))

	var a traced
	if got := call(t, v, "viewer", http.MethodGet, tracesAPI+strings.ToUpper(traceID), "", &a); got != http.StatusOK {
		t.Fatal(got)
	}
	if len(a.Spans) != 3 || a.Spans[2].Under != a.Spans[1].Key || a.Spans[1].Name != "secret" || len(a.Missing) != 0 || len(a.Gaps) != 1 || a.Gaps[0].Service != "catalogs" {
		t.Errorf("%+v", a)
	}
	link := url + "/zipkin/traces/" + traceID
	for i, want := range [][3]string{{"request", "000000000000000a", "span_id"}, {"its span is not there", "000000000000000c", "time"}, {"a query", "000000000000000c", "span_id"}} {
		if r := a.Records[i]; len(a.Records) != 3 || r.Msg != want[0] || r.Span != want[1] || r.By != want[2] || r.Links == nil || r.Links.Trace != link {
			t.Errorf("record %d: %+v, want %v", i, r, want)
		}
	}
	if a.Links == nil || a.Links.Trace != link {
		t.Errorf("links: %+v", a.Links)
	}

	a = traced{}
	if call(t, v, "viewer", http.MethodGet, tracesAPI+traceID+"?q=level%3E%3Dwarn", "", &a); len(a.Records) != 0 || len(a.Spans) != 3 {
		t.Errorf("warnings alone: %+v", a.Records)
	}
	a = traced{}
	if call(t, v, "viewer", http.MethodGet, tracesAPI+traceID+"?limit=1", "", &a); len(a.Records) != 1 || a.reasons() != "records truncated" {
		t.Errorf("one record: %+v", a)
	}
	a = traced{}
	if call(t, v, "viewer", http.MethodGet, tracesAPI+traceID+"?records=false", "", &a); len(a.Records) != 0 || len(a.Spans) != 3 {
		t.Errorf("spans alone: %+v", a)
	}

	dead.Store(true)
	a = traced{}
	if got := call(t, v, "viewer", http.MethodGet, tracesAPI+traceID, "", &a); got != http.StatusOK || len(a.Spans) != 0 || len(a.Records) != 3 || a.reasons() != "spans unreachable" {
		t.Errorf("a dead trace store: %d %+v", got, a)
	}
}

// Who sees one service of a trace sees its spans and records, and of the others that something was there.
func TestATraceWithinAScope(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	url, _ := zipkin(t)
	v, _ := m.view(t, "view-service-1", func(c *viewservice.Config) { c.TraceQuery = "zipkin=" + url })
	export(t, m.logs(t, "gateway"), ofTrace(batch("gateway", 1, "request"), 0xa))
	export(t, m.logs(t, "catalogs"), ofTrace(batch("catalogs", 1, "a query"), 0xc))

	var a traced
	call(t, v, "viewer:catalogs", http.MethodGet, tracesAPI+traceID, "", &a)
	if len(a.Spans) != 2 || !a.Spans[0].Hidden || a.Spans[0].Name+a.Spans[0].Service != "" || a.Spans[1].Service != "catalogs" || a.Spans[1].Under != a.Spans[0].Key {
		t.Errorf("spans: %+v", a.Spans)
	}
	if len(a.Records) != 1 || a.Records[0].Msg != "a query" {
		t.Errorf("records: %+v", a.Records)
	}
	if got := call(t, v, "viewer:billing", http.MethodGet, tracesAPI+traceID, "", nil); got != http.StatusNotFound {
		t.Errorf("a trace of which nothing may be seen: %d", got)
	}
	if got := call(t, v, "builder", http.MethodGet, tracesAPI+traceID, "", nil); got != http.StatusForbidden {
		t.Errorf("without the role: %d", got)
	}
}

func TestTracesThatCannotBe(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	url, _ := zipkin(t)
	v, _ := m.view(t, "view-service-1", func(c *viewservice.Config) {
		c.TraceQuery, c.TraceUI = "zipkin="+url, "https://traces.example/{trace_id}?tab=1"
	})
	export(t, m.logs(t, "catalogs"), ofTrace(batch("catalogs", 1, "sampled out")))
	for path, want := range map[string]struct{ status, position int }{
		"4bf9":                              {400, 5},
		"4bf92f3577b34dg6a3ce929d0e0e4736":  {400, 15},
		traceID + "?q=level%3E%3Dloud":      {400, 8},
		traceID + "?limit=1001":             {400, 0},
		"00000000000000000000000000000abc":  {404, 0},
		"0000000000000abc":                  {404, 0},
		traceID + "?nonsense=1":             {400, 0},
		"00000000000000000000000000000000":  {400, 1},
		"0000000000000000%0A00000000000000": {400, 17},
	} {
		var a traced
		got := call(t, v, "viewer", http.MethodGet, tracesAPI+path, "", &a)
		if got != want.status || want.position > 0 && (len(a.Errors) != 1 || a.Errors[0].Position != want.position) {
			t.Errorf("%s: %d %+v, want %+v", path, got, a.Errors, want)
		}
	}
	p := ask(t, v, "viewer", "trace:"+traceID)
	if len(p.Records) != 1 || p.Records[0].Links["trace"] != "https://traces.example/"+traceID+"?tab=1" {
		t.Errorf("the record's link: %+v", p.Records)
	}
}

// Without a trace store the records are the answer, and records have no links.
func TestATraceOfRecordsAlone(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	export(t, m.logs(t, "catalogs"), ofTrace(batch("catalogs", 1, "one", "two")))
	var a traced
	if got := call(t, v, "viewer", http.MethodGet, tracesAPI+traceID, "", &a); got != http.StatusOK || len(a.Records) != 2 || a.reasons() != "spans not_configured" || a.Links != nil || a.Records[0].Links != nil {
		t.Errorf("%d %+v", got, a)
	}
}
