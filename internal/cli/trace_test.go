package cli

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

const aTrace = "4bf92f3577b34da6a3ce929d0e0e4736"

// theTrace is an answer of the API: a request that fails in the database, and a message whose parent is not there.
func theTrace() string {
	at := func(micro string) string { return `"2026-11-21T13:02:11.` + micro + `Z"` }
	return `{"trace_id":"` + aTrace + `","start":` + at("000000") + `,"duration_us":40000,"links":{"trace":"http://jaeger/trace/` + aTrace + `"},"spans":[
		{"key":"a","depth":0,"service":"gateway","name":"GET /api/catalogs/v1/types","kind":"server","start":` + at("000000") + `,"duration_us":40000,"error":true},
		{"key":"h","under":"a","depth":1,"hidden":true,"start":` + at("001000") + `,"duration_us":900},
		{"key":"b","under":"a","depth":1,"service":"catalogs","name":"GET /types","kind":"server","start":` + at("010000") + `,"duration_us":20000,"earlier_us":1500},
		{"key":"c","under":"b","depth":2,"service":"catalogs","name":"INSERT\u001b[31m types","kind":"client","start":` + at("015000") + `,"duration_us":10000,"error":true,"attributes":{"otel.status_description":"deadlock found"}},
		{"key":"strays","depth":0,"strays":true,"start":` + at("035000") + `,"duration_us":1000},
		{"key":"d","under":"strays","depth":1,"service":"notification","name":"process mail","kind":"consumer","start":` + at("035000") + `,"duration_us":1000,"orphan":true}],
	"records":[
		{"id":"1","ts":` + at("005000") + `,"level":"INFO","service":"gateway","msg":"request","attrs":{"route":"/types"},"span":"a"},
		{"id":"2","ts":` + at("012000") + `,"level":"DEBUG","service":"catalogs","msg":"before the query","attrs":{},"span":"b"},
		{"id":"3","ts":` + at("026000") + `,"level":"ERROR","service":"catalogs","msg":"insert failed\nstack","attrs":{},"span":"b"},
		{"id":"4","ts":` + at("039000") + `,"level":"WARN","service":"billing","msg":"nobody's","attrs":{}}],
	"gaps":[{"service":"catalogs","instance":"catalogs-1","class":"info","from_seq":5,"to_seq":16,"from_ts":"2026-11-21T13:02:11Z","to_ts":"2026-11-21T13:02:14Z","cause":"spool full"}],
	"missing":[{"part":"spans","reason":"partial","detail":"parents of spans are not there"}]}`
}

// traceMesh answers for traces, and for the one log record 1_2.
func traceMesh(t *testing.T, body string) (url string, asked *[]string) {
	t.Helper()
	asked = &[]string{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		*asked = append(*asked, r.URL.RequestURI())
		if strings.HasPrefix(r.URL.Path, logsPath) {
			body := `{"records":[{"id":"1_2","trace_id":"` + aTrace + `"}],"gaps":[]}`
			_, _ = w.Write([]byte(body)) // a client that left is seen in its own test
			return
		}
		_, _ = w.Write([]byte(body)) // as above
	}))
	t.Cleanup(srv.Close)
	return srv.URL, asked
}

func traceCall(t *testing.T, url string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return call(t, []string{"COLUMNS=100", "TZ=UTC"}, "", append(append([]string{"trace"}, args...), "--utc", "--url", url, "--token", "t")...)
}

func TestWhatATracePrints(t *testing.T) {
	t.Parallel()
	url, asked := traceMesh(t, theTrace())
	code, stdout, stderr := traceCall(t, url, aTrace, "--level", "debug")
	if code != 0 || stderr != "" || strings.Contains(stdout, "\x1b") {
		t.Fatal(code, stderr, stdout)
	}
	golden(t, "trace.txt", stdout)
	if len(*asked) != 1 || !strings.HasPrefix((*asked)[0], tracesPath+aTrace) || !strings.Contains((*asked)[0], "q=level%3E%3Ddebug") {
		t.Errorf("asked %v", *asked)
	}
	if _, stdout, _ = traceCall(t, url, aTrace, "--json", "--no-logs"); !json.Valid([]byte(stdout)) || !strings.Contains((*asked)[1], "records=false") {
		t.Errorf("--json: %s, asked %v", stdout, *asked)
	}
}

func TestATraceWithoutSpans(t *testing.T) {
	t.Parallel()
	url, asked := traceMesh(t, `{"trace_id":"`+aTrace+`","start":"2026-11-21T13:02:11Z","duration_us":2000000,"spans":[],"gaps":[],"records":[
		{"id":"1","ts":"2026-11-21T13:02:11Z","level":"INFO","service":"gateway","msg":"request","attrs":{}},
		{"id":"2","ts":"2026-11-21T13:02:12Z","level":"INFO","service":"catalogs","msg":"read","attrs":{"n":1}},
		{"id":"3","ts":"2026-11-21T13:02:13Z","level":"INFO","service":"gateway","msg":"done","attrs":{}}],
		"missing":[{"part":"spans","reason":"not_configured","detail":"nobody has said where spans are kept"}]}`)
	code, stdout, stderr := traceCall(t, url, "1_2")
	if code != 0 || stderr != "" || len(*asked) != 2 || !strings.HasPrefix((*asked)[1], tracesPath+aTrace) {
		t.Fatal(code, stderr, *asked)
	}
	golden(t, "trace_records.txt", stdout)
	if code, _, stderr = traceCall(t, url, aTrace, "--no-logs", "--level", "warn"); code != exitMisused || !strings.Contains(stderr, "--level") {
		t.Error(code, stderr)
	}
}
