package gateway_test

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/lifecycletest"
	"github.com/signalbox-mesh/signalbox/services/gateway"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/peers"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
)

func TestSettingsAreChecked(t *testing.T) {
	t.Parallel()
	for variable, spoil := range map[string]func(*gateway.Config){
		"SIGNALBOX_GATEWAY_RATE_PER_USER":    func(c *gateway.Config) { c.PerUser = "many" },
		"SIGNALBOX_GATEWAY_RATE_PER_ADDRESS": func(c *gateway.Config) { c.PerAddress = "5/0" },
		"SIGNALBOX_GATEWAY_TRUSTED_PROXIES":  func(c *gateway.Config) { c.TrustedProxies = []string{"proxy"} },
		"SIGNALBOX_GATEWAY_CORS_ORIGINS":     func(c *gateway.Config) { c.CORSOrigins = []string{"*"} },
		"SIGNALBOX_GATEWAY_REDIS_URL":        func(c *gateway.Config) { c.RedisURL = "http://x:secret@y" },
		"SIGNALBOX_HTTP_ADDR":                func(c *gateway.Config) { c.HTTPAddr = "127.0.0.1:99999" },
	} {
		c := config()
		spoil(&c)
		g, err := gateway.New(t.Context(), c, sidecar.Settings{Stderr: &output{}})
		var wrong *settings.Error
		if err == nil {
			check(t, g.Stop(t.Context()))
		}
		if !errors.As(err, &wrong) || wrong.Variable != variable || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", variable, err)
		}
	}
}

// TestFailedNewLeavesNothing: a taken ops port gives the edge's back.
func TestFailedNewLeavesNothing(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer taken.Close()
	c := config()
	c.HTTPAddr, c.OpsAddr = closed(t), taken.Addr().String()
	if _, err := gateway.New(t.Context(), c, sidecar.Settings{Stderr: &output{}}); err == nil {
		t.Fatal("a taken port was given twice")
	}
	ln, err := net.Listen("tcp", c.HTTPAddr)
	check(t, err)
	ln.Close()
}

func TestStopBeforeRunAndTwice(t *testing.T) {
	t.Parallel()
	for range 5 {
		g, err := gateway.New(t.Context(), config(), sidecar.Settings{Stderr: &output{}})
		check(t, err)
		check(t, g.Stop(t.Context()))
		check(t, g.Stop(t.Context()))
		check(t, g.Run(t.Context()))
	}
}

// TestStopLetsRequestsEnd: what is under way when the stop begins is answered.
func TestStopLetsRequestsEnd(t *testing.T) {
	t.Parallel()
	entered, leave := make(chan struct{}), make(chan struct{})
	r := start(t, config(), map[string]http.Handler{"catalogs": http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-leave
		w.WriteHeader(http.StatusTeapot)
	})})
	got := make(chan int, 1)
	token := r.token("anna")
	go func() {
		req, _ := http.NewRequestWithContext(context.Background(), "GET", r.url+"/api/catalogs/v1/types", nil)
		req.Header.Set("Authorization", "Bearer "+token)
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			got <- 0
			return
		}
		resp.Body.Close()
		got <- resp.StatusCode
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- r.gateway.Stop(context.Background()) }()
	select {
	case err := <-stopped:
		t.Fatalf("the gateway did not wait: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(leave)
	if status := <-got; status != http.StatusTeapot {
		t.Errorf("the request ended with %d", status)
	}
	check(t, <-stopped)
}

func TestLifecycle(t *testing.T) {
	lifecycletest.Run(t, lifecycletest.Suite{
		New: func(t *testing.T, ctx context.Context) lifecycletest.Service {
			g, err := gateway.New(ctx, config(), sidecar.Settings{Stderr: &output{}, Peers: peers.Static{
				"identity": {HTTP: []string{"127.0.0.1:1"}}, "catalogs": {HTTP: []string{"127.0.0.1:1"}},
				"scheduler": {HTTP: []string{"127.0.0.1:1"}}, "view-service": {HTTP: []string{"127.0.0.1:1"}}, "web-studio": {HTTP: []string{"127.0.0.1:1"}},
			}})
			check(t, err)
			return g
		},
		Failing: func(ctx context.Context) error {
			c := config()
			c.RPCAddr = "127.0.0.1:99999"
			_, err := gateway.New(ctx, c, sidecar.Settings{Stderr: &output{}})
			return err
		},
	})
}
