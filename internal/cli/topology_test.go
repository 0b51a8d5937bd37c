package cli

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// theMesh is what the API says of a mesh without PostgreSQL; one check's error tries to move the cursor.
func theMesh(t *testing.T, causes string) (url string) {
	t.Helper()
	answers := map[string]string{
		topologyPath: `{"at":"2026-11-21T13:02:20Z","partial":"the store cannot be reached","nodes":[
			{"name":"browser","kind":"caller","health":"up","versions":[],"live":0,"lost":0,"failing":[]},
			{"name":"catalogs","kind":"service","health":"down","versions":["1.4.0","1.5.0"],"live":2,"lost":1,"since":"2026-11-21T13:02:11Z","failing":[]},
			{"name":"gateway","kind":"service","health":"degraded","versions":["1.5.0"],"live":1,"lost":0,"since":"2026-11-21T13:02:13Z","failing":[]},
			{"name":"postgresql","kind":"dependency","health":"down","versions":[],"live":0,"lost":0,"since":"2026-11-21T13:02:11Z","failing":[]}],
			"edges":[{"source":"browser","destination":"gateway","protocol":"http","rate":142.4,"errors":0.25,"p50_ms":3.1,"p99_ms":48.25,"open":0},
			{"source":"catalogs","destination":"postgresql","protocol":"postgresql","rate":61.275,"errors":1,"p50_ms":0.4,"p99_ms":1.9,"open":0},
			{"source":"gateway","destination":"catalogs","protocol":"http","rate":0,"errors":0,"p50_ms":0,"p99_ms":0,"open":1}]}`,
		causesPath: causes,
		instancesPath: `{"instances":[{"service":"catalogs","instance":"catalogs-1","state":"live","health":"down","address":"127.0.0.1:1"},
			{"service":"catalogs","instance":"catalogs-8","state":"lost","health":"up","address":"127.0.0.1:8"},
			{"service":"catalogs","instance":"catalogs-9","state":"stopped","health":"draining","address":"127.0.0.1:9"}]}`,
	}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = w.Write([]byte(answers[r.URL.Path])) // a client that left is seen in its own test
	}))
	t.Cleanup(srv.Close)
	return srv.URL
}

const oneCause = `{"at":"2026-11-21T13:02:20Z","causes":[{"node":"postgresql","kind":"dependency","health":"down",
	"summary":"postgresql is down since 2026-11-21T13:02:11Z; 2 others fail because of it","instances":[],"since":"2026-11-21T13:02:11Z","affected":["catalogs","gateway"],
	"evidence":[{"service":"catalogs","instance":"catalogs-1","check":"postgres-catalogs","error":"connection refused\u001b[2J","since":"2026-11-21T13:02:11Z"}],
	"silent":[{"instance":"catalogs-3","since":"2026-11-21T13:02:12Z"}],
	"edges":[{"source":"catalogs","destination":"postgresql","protocol":"postgresql","rate":61.275,"errors":1,"p50_ms":0.4,"p99_ms":1.9,"open":1}]}]}`

func meshCall(t *testing.T, command, url string) (code int, stdout, stderr string) {
	t.Helper()
	return call(t, []string{"COLUMNS=120", "TZ=UTC"}, "", command, "--url", url, "--token", "t")
}

func TestWhatTopologyPrints(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := meshCall(t, "topology", theMesh(t, ""))
	if code != 0 || stderr != "" {
		t.Fatal(code, stderr)
	}
	for _, want := range []string{"(the store cannot be reached)", "1.4.0, 1.5.0", "2, 1 lost", "142 ", "61.2", "25 %", "48.2 ms", "open on 1"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
}

func TestWhatCausesPrints(t *testing.T) {
	t.Parallel()
	code, stdout, stderr := meshCall(t, "causes", theMesh(t, oneCause))
	if code != 1 || !strings.Contains(stderr, "one node explains it") || strings.Contains(stdout, "\x1b") {
		t.Error(code, stderr)
	}
	for _, want := range []string{"✗ postgresql is down since", "takes along  catalogs, gateway", "catalogs-1  postgres-catalogs: connection refused·[2J",
		"catalogs-3  not heard since", "catalogs → postgresql  100 % of the calls fail, the breaker is open on 1"} {
		if !strings.Contains(stdout, want) {
			t.Errorf("no %q in\n%s", want, stdout)
		}
	}
	if code, stdout, _ := meshCall(t, "causes", theMesh(t, `{"causes":[]}`)); code != 0 || stdout != "all is well\n" {
		t.Error(code, stdout)
	}
	if _, stdout, _ := meshCall(t, "doctor", theMesh(t, oneCause)); !strings.Contains(stdout, "✗ cause") || !strings.Contains(stdout, "signalbox causes") || strings.Contains(stdout, "\x1b") ||
		!strings.Contains(stdout, "catalogs-1 down") || strings.Contains(stdout, "catalogs-8") || strings.Contains(stdout, "catalogs-9") {
		t.Error(stdout)
	}
}
