package webstudio_test

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/lifecycletest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	webstudio "github.com/signalbox-mesh/signalbox/services/web-studio"
	"github.com/signalbox-mesh/signalbox/sidecar"
)

func config() webstudio.Config {
	return webstudio.Config{MeshName: "east", Config: sidecar.Config{
		HTTPAddr: "127.0.0.1:0", RPCAddr: "127.0.0.1:0", LogLevel: "info", StopTimeout: 5 * time.Second, TraceExporter: []string{"none"},
	}}
}

func TestPagesAndOpsPaths(t *testing.T) {
	s, err := webstudio.New(t.Context(), config(), sidecar.Settings{Stderr: io.Discard, Version: "v1"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	})
	wait.For(t, 20*time.Second, "web-studio", func() bool { status, _ := get(s, "/hc"); return status == http.StatusOK })
	if status, body := get(s, "/studio/config.json"); status != http.StatusOK || body != `{"mesh":"east","version":"v1"}` {
		t.Errorf("%d %s", status, body)
	}
	if status, _ := get(s, "/studio"); status == http.StatusOK {
		t.Error("the base without its slash is served: relative addresses would lead elsewhere")
	}
	for _, path := range []string{"/metrics", "/liveness", "/openapi.json", "/loggers"} {
		if status, _ := get(s, path); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
}

func get(s *webstudio.Service, path string) (int, string) {
	resp, err := http.DefaultTransport.RoundTrip(request("http://" + s.PublicAddr() + path))
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(body)
}

func request(url string) *http.Request {
	r, _ := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	r.Close = true
	return r
}

func TestLifecycle(t *testing.T) {
	lifecycletest.Run(t, lifecycletest.Suite{
		New: func(t *testing.T, ctx context.Context) lifecycletest.Service {
			s, err := webstudio.New(ctx, config(), sidecar.Settings{Stderr: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Failing: func(ctx context.Context) error {
			c := config()
			c.RPCAddr = "127.0.0.1:99999"
			_, err := webstudio.New(ctx, c, sidecar.Settings{Stderr: io.Discard})
			return err
		},
	})
}
