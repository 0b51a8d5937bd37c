package cli

import (
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden holds what was printed against testdata/name.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s:\n%s\nwant:\n%s", name, got, want)
	}
}

// logMesh answers the paths of the log with bodies, and keeps what it was asked.
type logMesh struct {
	mu     sync.Mutex
	asked  []*http.Request
	bodies map[string]string
}

func newLogMesh(t *testing.T, bodies map[string]string) (*logMesh, string) {
	t.Helper()
	m := &logMesh{bodies: bodies}
	s := httptest.NewServer(m)
	t.Cleanup(s.Close)
	return m, s.URL
}

func (m *logMesh) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	m.mu.Lock()
	m.asked = append(m.asked, r)
	m.mu.Unlock()
	body, ok := m.bodies[strings.TrimPrefix(r.URL.Path, logsPath)]
	switch {
	case !ok:
		w.WriteHeader(http.StatusNotFound)
	case strings.Contains(body, `"status":400`):
		w.Header().Set("Content-Type", "application/problem+json")
		w.WriteHeader(http.StatusBadRequest)
	}
	_, _ = w.Write([]byte(body)) // a client that left is seen in its own test
}

// query is the value of a parameter of the only request.
func (m *logMesh) query(t *testing.T, name string) string {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.asked) != 1 {
		t.Fatalf("asked %d times", len(m.asked))
	}
	return m.asked[0].URL.Query().Get(name)
}

// clock is the time of the tests' records, so that they are of today.
func clock() time.Time { return time.Date(2026, 11, 21, 14, 0, 0, 0, time.UTC) }

func logsCall(t *testing.T, url string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	return call(t, []string{"COLUMNS=90", "TZ=UTC"}, "", append(append([]string{"logs"}, args...), "--url", url, "--token", "t")...)
}

func line(id string, second int, level, msg, attrs string) string {
	return fmt.Sprintf(`{"id":%q,"ts":"2026-11-21T13:02:%02dZ","level":%q,"service":"catalogs","instance":"catalogs-1","logger":"catalogs.store","msg":%s,"attrs":%s}`,
		id, second, level, quoted(msg), attrs)
}

func quoted(text string) string {
	raw, _ := json.Marshal(text) // a string always can
	return string(raw)
}

// page is one answer, newest first, with a gap between the second and the first record.
func page() string {
	return `{"records":[` + strings.Join([]string{
		line("c", 14, "ERROR", "panic: boom\ngoroutine 1\n\tmain.go:7", `{}`),
		line("b", 11, "WARN", "slow \x1b[31mquery", `{"took_ms":1200,"http":{"status":503,"route":"/x y"},"user_id":"42"}`),
		line("a", 2, "INFO", "hello", `{}`),
	}, ",") + `],"gaps":[{"service":"catalogs","instance":"catalogs-1","class":"info","from_seq":5,"to_seq":16,
		"from_ts":"2026-11-21T13:02:11Z","to_ts":"2026-11-21T13:02:14Z","cause":"spool full"}]}`
}

// Lines come oldest first, a gap stands where the records are missing, and no message passes for another record.
func TestWhatASearchPrints(t *testing.T) {
	t.Parallel()
	m, url := newLogMesh(t, map[string]string{"": page()})
	code, stdout, stderr := logsCall(t, url, "--utc", "--since", "2026-11-21T13:00:00Z", "-service:gateway", "level>=info")
	if code != 0 || stderr != "" {
		t.Fatal(code, stderr)
	}
	golden(t, "search.txt", stdout)
	if q := m.query(t, "q"); q != "(-service:gateway) level>=info" {
		t.Errorf("asked for %q", q)
	}
	if since := m.query(t, "since"); since != "2026-11-21T13:00:00Z" {
		t.Errorf("since %q", since)
	}
}

func TestColumnsAndJSON(t *testing.T) {
	t.Parallel()
	_, url := newLogMesh(t, map[string]string{"": page()})
	_, stdout, _ := logsCall(t, url, "--utc", "--columns", "id,user_id,http.status,level,msg")
	golden(t, "columns.txt", stdout)
	_, stdout, _ = logsCall(t, url, "--utc", "--columns", "+id")
	if !strings.Contains(stdout, "catalogs     a hello") {
		t.Errorf("+id: %s", stdout)
	}
	_, stdout, _ = logsCall(t, url, "--json")
	all := strings.Split(strings.TrimSpace(stdout), "\n")
	if len(all) != 4 || !strings.HasPrefix(all[0], `{"id":"a"`) || !strings.HasPrefix(all[2], `{"gap":{`) {
		t.Errorf("--json:\n%s", stdout)
	}
	for _, l := range all {
		if !json.Valid([]byte(l)) {
			t.Errorf("no JSON: %s", l)
		}
	}
}

func TestTables(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, path, body string }{
		{"patterns", "/patterns", `{"records":1300,"others":100,"gaps":[],"patterns":[
			{"template":"request done <n> ms","levels":{"INFO":1189,"WARN":1},"services":["catalogs","gateway"],"count":1190,"share":0.9917,"first":"2026-11-21T13:00:00Z","last":"2026-11-21T13:59:59Z"},
			{"template":"order <uuid> refused: amount is a text","levels":{"ERROR":10},"services":["catalogs"],"count":10,"share":0.0083,"first":"2026-11-21T13:40:00Z","last":"2026-11-21T13:40:10Z","new":true}]}`},
		{"values", "/top-values", `{"field":"http.status","records":100,"with":80,"distinct":30,"gaps":[],"values":[
			{"value":"200","count":60,"share":0.75},{"value":"503","count":20,"share":0.25}]}`},
		{"top", "/cost", `{"records":1200,"bytes":480000,"gaps":[],"services":[{"service":"gateway","records":1190,"bytes":470000,"share":0.979,"rate":0.33}],
			"sampled":64,"blocks":900,"templates":[{"service":"gateway","template":"request done <n> ms","records":1190,"bytes":470000,"share":0.979}]}`},
		{"gaps", "/gaps", `{"gaps":[{"service":"catalogs","instance":"catalogs-1","class":"info","from_seq":5,"to_seq":16,"from_ts":"2026-11-21T13:02:11Z","to_ts":"2026-11-21T13:02:14Z","cause":"missing"},
			{"service":"gateway","instance":"gateway-1","class":"debug","from_seq":7,"to_ts":"2026-11-21T13:01:14Z","cause":"tail unknown"}]}`},
		{"explain", "", `{"records":[],"gaps":[],"plan":{"partitions":24,"blocks":91234,"in_time":4000,"of_services":900,"of_levels":900,"asked":880,"candidates":7,"records":12000,"bytes":4800000,"columns":["msg","attrs"]}}`},
		{"context", "/context", `{"records":[` + line("a", 2, "INFO", "hello", `{}`) + `,` + line("b", 3, "ERROR", "here", `{}`) + `],"gaps":[]}`},
	} {
		_, url := newLogMesh(t, map[string]string{c.path: c.body})
		args := map[string][]string{"patterns": {"patterns", "--utc", "--new-since", "1h"}, "values": {"values", "http.status"}, "top": {"top"},
			"gaps": {"gaps", "--utc"}, "explain": {"--explain", "refused"}, "context": {"context", "b", "--utc"}}[c.name]
		code, stdout, stderr := logsCall(t, url, args...)
		if code != 0 || stderr != "" {
			t.Errorf("%s: %d %s", c.name, code, stderr)
		}
		golden(t, c.name+".txt", stdout)
		if c.name == "context" {
			continue
		}
		if _, stdout, _ = logsCall(t, url, append(args, "--json")...); !json.Valid([]byte(stdout)) {
			t.Errorf("%s --json: %s", c.name, stdout)
		}
	}
}

// An attribute that has the name of a column is not taken for it.
func TestAttributesNamedLikeColumns(t *testing.T) {
	t.Parallel()
	_, url := newLogMesh(t, map[string]string{"": `{"records":[` + line("a", 2, "INFO", "hello", `{"level":"loud","time":"2020","service":"x","user":"u"}`) + `],"gaps":[]}`})
	for want, args := range map[string][]string{
		"catalogs     hello level=loud time=2020 service=x user=u\n": {},
		"catalogs     u hello level=loud time=2020 service=x\n":      {"--columns", "+user"},
		"loud hello time=2020 service=x user=u\n":                    {"--columns", "attr.level,msg,attrs"},
	} {
		if _, stdout, _ := logsCall(t, url, append(args, "--utc")...); !strings.HasSuffix(stdout, want) {
			t.Errorf("%v: %q, want %q", args, stdout, want)
		}
	}
}

// What is new is rare: --new looks beyond the patterns that it lists, and says when there is nothing.
func TestNewPatternsAreFoundBelowTheLimit(t *testing.T) {
	t.Parallel()
	one := `{"template":%q,"levels":{"INFO":1},"services":["catalogs"],"count":1,"share":0.1,"first":"2026-11-21T13:00:00Z","last":"2026-11-21T13:00:00Z","new":%t}`
	m, url := newLogMesh(t, map[string]string{"/patterns": `{"records":9,"others":1,"gaps":[],"patterns":[` + fmt.Sprintf(one, "often", false) + "," + fmt.Sprintf(one, "seldom", true) + "," + fmt.Sprintf(one, "once", true) + `]}`})
	_, stdout, _ := logsCall(t, url, "patterns", "--new-since", "1h", "--new", "-n", "1", "--utc")
	if m.query(t, "limit") != "1000" || !strings.Contains(stdout, "NEW seldom") || strings.Contains(stdout, "once") || strings.Contains(stdout, "often") || !strings.Contains(stdout, "not looked at: 1 of 9 records") {
		t.Errorf("asked for %s\n%s", m.query(t, "limit"), stdout)
	}
	_, url = newLogMesh(t, map[string]string{"/patterns": `{"records":1,"others":0,"gaps":[],"patterns":[` + fmt.Sprintf(one, "often", false) + `]}`})
	for says, args := range map[string][]string{"nothing is new since v9": {"--new"}, "none of these is new since v9": nil} {
		if _, stdout, _ := logsCall(t, url, append([]string{"patterns", "--new-since", "v9"}, args...)...); !strings.Contains(stdout, says) {
			t.Errorf("%v: %s", args, stdout)
		}
	}
}

// An answer without records says how far it looked, and what was meant perhaps.
func TestWhatIsSaidOfNothing(t *testing.T) {
	t.Parallel()
	_, url := newLogMesh(t, map[string]string{"": `{"records":[],"gaps":[]}`, "/gaps": `{"gaps":[]}`})
	for says, args := range map[string][]string{
		"no record matches in the last 1h; --since 24h looks farther back\n": {"x"},
		"no record matches in the last 7d\n":                                 {"x", "--since", "7d"},
		"no record matches between --since 2h and --until 1h; ":              {"x", "--since", "2h", "--until", "1h"},
		"no record matches since 2026-01-01\n":                               {"x", "--since", "2026-01-01"},
		"was 'signalbox logs patterns' meant?":                               {"pattern"},
		"nothing of catlogs is missing in the last 24h\n":                    {"gaps", "catlogs"},
	} {
		if code, stdout, stderr := logsCall(t, url, args...); code != 0 || !strings.Contains(stdout+stderr, says) {
			t.Errorf("%v: %d %q %q", args, code, stdout, stderr)
		}
	}
}

func TestExport(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	whole := `{"msg":"a"}` + "\n" + `{"end":{"records":1,"complete":true}}` + "\n"
	for i, c := range []struct {
		body, says string
		code       int
	}{
		{whole, "", 0},
		{"msg\na\n# end: 1 records\n", "", 0},
		{`{"msg":"a"}` + "\n", "is not whole: the connection broke", 1},
		{`{"end":{"complete":false,"cause":"the store went away"}}` + "\n", "the store went away", 1},
		{"msg\n# end: broken off after 0 records: the store went away\n", "the store went away", 1},
	} {
		_, url := newLogMesh(t, map[string]string{"/export": c.body})
		file := filepath.Join(dir, fmt.Sprint(i))
		code, stdout, stderr := logsCall(t, url, "export", "-o", file)
		if code != c.code || stdout != "" || !strings.Contains(stderr, c.says) {
			t.Errorf("%d: code %d, %q %q", i, code, stdout, stderr)
		}
		name := file
		if c.code != 0 {
			name += ".part"
		}
		if raw, err := os.ReadFile(name); err != nil || string(raw) != c.body {
			t.Errorf("%d: %q %v", i, raw, err)
		}
	}
	_, url := newLogMesh(t, map[string]string{"/export": whole})
	if code, stdout, _ := logsCall(t, url, "export"); code != 0 || stdout != whole {
		t.Errorf("to the standard output: %d %q", code, stdout)
	}
}
