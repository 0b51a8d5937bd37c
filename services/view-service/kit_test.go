package viewservice_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	collogspb "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	commonpb "go.opentelemetry.io/proto/otlp/common/v1"
	logspb "go.opentelemetry.io/proto/otlp/logs/v1"
	resourcepb "go.opentelemetry.io/proto/otlp/resource/v1"

	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/maintenance"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/rpc"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

const limit = 30 * time.Second

// mesh is what the services of a test share: a database, a bus, keys, addresses.
type mesh struct {
	db   *pgtest.DB
	open func(bus.Client) (bus.Bus, error)
	book *peers.Book
	dir  string
	log  *logBook
}

func newMesh(t testing.TB) *mesh {
	t.Helper()
	m := &mesh{db: pgtest.New(t, "view_service", "maintenance"), book: &peers.Book{}, dir: t.TempDir(), log: &logBook{}}
	broker, err := inproc.New(inproc.Settings{Dir: filepath.Join(m.dir, "bus")})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = broker.Close() })
	m.open = broker.Open
	keys := servicetoken.Keys{}
	for _, service := range []string{"view-service", "catalogs", "gateway", "up"} {
		key, err := servicetoken.LoadOrGenerateKey(m.keyFile(service))
		if err != nil {
			t.Fatal(err)
		}
		keys[service] = append(keys[service], key.Public().(ed25519.PublicKey))
	}
	if err := servicetoken.WriteBundle(m.bundleFile(), keys); err != nil {
		t.Fatal(err)
	}
	return m
}

func (m *mesh) keyFile(service string) string { return filepath.Join(m.dir, service+".pem") }
func (m *mesh) bundleFile() string            { return filepath.Join(m.dir, "bundle.json") }

func (m *mesh) config(service, instance string) sidecar.Config {
	return sidecar.Config{
		Instance: instance, HTTPAddr: "127.0.0.1:0", RPCAddr: "127.0.0.1:0", LogLevel: "info", Environment: "test",
		PostgresConns: 4, Migrate: "on", StateDir: filepath.Join(m.dir, "state"),
		KeyFile: m.keyFile(service), TrustBundle: m.bundleFile(), TraceExporter: []string{"none"}, StopTimeout: 10 * time.Second,
	}
}

func (m *mesh) settings() sidecar.Settings {
	return sidecar.Settings{Peers: m.book, Bus: m.open, Stderr: m.log, Verifier: people{}}
}

func (m *mesh) viewConfig(instance string) viewservice.Config {
	c := viewservice.Config{Config: m.config("view-service", instance), Maintenance: maintenance.DefaultConfig(),
		LogsURL: m.db.URL("maintenance"), LogsOwnerURL: m.db.OwnerURL("maintenance")}
	c.PostgresURL, c.PostgresOwner = m.db.URL("view_service"), m.db.OwnerURL("view_service")
	return c
}

// view starts a replica of view-service and waits until it answers.
func (m *mesh) view(t testing.TB, instance string, edit ...func(*viewservice.Config)) (v *viewservice.Service, stop func()) {
	t.Helper()
	c := m.viewConfig(instance)
	for _, e := range edit {
		e(&c)
	}
	v, err := viewservice.New(t.Context(), c, m.settings())
	if err != nil {
		t.Fatal(err)
	}
	stop = m.run(t, "view-service", v)
	wait.For(t, limit, "view-service to be ready", func() bool {
		return call(t, v, "viewer", http.MethodGet, "/api/maintenance/v1/instances", "", nil) == http.StatusOK
	})
	return v, stop
}

// runner is a service under test.
type runner interface {
	Run(ctx context.Context) error
	PublicAddr() string
	PrivateAddr() string
}

// run serves until stop or the end of the test.
func (m *mesh) run(t testing.TB, service string, r runner) (stop func()) {
	t.Helper()
	m.book.Add(service, r.PublicAddr(), r.PrivateAddr())
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- r.Run(ctx) }()
	stop = sync.OnceFunc(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("%s ended: %v", service, err)
		}
	})
	t.Cleanup(stop)
	return stop
}

// as is a connection to a replica's private port, in a service's name.
func (m *mesh) as(t testing.TB, service string) *rpc.Dialer {
	t.Helper()
	d := rpc.NewDialer(rpc.Settings{Service: service, Signer: m.signer(t, service), Logger: slog.New(slog.DiscardHandler)}, m.book)
	t.Cleanup(func() { _ = d.Close() })
	return d
}

// signer signs by the service's key.
func (m *mesh) signer(t testing.TB, service string) *servicetoken.Signer {
	t.Helper()
	key, err := servicetoken.LoadKey(m.keyFile(service))
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
	conn, err := m.as(t, service).Dial("view-service")
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

// logBook keeps what the services write to stderr.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// people verifies tokens of the form "role" or "role:service", both with "~ttl" if they end.
type people struct{}

func (people) Verify(_ context.Context, token string) (access.Principal, error) {
	var until time.Time
	token, ttl, _ := strings.Cut(token, "~")
	if d, err := time.ParseDuration(ttl); err == nil {
		until = time.Now().Add(d)
	}
	role, service, scoped := strings.Cut(token, ":")
	if role == "" {
		return access.Principal{}, problem.New(problem.Unauthorized, "no such token")
	}
	g := access.Grant{Role: access.Role(role)}
	if scoped {
		g.Services = []string{service}
	}
	return access.Principal{Subject: "u-" + token, Name: token, Grants: []access.Grant{g}, Until: until}, nil
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
