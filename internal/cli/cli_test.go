package cli

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

// call runs one command as the program would.
func call(t *testing.T, environ []string, stdin string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, bad bytes.Buffer
	code = Main(t.Context(), Process{
		Args: args, Environ: environ, Stdin: strings.NewReader(stdin), Stdout: &out, Stderr: &bad, Version: "v0.0.0-test", Clock: clock,
	})
	return code, out.String(), bad.String()
}

func TestMistakesOnTheCommandLineEndWithTwo(t *testing.T) {
	t.Parallel()
	empty := t.TempDir()
	for _, c := range []struct {
		args    []string
		environ string
		code    int
		says    string
	}{
		{[]string{"nonsense"}, "", 2, "nonsense"},
		{[]string{"level", "set", "catalogs"}, "", 2, "<level>"},
		{[]string{"level", "set", "catalogs.store", "debug"}, "", 2, "signalbox level set catalogs debug --logger catalogs.store"},
		{[]string{"run", "nobody"}, "", 2, "no service is called"},
		{[]string{"up", "--listen", "nowhere"}, "", 2, "HOST:PORT"},
		{[]string{"up", "--replicas", "scheduler=3"}, "", 2, "--split"},
		{[]string{"up", "--bus", "pigeon"}, "", 2, "pigeon"},
		{[]string{"up", "--state", empty}, "SIGNALBOX_LOG_LEVLE=debug", 2, "did you mean SIGNALBOX_LOG_LEVEL?"},
		{[]string{"logs", "-n", "0"}, "", 2, "1 to 1000"},
		{[]string{"migrate", "--bootstrap"}, "", 2, "SIGNALBOX_POSTGRES_ADMIN_URL"},
		{[]string{"ps", "--url", "http://127.0.0.1:1"}, "", 2, "SIGNALBOX_TOKEN"},
		{[]string{"ps", "--state", empty}, "XDG_CONFIG_HOME=" + empty, 1, "signalbox up"},
		{[]string{"ps", "--url", "http://127.0.0.1:1", "--token", "t"}, "", 1, "is it running?"},
	} {
		code, _, stderr := call(t, []string{c.environ}, "", c.args...)
		if code != c.code || !strings.Contains(stderr, c.says) || strings.Count(stderr, "\n") != 1 {
			t.Errorf("%v: code %d, %q; want code %d and one sentence with %q", c.args, code, stderr, c.code, c.says)
		}
	}
}

func TestHelpShowsExamples(t *testing.T) {
	t.Parallel()
	for _, command := range [][]string{{"up"}, {"run"}, {"migrate"}, {"ps"}, {"logs"}, {"logs", "search"}, {"logs", "context"},
		{"logs", "histogram"}, {"logs", "patterns"}, {"logs", "values"}, {"logs", "top"}, {"logs", "gaps"}, {"logs", "export"}, {"sizing"}, {"level", "set"}, {"level", "get"},
		{"level", "reset"}, {"lease", "list"}, {"lease", "show"}, {"lease", "drop"}, {"audit"}, {"debug"}, {"profile"}, {"profile", "list"}, {"profile", "get"},
		{"window", "open"}, {"window", "list"}, {"window", "close"}, {"token", "logs"}, {"token", "list"}, {"token", "revoke"},
		{"ship"}, {"trace"}, {"schedule", "show"}, {"schedule", "run"}, {"schedule", "pause"}, {"schedule", "resume"}, {"schedule", "list"},
		{"schedule", "fires"}, {"schedule", "explain"}, {"schedule", "save"}, {"schedule", "revert"}, {"schedule", "delete"}, {"schedule", "backfill"}, {"schedule", "cancel"}, {"schedule", "overdue"}, {"doctor"}, {"completion"}, {"context", "set"}} {
		code, stdout, stderr := call(t, nil, "", append(command, "--help")...)
		if code != 0 || !strings.Contains(stdout, "Example") || stderr != "" {
			t.Errorf("%v --help: code %d, no example in\n%s%s", command, code, stdout, stderr)
		}
	}
}

func TestContexts(t *testing.T) {
	t.Parallel()
	environ := []string{"XDG_CONFIG_HOME=" + t.TempDir()}
	steps := []struct {
		stdin string
		args  []string
		code  int
	}{
		{"secret-token\n", []string{"context", "set", "prod", "https://signalbox.example"}, 0},
		{"other\n", []string{"context", "set", "stage", "https://stage.example"}, 0},
		{"", []string{"context", "set", "empty", "https://stage.example"}, 2},
		{"", []string{"context", "use", "stage"}, 0},
		{"", []string{"context", "use", "nowhere"}, 2},
	}
	for _, s := range steps {
		if code, _, stderr := call(t, environ, s.stdin, s.args...); code != s.code {
			t.Fatalf("%v: code %d, want %d: %s", s.args, code, s.code, stderr)
		}
	}
	_, stdout, _ := call(t, environ, "", "context", "list", "--json")
	var rows []struct {
		Name    string
		Current bool
	}
	if err := json.Unmarshal([]byte(stdout), &rows); err != nil || len(rows) != 2 || rows[0].Current || !rows[1].Current {
		t.Errorf("list: %s, %v", stdout, err)
	}
	if strings.Contains(stdout, "secret-token") {
		t.Error("the list shows a token")
	}
	file, err := contextsFile(environ)
	if err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: want mode 0600", info, err)
	}
	if code, _, _ := call(t, environ, "", "context", "drop", "stage"); code != 0 {
		t.Error("drop fails")
	}
}

func TestCompletion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ line, want, never string }{
		{"sch", "schedule", "up"},
		{"level ", "set", "--json"},
		{"level set ", "catalogs", "__complete"},
		{"level set --l", "--logger", "catalogs"},
		{"level set ", "catalogs", "debug"},
		{"level set catalogs ", "debug", "catalogs"},
		{"level set --ttl 5m ", "catalogs", "debug"},
		{"up --bus ", "inproc", "--bus"},
		{"logs ", "histogram", "--json"},
		{"logs --ar", "--around", "histogram"},
		{"logs context --of ", "trace", "--of"},
		{"logs gaps ", "catalogs", "debug"},
		{"logs values ", "instance", "catalogs"},
		{"logs -n 5 --si", "--since", "catalogs"},
		{"run g", "gateway", "catalogs"},
		{"run catalogs g", "gateway", "catalogs"},
		{"completion ", "fish", "up"},
		{"window ", "open", "catalogs"},
		{"window close ", "catalogs", "debug"},
		{"audit ", "catalogs", "debug"},
		{"profile ", "cpu", "catalogs"},
		{"profile ", "list", "catalogs"},
		{"profile cpu ", "catalogs", "cpu"},
		{"profile trace catalogs --b", "--before", "catalogs"},
		{"lease list --kind ", "blackbox", "cpu"},
		{"lease list --service ", "catalogs", "list"},
		{"debug --level ", "debug", "--level"},
		{"level set catalogs debug --f", "--for", "catalogs"},
		{"level set --for 5m ", "catalogs", "debug"},
		{"schedule ", "backfill", "catalogs"},
		{"schedule fires --reason ", "handler-failed", "failed"},
		{"schedule fires --is ", "failed", "handler-failed"},
		{"schedule list --service ", "catalogs", "list"},
		{"schedule save --overlap ", "buffer-one", "once"},
	} {
		_, stdout, stderr := call(t, nil, "", append([]string{"__complete"}, strings.Split(c.line, " ")...)...)
		lines := strings.Fields(stdout)
		if !contains(lines, c.want) || contains(lines, c.never) || stderr != "" {
			t.Errorf("%q completes to %q %s; want %q and never %q", c.line, lines, stderr, c.want, c.never)
		}
	}
	for _, shell := range []string{"bash", "zsh", "fish"} {
		if code, stdout, _ := call(t, nil, "", "completion", shell); code != 0 || !strings.Contains(stdout, "__complete") {
			t.Errorf("completion %s: %d %q", shell, code, stdout)
		}
	}
}

func contains(all []string, one string) bool {
	for _, s := range all {
		if s == one {
			return true
		}
	}
	return false
}

// bootstrap makes database, roles and schemas; migrate then brings each schema up with its own roles' URLs. Twice.
func TestBootstrapAndMigrate(t *testing.T) {
	t.Parallel()
	server := pgtest.Server(t)
	file := filepath.Join(t.TempDir(), "roles.json")
	environ := []string{"SIGNALBOX_POSTGRES_ADMIN_URL=" + server.URL()}
	for range 2 {
		if code, _, stderr := call(t, environ, "", "migrate", "--bootstrap", "--database", "mesh", "--passwords", file); code != 0 {
			t.Fatalf("bootstrap: %s", stderr)
		}
	}
	var passwords map[string]string
	raw, err := os.ReadFile(file)
	if err == nil {
		err = json.Unmarshal(raw, &passwords)
	}
	if err != nil {
		t.Fatal(err)
	}
	environ = serviceURLs(t, server.URL(), passwords)
	for range 2 {
		code, stdout, stderr := call(t, environ, "", "migrate")
		if code != 0 || strings.Count(stdout, "is up to date") != 5 {
			t.Fatalf("migrate: code %d\n%s%s", code, stdout, stderr)
		}
	}
}

func serviceURLs(t *testing.T, admin string, passwords map[string]string) []string {
	t.Helper()
	var environ []string
	for _, e := range house.Entries() {
		for _, s := range e.Schemas {
			for setting, role := range map[string]string{s.URL: "signalbox_" + s.Name, s.OwnerURL: "signalbox_" + s.Name + "_owner"} {
				url, err := house.RoleURL(admin, "mesh", role, passwords[role])
				if err != nil {
					t.Fatal(err)
				}
				environ = append(environ, "SIGNALBOX_"+strings.ToUpper(strings.ReplaceAll(e.Name, "-", "_"))+"_"+setting+"="+url)
			}
		}
	}
	return environ
}

func TestWhatALineHoldsDoesNotSteerTheTerminal(t *testing.T) {
	t.Parallel()
	if got := printable("a\x1b[31mred\x1b[0m\nb\tc\u009b"); strings.ContainsAny(got, "\x1b\n\u009b") || !strings.Contains(got, "\t") {
		t.Errorf("%q", got)
	}
}
