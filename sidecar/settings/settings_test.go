package settings_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

// Base is what all services share.
type Base struct {
	HTTPAddr    string        `env:"HTTP_ADDR" envDefault:":8080" desc:"public listener"`
	PostgresURL string        `env:"POSTGRES_URL" secret:"true" desc:"database"`
	Conns       int32         `env:"POSTGRES_MAX_CONNS" envDefault:"4" desc:"pool"`
	Stop        time.Duration `env:"STOP_TIMEOUT" envDefault:"10s" desc:"a|b"`
	Exporters   []string      `env:"TRACE_EXPORTER" envDefault:"none"`
	Strict      bool          `env:"STRICT"`
}

type Config struct {
	Base
	Hook string `env:"HOOK_URL"`
}

func TestLoadOverlaysTheServicesOwnVariables(t *testing.T) {
	var c Config
	err := settings.Load("view-service", []string{
		"SIGNALBOX_HTTP_ADDR=:1", "SIGNALBOX_VIEW_SERVICE_HTTP_ADDR=:2", "SIGNALBOX_CATALOGS_HTTP_ADDR=:3",
		"SIGNALBOX_STOP_TIMEOUT=3s", "SIGNALBOX_TRACE_EXPORTER=otlp,zipkin", "PATH=/bin",
	}, &c)
	if err != nil {
		t.Fatal(err)
	}
	want := Config{Base: Base{HTTPAddr: ":2", Conns: 4, Stop: 3 * time.Second, Exporters: []string{"otlp", "zipkin"}}}
	if diff := cmp.Diff(want, c, cmp.AllowUnexported(Config{})); diff != "" {
		t.Error(diff)
	}
}

func TestLoadNamesTheVariableThatWasSet(t *testing.T) {
	for name, test := range map[string]struct{ set, variable, says string }{
		"duration":           {"SIGNALBOX_STOP_TIMEOUT=soon", "SIGNALBOX_STOP_TIMEOUT", "duration"},
		"duration, overlaid": {"SIGNALBOX_CATALOGS_STOP_TIMEOUT=5", "SIGNALBOX_CATALOGS_STOP_TIMEOUT", "10s"},
		"number":             {"SIGNALBOX_POSTGRES_MAX_CONNS=four", "SIGNALBOX_POSTGRES_MAX_CONNS", "digits"},
		"number too large":   {"SIGNALBOX_POSTGRES_MAX_CONNS=99999999999", "SIGNALBOX_POSTGRES_MAX_CONNS", "range"},
		"bool":               {"SIGNALBOX_STRICT=perhaps", "SIGNALBOX_STRICT", "true or false"},
		"address":            {"SIGNALBOX_HTTP_ADDR=8080", "SIGNALBOX_HTTP_ADDR", "127.0.0.1:8080"},
		"port":               {"SIGNALBOX_HTTP_ADDR=:70000", "SIGNALBOX_HTTP_ADDR", "127.0.0.1:8080"},
		"url, scheme":        {"SIGNALBOX_POSTGRES_URL=mysql://u:hush@h/d", "SIGNALBOX_POSTGRES_URL", "postgres://"},
		"url, escape":        {"SIGNALBOX_POSTGRES_URL=postgres://u:hush%zz@h/d", "SIGNALBOX_POSTGRES_URL", "percent-encoded"},
		"url, slash":         {"SIGNALBOX_CATALOGS_POSTGRES_URL=postgres://u:hu/sh@h/d", "SIGNALBOX_CATALOGS_POSTGRES_URL", "URL"},
		"url, port":          {"SIGNALBOX_HOOK_URL=http://h:99999", "SIGNALBOX_HOOK_URL", "port"},
	} {
		t.Run(name, func(t *testing.T) {
			var bad *settings.Error
			err := settings.Load("catalogs", []string{test.set}, &Config{})
			if !errors.As(err, &bad) {
				t.Fatalf("%v is no settings.Error", err)
			}
			if bad.Variable != test.variable || !strings.Contains(bad.Problem, test.says) {
				t.Errorf("%q: want the variable %s and %q", err, test.variable, test.says)
			}
			if strings.Contains(err.Error(), "hush") || strings.Contains(err.Error(), "u:hu") {
				t.Errorf("%q holds the secret", err)
			}
		})
	}
}

func TestUnknownSuggestsTheNearest(t *testing.T) {
	known := settings.Known("catalogs", Config{})
	ok := []string{"HOME=/", "SIGNALBOX_STRICT=1", "SIGNALBOX_CATALOGS_STRICT=1",
		"SIGNALBOX_GATEWAY_PORT=tcp://10.0.0.1:80", "SIGNALBOX_GATEWAY_SERVICE_HOST=10.0.0.1", "SIGNALBOX_GATEWAY_PORT_80_TCP_ADDR=10.0.0.1"}
	if err := settings.Unknown(ok, known); err != nil {
		t.Error(err)
	}
	err := settings.Unknown(append(ok, "SIGNALBOX_POSTGRE_URL=x"), known)
	if err == nil || !strings.Contains(err.Error(), "SIGNALBOX_POSTGRE_URL: is not a setting; did you mean SIGNALBOX_POSTGRES_URL?") {
		t.Errorf("got %v", err)
	}
	err = settings.Unknown([]string{"SIGNALBOX_SOMETHING_ELSE=x"}, known)
	if err == nil || strings.Contains(err.Error(), "did you mean") {
		t.Errorf("got %v", err)
	}
}

func TestDescribeMasksSecrets(t *testing.T) {
	c := Config{Base: Base{PostgresURL: "postgres://rw:hush@h:1/d?password=hush"}}
	for _, f := range settings.Describe(&c) {
		if strings.Contains(f.Value, "hush") {
			t.Errorf("%s = %s", f.Name, f.Value)
		}
		if f.Name == "POSTGRES_URL" && f.Value != "postgres://rw@h:1/d" {
			t.Errorf("masked as %s", f.Value)
		}
	}
}

func TestTable(t *testing.T) {
	var b strings.Builder
	if err := settings.Table(&b, Config{}, Config{}); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "| `SIGNALBOX_STOP_TIMEOUT` | `10s` | a\\|b |") || strings.Count(b.String(), "HOOK_URL") != 1 {
		t.Error(b.String())
	}
}

func TestLoadRefusesWhatIsNoStruct(t *testing.T) {
	if err := settings.Load("x", nil, new(int)); err == nil {
		t.Error("no error")
	}
}
