package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const oneSchedule = `{"name":"catalogs.stocktake","service":"catalogs","origin":"declared","cron":"0 2 * * mon-fri","time_zone":"Europe/Berlin","misfire":"all",
	"window_seconds":86400,"catch_up_per_second":10,"overlap":"buffer-one","in_window":"hold","deadline_ms":90000,"attempts":5,"backoff_ms":1000,"done_when":"completed","target":"bus",
	"payload":{"full":true},"declared":{"cron":"0 3 * * *","time_zone":"Europe/Berlin"},"drift":["cron","payload"],"edited_by":"anna","edited_at":"2026-11-20T10:00:00Z",
	"paused":true,"paused_by":"ben","paused_note":"restore","revision":7,"next_due":"2026-11-23T01:00:00Z","success_rate":0.996,"p50_ms":40,"p95_ms":1200,
	"last_fire":{"id":"x","due":"2026-11-20T01:00:00Z","state":"failed","reason":"deadline"}}`

const someFires = `{"items":[
	{"id":"catalogs.stocktake@2026-11-20T01:00:00Z","schedule":"catalogs.stocktake","due":"2026-11-20T01:00:00Z","state":"skipped","reason":"no-leader","missed":3,"cause_from":"2026-11-20T00:59:00Z","cause_to":"2026-11-20T01:04:00Z"},
	{"id":"b","schedule":"catalogs.stocktake","due":"2026-11-19T01:00:00Z","state":"failed","reason":"handler-failed","attempt":2,"attempts":5,"error":"no space left","instance":"catalogs-1","duration_ms":1500,"trace_id":"4bf92f3577b34da6a3ce929d0e0e4736"}]}`

func scheduleMesh(t *testing.T) (*mesh, func(args ...string) (int, string, string)) {
	t.Helper()
	const one = schedulesPath + "/catalogs.stocktake"
	saved := `{"schedule":` + oneSchedule + `,"next":{"items":["2026-11-23T01:00:00Z"],"text":"at 02:00"},"warnings":["due often"]}`
	m := &mesh{bodies: map[string]string{
		"GET " + schedulesPath: `{"items":[` + oneSchedule + `]}`, "GET " + one: oneSchedule, "GET " + one + "/next": `{"items":["2026-11-23T01:00:00Z"]}`,
		"GET " + firesPath: someFires, "PUT " + one: saved, "PUT " + schedulesPath + "/catalogs.new": saved, "DELETE " + one + "/edit": saved, "DELETE " + one: "",
		"POST " + schedulesPath + "/preview": `{"items":["2026-11-23T01:00:00Z","2026-11-24T01:00:00Z"],"text":"at 02:00"}`,
		"POST " + one + "/backfill":          `{"id":"b1","fires":2,"present":1}`, "POST " + firesPath + "/a@1#run": `{"id":"a@1#run","state":"received"}`,
		"POST " + one + "/pause": oneSchedule, "POST " + one + "/resume": oneSchedule, "POST " + one + "/run": `{"fire_id":"a@2#run"}`,
		"GET " + firesPath + "/a@2#run":         `{"id":"a@2#run","state":"skipped","reason":"retired"}`,
		"POST " + firesPath + "/a@1#run/cancel": `{"id":"a@1#run","state":"received"}`,
	}}
	address := m.start(t)
	return m, func(args ...string) (int, string, string) {
		t.Helper()
		return call(t, nil, "", append(args, "--url", address, "--token", "t")...)
	}
}

func (m *mesh) requests(method string) (all []string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, one := range m.asked {
		if strings.HasPrefix(one, method+" ") {
			all = append(all, one)
		}
	}
	return all
}

func TestSchedulesAreShown(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args  string
		asked string // part of a request
		says  []string
	}{
		{"schedule list --service catalogs --is failing --match stock", "?limit=200&q=stock&service=catalogs&state=failing",
			[]string{"catalogs.stocktake   0 2 * * mon-fri Europe/Berlin", "failed (deadline)", "99.6%", "paused by ben: restore; edited by anna: cron, payload"}},
		{"schedule show catalogs.stocktake -n 20", "/next?n=20", []string{"at 02:00, Monday to Friday, Europe/Berlin", "all within 1d are caught up, 10 a second", "one waits for the end",
			"held until its end", "5 attempts, 1m30s each, 1s after the first", "99.6% done, half within 40ms, 95% within 1.2s", "EDITED BY anna", `"0 3 * * *"`, "and 2 more", "skipped (no-leader)", "no space left", "2 of 5"}},
		{"schedule fires --is skipped --reason no-leader --since 2026-11-20T00:00:00Z --service catalogs", "from=2026-11-20T00%3A00%3A00Z&limit=50&reason=no-leader&service=catalogs&state=skipped",
			[]string{"SCHEDULE", "catalogs.stocktake   skipped (no-leader)", ":04:00"}},
		{"schedule fires catalogs.stocktake", "schedule=catalogs.stocktake", []string{"failed (handler-failed)", "catalogs-1", "1.5s", "TRACE", "4bf92f3577b3   no space left"}},
	} {
		m, run := scheduleMesh(t)
		code, out, errs := run(split(c.args)...)
		if code != 0 || !slices.ContainsFunc(m.requests("GET"), func(r string) bool { return strings.Contains(r, c.asked) }) {
			t.Errorf("%s: code %d, asked %q: %s", c.args, code, m.requests("GET"), errs)
		}
		for _, part := range c.says {
			if !strings.Contains(out, part) {
				t.Errorf("%s: no %q in\n%s", c.args, part, out)
			}
		}
		if code, out, _ := run(append(split(c.args), "--json")...); code != 0 || !json.Valid([]byte(out)) {
			t.Errorf("%s --json: %d %s", c.args, code, out)
		}
	}
}

// What is given changes the schedule as it is; the rest stays, and another's change in between is refused.
func TestSaveChangesWhatIsGiven(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "spec.json")
	if err := os.WriteFile(file, []byte(`{"every_seconds":60,"overlap":"skip"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		path string
		want map[string]any
		rev  float64
		says string
	}{
		{[]string{"catalogs.stocktake", "--every", "15m", "--attempts", "1", "--note", "why"}, "catalogs.stocktake ", map[string]any{"every_seconds": 900.0, "attempts": 1.0, "overlap": "buffer-one", "payload": map[string]any{"full": true},
			"cron": nil, "time_zone": "Europe/Berlin"}, 7, "is saved; it differs from its declaration in cron, payload; it is paused by ben"},
		{[]string{"catalogs.stocktake", "--jitter", "0s"}, "catalogs.stocktake ", map[string]any{"cron": "0 2 * * mon-fri", "jitter_seconds": nil}, 7, "is saved"},
		{[]string{"catalogs.stocktake", "--jitter", "5m", "--dry-run"}, "catalogs.stocktake?dry_run=true", map[string]any{"cron": "0 2 * * mon-fri", "jitter_seconds": 300.0}, 7, "NEXT"},
		{[]string{"catalogs.new", "--at", "2026-12-24 18:00", "--tz", "Europe/Berlin", "--target", "http", "--post-to", "https://x.example"}, "catalogs.new ", map[string]any{"at": "2026-12-24T17:00:00Z", "target": "http",
			"url": "https://x.example", "overlap": nil}, 0, "is saved"},
		{[]string{"catalogs.stocktake", "--from-file", file, "--except", "2026-12-25", "--except", "* * * * sat,sun"}, "catalogs.stocktake ", map[string]any{"every_seconds": 60.0, "overlap": "skip", "attempts": nil,
			"except": []any{"2026-12-25", "* * * * sat,sun"}}, 7, "2026-11-24T01:00:00Z"},
	} {
		m, run := scheduleMesh(t)
		code, out, errs := run(append([]string{"schedule", "save"}, c.args...)...)
		puts := m.requests("PUT")
		if code != 0 || len(puts) != 1 || !strings.HasPrefix(puts[0], "PUT "+schedulesPath+"/"+c.path) || !strings.Contains(out, c.says) || !strings.Contains(errs, "due often") {
			t.Errorf("%q: code %d, sent %q, said %s%s", c.args, code, puts, out, errs)
			continue
		}
		var sent struct {
			Spec     map[string]any
			Revision float64
		}
		_, body, _ := strings.Cut(puts[0], " {")
		if err := json.Unmarshal([]byte("{"+body), &sent); err != nil || sent.Revision != c.rev {
			t.Errorf("%q: %v, revision %v", c.args, err, sent.Revision)
		}
		for field, want := range c.want {
			if got := sent.Spec[field]; !reflect.DeepEqual(got, want) {
				t.Errorf("%q: %s is sent as %v, want %v", c.args, field, got, want)
			}
		}
	}
}

func TestScheduleMistakesChangeNothing(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		says string
	}{
		{split("schedule fires --reason bad-luck"), "want one of paused, window"},
		{split("schedule fires --since yesterday"), "--since"},
		{split("schedule save catalogs.stocktake --every 500ms"), "whole seconds"},
		{split("schedule save catalogs.stocktake --every 1500ms"), "--every 1.5s: want whole seconds"},
		{split("schedule save catalogs.stocktake --jitter 100ms"), "--jitter 100ms: want whole seconds"},
		{split("schedule save catalogs.stocktake --window 0s"), "--window 0s: want whole seconds"},
		{split("schedule save catalogs.stocktake --at tomorrow"), "--at \"tomorrow\": want a local time"},
		{split("schedule save catalogs.stocktake --overlap maybe"), "must be one of"},
		{split("schedule save catalogs.stocktake --payload {"), "want JSON"},
		{split("schedule save catalogs.stocktake --from-file /nowhere"), "--from-file"},
		{split("schedule backfill catalogs.stocktake --from tomorrow"), "--from"},
		{split("schedule show catalogs.stocktake -n 0"), "1 to 100"},
		{split("schedule list -n 0"), "want 1 or more"},
		{split("schedule fires -n 0"), "want 1 or more"},
	} {
		m, run := scheduleMesh(t)
		code, _, errs := run(c.args...)
		if changed := append(m.requests("PUT"), m.requests("POST")...); code != exitMisused || !strings.Contains(errs, c.says) || len(changed) > 0 {
			t.Errorf("%q: code %d, %q, sent %q", c.args, code, errs, changed)
		}
	}
}

func TestScheduleOperations(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		sent string
		says string
	}{
		{split("schedule revert catalogs.stocktake --note fast"), 0, "DELETE " + schedulesPath + "/catalogs.stocktake/edit?note=fast", "as its service declares it"},
		{split("schedule delete catalogs.stocktake"), 0, "DELETE " + schedulesPath + "/catalogs.stocktake ", "is deleted"},
		{split("schedule cancel a@1#run --note wrong"), 0, `POST ` + firesPath + `/a@1%23run/cancel {"note":"wrong"}`, "is told to end"},
		{split("schedule backfill catalogs.stocktake --from 2026-11-19T00:00:00Z --to 2026-11-20T00:00:00Z --again --no-wait"), 0,
			`/backfill {"from":"2026-11-19T00:00:00Z","to":"2026-11-20T00:00:00Z","again":true}`, "2 due times will be fired; left out: 1 (still to be decided by plan)   (backfill b1)"},
		{split("schedule pause catalogs.stocktake --note restore"), 0, `/pause {"note":"restore"}`, "is paused; `signalbox schedule resume catalogs.stocktake`"},
		{split("schedule pause catalogs.stocktake --note restore --json"), 0, `/pause {"note":"restore"}`, `"paused_note": "restore"`},
		{split("schedule resume catalogs.stocktake --json"), 0, `/resume {}`, `"revision": 7`},
		{split("schedule delete catalogs.stocktake --json"), 0, "DELETE " + schedulesPath + "/catalogs.stocktake ", `"deleted": true`},
		{split("schedule run catalogs.stocktake"), 1, "/run {}", "skipped (retired)"},
		{split("schedule backfill catalogs.stocktake --from 2026-11-19T00:00:00Z --dry-run"), 0, `"dry_run":true}`, "2 due times would be fired; left out: 1 (done, under way,"},
		{split("schedule backfill catalogs.stocktake --from 2026-11-19T00:00:00Z"), 1, `GET ` + firesPath + `?backfill=b1`, "0 done, 2 not done"},
	} {
		m, run := scheduleMesh(t)
		code, out, errs := run(c.args...)
		m.mu.Lock()
		sent := strings.Join(m.asked, "\n")
		m.mu.Unlock()
		if code != c.code || !strings.Contains(sent, c.sent) || !strings.Contains(out, c.says) {
			t.Errorf("%q: code %d, sent %s, said %s%s", c.args, code, sent, out, errs)
		}
	}
}

func TestNamesOfTheMeshAreCompleted(t *testing.T) {
	t.Parallel()
	m := &mesh{bodies: map[string]string{"GET " + schedulesPath: `{"items":[` + oneSchedule + `]}`,
		"GET " + firesPath: `{"items":[{"id":"a@1","state":"done"},{"id":"a@2","state":"received"}]}`}}
	environ := []string{"SIGNALBOX_URL=" + m.start(t), "SIGNALBOX_TOKEN=t"}
	for line, want := range map[string]string{"schedule backfill ": "catalogs.stocktake", "schedule fires ": "catalogs.stocktake", "schedule cancel ": "a@2"} {
		_, out, _ := call(t, environ, "", append([]string{"__complete"}, strings.Split(line, " ")...)...)
		if lines := strings.Fields(out); !slices.Contains(lines, want) || slices.Contains(lines, "a@1") {
			t.Errorf("%q completes to %q, want %q", line, lines, want)
		}
	}
	call(t, environ, "", "__complete", "schedule", "show", "catalogs.")
	if asked := m.requests("GET"); !slices.Contains(asked, "GET "+schedulesPath+"?brief=true&limit=200&q=catalogs. ") {
		t.Errorf("a shell waits for what takes long, or for what is not asked for: %q", asked)
	}
}

// A payload may have 64 KiB, and is one line.
func TestAShownScheduleFitsTheTerminal(t *testing.T) {
	t.Parallel()
	var v scheduleView
	if err := json.Unmarshal([]byte(oneSchedule), &v.Schedule); err != nil {
		t.Fatal(err)
	}
	v.Schedule.Payload = json.RawMessage(`"` + strings.Repeat("x", 1000) + `"`)
	for wide, want := range map[bool]bool{false: false, true: true} {
		var out bytes.Buffer
		if err := v.print(Process{Stdout: &out}, screen{terminal: true, cells: 70}, wide); err != nil {
			t.Fatal(err)
		}
		if (widest(out.String()) > 70) != want {
			t.Errorf("wide %t: %d cells:\n%s", wide, widest(out.String()), out.String())
		}
	}
}
