package sidecar_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/signalbox-mesh/signalbox/internal/lifecycletest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/health"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

// config is that of a service on free ports, standing alone.
func config(t *testing.T, more ...string) sidecar.Config {
	t.Helper()
	environ := append([]string{"SIGNALBOX_HTTP_ADDR=127.0.0.1:0", "SIGNALBOX_RPC_ADDR=127.0.0.1:0"}, more...)
	c, err := sidecar.FromEnv("orders", environ)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func build(t *testing.T, ctx context.Context, c sidecar.Config, set sidecar.Settings) *sidecar.Sidecar {
	t.Helper()
	set.Service = "orders"
	if set.Stderr == nil {
		set.Stderr = io.Discard
	}
	s, err := sidecar.New(ctx, c, set)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestLifecycle(t *testing.T) {
	lifecycletest.Run(t, lifecycletest.Suite{
		New: func(t *testing.T, ctx context.Context) lifecycletest.Service {
			return build(t, ctx, config(t), sidecar.Settings{})
		},
		Failing: func(ctx context.Context) error {
			taken, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return nil
			}
			defer taken.Close() //nolint:errcheck // a test's listener
			c := sidecar.Config{LogLevel: "info", HTTPAddr: "127.0.0.1:0", RPCAddr: taken.Addr().String(), TraceExporter: []string{"none"}}
			_, err = sidecar.New(ctx, c, sidecar.Settings{Service: "orders", Stderr: io.Discard})
			return err
		},
	})
}

// A plain http.Handler gets the ops paths, metrics by route and problem documents around it.
func TestMountPlainHandler(t *testing.T) {
	t.Parallel()
	s := build(t, t.Context(), config(t), sidecar.Settings{})
	s.Mount("GET /orders/{id}", access.Public(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, "order "+r.PathValue("id"))
	}))
	run(t, s)
	base := "http://" + s.PublicAddr()
	if body := get(t, base+"/orders/7", 200); body != "order 7" {
		t.Errorf("body %q", body)
	}
	if body := get(t, base+"/metrics", 200); !strings.Contains(body, `http_server_request_duration_seconds_count{http_request_method="GET",http_response_status_code="200",http_route="/orders/{id}"} 1`) {
		t.Errorf("no request metric of the route in /metrics:\n%s", grep(body, "http_server_request_duration_seconds_count"))
	}
	if body := get(t, base+"/liveness", 200); strings.TrimSpace(body) == "" {
		t.Error("/liveness says nothing")
	}
	get(t, base+"/nowhere", 404)
}

// A server that cannot be reached leaves the service live, down on /hc with the cause, and its routes at 503.
func TestDatabaseAway(t *testing.T) {
	t.Parallel()
	c := config(t, "SIGNALBOX_POSTGRES_URL=postgres://someone:verysecret@127.0.0.1:1/nowhere")
	s := build(t, t.Context(), c, sidecar.Settings{Schema: "orders"})
	s.Mount("GET /orders", access.Public(), http.NotFoundHandler())
	run(t, s)
	base := "http://" + s.PublicAddr()
	get(t, base+"/liveness", 200)
	get(t, base+"/orders", 503)
	var report health.Report
	cause := ""
	wait.For(t, limit, "/hc to name the cause", func() bool {
		report, cause = health.Report{}, ""
		if err := json.Unmarshal([]byte(get(t, base+"/hc", 503)), &report); err != nil {
			return false
		}
		for _, c := range report.Checks {
			cause += c.Error
		}
		return cause != ""
	})
	if report.Status != health.Down || strings.Contains(cause, "verysecret") {
		t.Errorf("report %+v", report)
	}
}

func TestOperatorMistakes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, environ, variable string }{
		{"unknown setting", "SIGNALBOX_HTP_ADDR=:1", "SIGNALBOX_HTP_ADDR"},
		{"bad level", "SIGNALBOX_LOG_LEVEL=loud", "SIGNALBOX_LOG_LEVEL"},
		{"tiny spool", "SIGNALBOX_SPOOL_LIMIT=64KiB", "SPOOL_LIMIT"},
		{"no part of a key", "SIGNALBOX_LOG_REDACT_KEYS=iban,*", "LOG_REDACT_KEYS"},
		{"an instance that is no name", "SIGNALBOX_INSTANCE=../elsewhere", "INSTANCE"},
		{"bad peers", "SIGNALBOX_PEERS==", "SIGNALBOX_PEERS"},
		{"bad address", "SIGNALBOX_HTTP_ADDR=127.0.0.1:notaport", "SIGNALBOX_HTTP_ADDR"},
		{"key that is not there", "SIGNALBOX_KEY_FILE=/nonexistent/key.pem", "SIGNALBOX_KEY_FILE"},
		{"bad database URL", "SIGNALBOX_ORDERS_POSTGRES_URL=postgres://:::", "POSTGRES_URL"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			conf, err := sidecar.FromEnv("orders", []string{"SIGNALBOX_RPC_ADDR=127.0.0.1:0", "SIGNALBOX_HTTP_ADDR=127.0.0.1:0", c.environ})
			if err == nil {
				_, err = sidecar.New(t.Context(), conf, sidecar.Settings{Service: "orders", Schema: "orders", Stderr: io.Discard})
			}
			var wrong *settings.Error
			if !errors.As(err, &wrong) || !strings.Contains(wrong.Variable, c.variable) || wrong.Problem == "" {
				t.Errorf("error %v, want one about %s", err, c.variable)
			}
			if sidecar.ExitCode(err) != 2 {
				t.Errorf("exit code %d, want 2", sidecar.ExitCode(err))
			}
		})
	}
}
