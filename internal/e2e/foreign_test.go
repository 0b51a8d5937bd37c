package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os/exec"
	"strings"
	"testing"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploggrpc"
	"go.opentelemetry.io/otel/exporters/otlp/otlplog/otlploghttp"
	otellog "go.opentelemetry.io/otel/log"
	sdklog "go.opentelemetry.io/otel/sdk/log"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// TestAForeignProgram: `token logs --env` is all that a program with OpenTelemetry's SDK needs to be in the log, through
// the gateway; the same token holds on the private port, and opens nothing else.
func TestAForeignProgram(t *testing.T) {
	m := sharedMesh(t)
	name := unique("shop")
	variables := strings.Split(strings.TrimSpace(shell(t, m.tool(t, "token", "logs", "--service", name, "--ttl", "1h", "--env")+
		"printenv OTEL_EXPORTER_OTLP_LOGS_ENDPOINT OTEL_EXPORTER_OTLP_LOGS_PROTOCOL OTEL_EXPORTER_OTLP_LOGS_HEADERS OTEL_SERVICE_NAME")), "\n")
	for i, v := range []string{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "OTEL_EXPORTER_OTLP_LOGS_HEADERS", "OTEL_SERVICE_NAME"} {
		t.Setenv(v, variables[i])
	}
	web, err := otlploghttp.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	t.Setenv("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "http://"+m.instance(t, "view-service-1").Private)
	private, err := otlploggrpc.New(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for way, exporter := range map[string]sdklog.Exporter{"http": web, "grpc": private} {
		p := sdklog.NewLoggerProvider(sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)))
		for n := range 600 {
			var r otellog.Record
			r.SetTimestamp(time.Now())
			r.SetSeverity(otellog.SeverityInfo)
			r.SetBody(attribute.StringValue(fmt.Sprint("sold ", n)))
			r.AddAttributes(attribute.String("way", way))
			p.Logger(name+".till").Emit(t.Context(), r)
		}
		if err := p.Shutdown(t.Context()); err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		wait.For(t, limit, "the records by "+way, func() bool { return len(m.lines(t, "service:"+name+" way="+way)) == 600 })
	}
	token := strings.TrimSpace(m.tool(t, "token", "logs", "--service", name))
	for _, path := range []string{"/api/maintenance/v1/logs", "/api/catalogs/v1/types", "/api/identity/v1/users", "/api/identity/v1/me", "/api/scheduler/v1/schedules"} {
		if a := request(t.Context(), http.MethodGet, m.API+path, token, nil); a.status != http.StatusForbidden && a.status != http.StatusUnauthorized {
			t.Errorf("%s with a sender's token: %d %s", path, a.status, a.body)
		}
	}
	other := `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"catalogs"}}]},"scopeLogs":[{"logRecords":[{"body":{"stringValue":"forged"}}]}]}]}`
	if a := request(t.Context(), http.MethodPost, m.API+"/api/maintenance/v1/otlp/v1/logs", token, other); a.status != http.StatusForbidden {
		t.Errorf("as another service: %d %s", a.status, a.body)
	}
}

// A token that was taken back is refused within half a minute; another for the same service is not.
func TestARevokedTokenSendsNoMore(t *testing.T) {
	t.Parallel()
	m := sharedMesh(t)
	const record = `{"resourceLogs":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"revoked-shop"}}]},"scopeLogs":[{"logRecords":[{"body":{"stringValue":"sold"}}]}]}]}`
	send := func(token string) int {
		return request(t.Context(), http.MethodPost, m.API+"/api/maintenance/v1/otlp/v1/logs", token, record).status
	}
	var issued struct{ ID, Token string }
	if err := json.Unmarshal([]byte(m.tool(t, "token", "logs", "--service", "revoked-shop", "--json")), &issued); err != nil {
		t.Fatal(err)
	}
	other := strings.TrimSpace(m.tool(t, "token", "logs", "--service", "revoked-shop", "--ttl", "1d"))
	if a, b := send(issued.Token), send(other); a != http.StatusOK || b != http.StatusOK {
		t.Fatalf("%d and %d", a, b)
	}
	if list := m.tool(t, "token", "list"); !strings.Contains(list, issued.ID) || strings.Contains(list, issued.Token) {
		t.Errorf("listed:\n%s", list)
	}
	m.tool(t, "token", "revoke", issued.ID)
	began := time.Now()
	wait.For(t, limit, "the token to be refused", func() bool { return send(issued.Token) == http.StatusUnauthorized })
	t.Logf("METRIC revoked_token_refused_seconds=%.1f limit=30", time.Since(began).Seconds())
	if status := send(other); status != http.StatusOK {
		t.Errorf("the other one: %d", status)
	}
	if list := m.tool(t, "token", "list"); strings.Contains(list, issued.ID) {
		t.Errorf("listed after it:\n%s", list)
	}
}

// shell runs a script as a user's shell would.
func shell(t *testing.T, script string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "sh", "-c", script).Output()
	if err != nil {
		t.Fatalf("sh: %v", err)
	}
	return string(out)
}
