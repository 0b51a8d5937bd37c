package viewservice_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"

	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/maintenance"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar"
	calls "github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

const limit = 30 * time.Second

// mesh is what view-service and those who talk to it share: a database, a bus, keys, addresses.
type mesh struct{ *meshtest.Mesh }

func newMesh(t testing.TB) *mesh {
	t.Helper()
	return newMeshOn(t, pgtest.New(t, "view_service", "maintenance"))
}

func newMeshOn(t testing.TB, db *pgtest.DB) *mesh {
	t.Helper()
	return &mesh{meshtest.On(t, db, "view-service", "catalogs", "gateway", "up")}
}

func (m *mesh) config(service, instance, schema string) sidecar.Config {
	c := m.Config(service, instance, schema)
	c.Environment, c.StateDir = "test", filepath.Join(m.Dir, "state")
	return c
}

func (m *mesh) viewConfig(instance string) viewservice.Config {
	c := viewservice.Config{Config: m.config("view-service", instance, "view_service"), Maintenance: maintenance.DefaultConfig(),
		LogsURL: m.DB.URL("maintenance"), LogsOwnerURL: m.DB.OwnerURL("maintenance")}
	return c
}

// view starts a replica of view-service and waits until it answers.
func (m *mesh) view(t testing.TB, instance string, edit ...func(*viewservice.Config)) (v *viewservice.Service, stop func()) {
	t.Helper()
	c := m.viewConfig(instance)
	for _, e := range edit {
		e(&c)
	}
	v, err := viewservice.New(t.Context(), c, m.Settings("view-service"))
	if err != nil {
		t.Fatal(err)
	}
	stop = m.Run("view-service", v)
	wait.For(t, limit, "view-service to be ready", func() bool {
		return call(t, v, "viewer", http.MethodGet, "/api/maintenance/v1/instances", "", nil) == http.StatusOK
	})
	return v, stop
}

// as is a connection to a replica's private port, in a service's name.
func (m *mesh) as(t testing.TB, service string) *calls.Mesh {
	t.Helper()
	d := calls.New(calls.Settings{Service: service, Signer: m.signer(t, service), Peers: m.Book})
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// signer signs by the service's key.
func (m *mesh) signer(t testing.TB, service string) *servicetoken.Signer {
	t.Helper()
	key, err := servicetoken.LoadKey(m.KeyFile(service))
	if err != nil {
		t.Fatal(err)
	}
	signer, err := servicetoken.NewSigner(service, key)
	if err != nil {
		t.Fatal(err)
	}
	return signer
}

func (m *mesh) logs(t testing.TB, service string) collogspb.LogsServiceClient {
	t.Helper()
	conn, err := m.as(t, service).RPC("view-service")
	if err != nil {
		t.Fatal(err)
	}
	return collogspb.NewLogsServiceClient(conn)
}

func str(k, v string) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: k, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_StringValue{StringValue: v}}}
}

func num(k string, v int64) *commonpb.KeyValue {
	return &commonpb.KeyValue{Key: k, Value: &commonpb.AnyValue{Value: &commonpb.AnyValue_IntValue{IntValue: v}}}
}

// batch is an OTLP request with one record for each message, numbered from seq on (0: outside the ledger).
func batch(service string, seq int64, msgs ...string) *collogspb.ExportLogsServiceRequest {
	scope := &logspb.ScopeLogs{Scope: &commonpb.InstrumentationScope{Name: service + ".store"}}
	for i, msg := range msgs {
		r := &logspb.LogRecord{TimeUnixNano: uint64(time.Now().UnixNano()), SeverityNumber: logspb.SeverityNumber_SEVERITY_NUMBER_INFO,
			Body: str("", msg).GetValue(), Attributes: []*commonpb.KeyValue{num("user_id", 42)}}
		if seq > 0 {
			r.Attributes = append(r.Attributes, str("signalbox.class", "info"), num("signalbox.seq", seq+int64(i)))
		}
		scope.LogRecords = append(scope.LogRecords, r)
	}
	resource := &resourcepb.Resource{Attributes: []*commonpb.KeyValue{
		str("service.name", service), str("service.instance.id", service+"-x"), str("signalbox.epoch", "e1")}}
	return &collogspb.ExportLogsServiceRequest{ResourceLogs: []*logspb.ResourceLogs{{Resource: resource, ScopeLogs: []*logspb.ScopeLogs{scope}}}}
}

func request(t testing.TB, v *viewservice.Service, token, method, path, body string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, "http://"+v.PublicAddr()+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+token)
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	return req
}

func client() *http.Client {
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: limit}
}

// call asks a replica and decodes its answer into out, if that is not nil.
func call(t testing.TB, v *viewservice.Service, token, method, path, body string, out any) int {
	t.Helper()
	resp, err := client().Do(request(t, v, token, method, path, body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // a test's answer
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if out != nil {
		if err := json.Unmarshal(raw, out); err != nil {
			t.Fatalf("%s %s: %v: %s", method, path, err, raw)
		}
	}
	if resp.StatusCode >= 500 && resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("%s %s: %s", method, path, raw)
	}
	return resp.StatusCode
}
