package identity_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"github.com/signalbox-mesh/signalbox/internal/lifecycletest"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/services/identity"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	identityv1 "github.com/signalbox-mesh/signalbox/sidecar/contract/identity/v1"
	"github.com/signalbox-mesh/signalbox/sidecar/mesh"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/servicetoken"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

func config(t *testing.T) identity.Config {
	t.Helper()
	db := pgtest.New(t, "identity")
	return identity.Config{
		Config: sidecar.Config{
			HTTPAddr: "127.0.0.1:0", RPCAddr: "127.0.0.1:0", LogLevel: "info", StopTimeout: 5 * time.Second, StateDir: t.TempDir(),
			PostgresURL: db.URL("identity"), PostgresOwner: db.OwnerURL("identity"),
		},
		HashMemoryMiB: 64, SessionIdle: time.Hour, SessionLongest: 24 * time.Hour,
	}
}

// house has keys for identity and for its callers.
func house(t *testing.T, c *identity.Config, callers ...string) map[string]*servicetoken.Signer {
	t.Helper()
	dir := t.TempDir()
	keys, signers := servicetoken.Keys{}, map[string]*servicetoken.Signer{}
	for _, name := range append(callers, "identity") {
		key, err := servicetoken.GenerateKey()
		check(t, err)
		keys[name] = append(keys[name], key.Public().(ed25519.PublicKey))
		signers[name], err = servicetoken.NewSigner(name, key)
		check(t, err)
		if name == "identity" {
			c.KeyFile = filepath.Join(dir, "identity.pem")
			check(t, servicetoken.WriteKey(c.KeyFile, key))
		}
	}
	c.TrustBundle = filepath.Join(dir, "bundle.json")
	check(t, servicetoken.WriteBundle(c.TrustBundle, keys))
	return signers
}

func run(t *testing.T, c identity.Config, set sidecar.Settings) *identity.Service {
	t.Helper()
	set.Stderr = io.Discard
	s, err := identity.New(t.Context(), c, set)
	check(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
	wait.For(t, 20*time.Second, "identity's database", func() bool {
		resp, err := http.Post("http://"+s.PublicAddr()+"/api/identity/v1/sessions/refresh", "application/json", strings.NewReader(`{"refresh_token":"x"}`))
		if err != nil {
			return false
		}
		resp.Body.Close()
		return resp.StatusCode == http.StatusUnauthorized
	})
	return s
}

func dial(t *testing.T, s *identity.Service, caller string, signers map[string]*servicetoken.Signer) identityv1.IdentityServiceClient {
	t.Helper()
	calls := mesh.New(mesh.Settings{Service: caller, Signer: signers[caller], Peers: peers.Static{"identity": {RPC: []string{s.PrivateAddr()}}}})
	t.Cleanup(func() { calls.Close() })
	conn, err := calls.RPC("identity")
	check(t, err)
	return identityv1.NewIdentityServiceClient(conn)
}

// TestTheFirstHour: what `up` and the first administrator do.
func TestTheFirstHour(t *testing.T) {
	t.Parallel()
	c := config(t)
	signers := house(t, &c, "up", "catalogs")
	broker, err := inproc.New(inproc.Settings{Dir: t.TempDir()})
	check(t, err)
	t.Cleanup(func() { broker.Close() })
	events := listen(t, broker)
	s := run(t, c, sidecar.Settings{Bus: broker.Open})

	keys, err := dial(t, s, "catalogs", signers).Keys(t.Context(), &identityv1.KeysRequest{})
	check(t, err)
	if !bytes.Contains(keys.GetJwks(), []byte(`"Ed25519"`)) {
		t.Errorf("keys: %s", keys.GetJwks())
	}
	_, err = dial(t, s, "catalogs", signers).IssueAdminToken(t.Context(), &identityv1.IssueAdminTokenRequest{})
	if code := status.Code(err); code != codes.PermissionDenied {
		t.Errorf("a service took an administrator's token: %v", err)
	}
	issued, err := dial(t, s, "up", signers).IssueAdminToken(t.Context(), &identityv1.IssueAdminTokenRequest{})
	check(t, err)
	if left := time.Until(time.Unix(issued.GetExpiresUnix(), 0)); left < 29*24*time.Hour || left > 31*24*time.Hour {
		t.Errorf("the token holds %v", left)
	}
	code, _ := call(t, s, "POST", "/users", issued.GetToken(), `{"name":"anna","password":"correct horse battery","grants":[{"role":"viewer"}]}`)
	if code != http.StatusCreated {
		t.Fatalf("create: %d", code)
	}
	code, body := call(t, s, "POST", "/sessions", "", `{"name":"anna","password":"correct horse battery"}`)
	token, _ := body["access_token"].(string)
	if code != http.StatusOK || token == "" {
		t.Fatalf("sign in: %d %v", code, body)
	}
	if code, body = call(t, s, "GET", "/me", token, ""); code != http.StatusOK || body["name"] != "anna" {
		t.Errorf("me: %d %v", code, body)
	}
	if code, _ = call(t, s, "GET", "/users", token, ""); code != http.StatusForbidden {
		t.Errorf("a viewer lists users: %d", code)
	}
	for _, name := range []string{"admin", "anna"} {
		select {
		case e := <-events:
			if e.Type != "identity.user.created" || !strings.Contains(string(e.Data), `"name":"`+name+`"`) {
				t.Errorf("event %s %s, want the creation of %s", e.Type, e.Data, name)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("no event of %s", name)
		}
	}
}

// listen receives what identity announces.
func listen(t *testing.T, broker *inproc.Broker) <-chan bus.Event {
	t.Helper()
	b, err := broker.Open(bus.Client{Service: "listener", Instance: "listener-1", Registerer: prometheus.NewRegistry(), Logger: slog.New(slog.DiscardHandler)})
	check(t, err)
	t.Cleanup(func() { _ = b.Close(context.Background()) })
	events := make(chan bus.Event, 16)
	_, err = b.Subscribe(t.Context(), bus.Subscription{Queue: "listener.users", Exchange: bus.Events, Keys: []string{"identity.user.*"},
		Handler: func(_ context.Context, d bus.Delivery) error { events <- d.Event; return nil }})
	check(t, err)
	return events
}

func call(t *testing.T, s *identity.Service, method, path, token, body string) (int, map[string]any) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.PublicAddr()+"/api/identity/v1"+path, strings.NewReader(body))
	check(t, err)
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	resp, err := http.DefaultClient.Do(r)
	check(t, err)
	defer resp.Body.Close()
	decoded := map[string]any{}
	_ = json.NewDecoder(resp.Body).Decode(&decoded)
	return resp.StatusCode, decoded
}

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	c := config(t)
	for variable, spoil := range map[string]func(*identity.Config){
		"SIGNALBOX_IDENTITY_SIGNING_KEY_FILE": func(c *identity.Config) { c.StateDir = "" },
		"SIGNALBOX_IDENTITY_HASH_MEMORY_MIB":  func(c *identity.Config) { c.HashMemoryMiB = 1 },
		"SIGNALBOX_IDENTITY_SESSION_IDLE":     func(c *identity.Config) { c.SessionIdle = 0 },
		"SIGNALBOX_IDENTITY_SESSION_LONGEST":  func(c *identity.Config) { c.SessionLongest = time.Minute },
		"SIGNALBOX_IDENTITY_FORWARDED_BY":     func(c *identity.Config) { c.ForwardedBy = []string{"x"} },
	} {
		spoiled := c
		spoil(&spoiled)
		s, err := identity.New(t.Context(), spoiled, sidecar.Settings{Stderr: io.Discard})
		var wrong *settings.Error
		if err == nil {
			check(t, s.Stop(t.Context()))
		}
		if !errors.As(err, &wrong) || wrong.Variable != variable {
			t.Errorf("%s: %v", variable, err)
		}
	}
	missing := c
	missing.SigningKeyFile = filepath.Join(t.TempDir(), "none.pem")
	if _, err := identity.New(t.Context(), missing, sidecar.Settings{Stderr: io.Discard}); err == nil {
		t.Error("a key file that was set, but is not there, was made up")
	}
}

func TestLifecycle(t *testing.T) {
	c := config(t)
	lifecycletest.Run(t, lifecycletest.Suite{
		New: func(t *testing.T, ctx context.Context) lifecycletest.Service {
			s, err := identity.New(ctx, c, sidecar.Settings{Stderr: io.Discard})
			check(t, err)
			return s
		},
		Failing: func(ctx context.Context) error {
			bad := c
			bad.RPCAddr = "127.0.0.1:99999"
			_, err := identity.New(ctx, bad, sidecar.Settings{Stderr: io.Discard})
			return err
		},
	})
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
