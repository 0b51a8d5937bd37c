package hello_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signalbox-mesh/signalbox/docs/examples/hello"
	"github.com/signalbox-mesh/signalbox/internal/lifecycletest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/bus/inproc"
	"github.com/signalbox-mesh/signalbox/sidecar/settings"
	"github.com/signalbox-mesh/signalbox/sidecar/timed"
)

const limit = 20 * time.Second

// config is what an operator's environment makes.
func config(t *testing.T, environ ...string) (c hello.Config) {
	t.Helper()
	own := []string{"SIGNALBOX_HELLO_HTTP_ADDR=127.0.0.1:0", "SIGNALBOX_HELLO_RPC_ADDR=127.0.0.1:0"}
	if err := settings.Load("hello", append(own, environ...), &c); err != nil {
		t.Fatal(err)
	}
	return c
}

func broker(t *testing.T) *inproc.Broker {
	t.Helper()
	b, err := inproc.New(inproc.Settings{Dir: t.TempDir()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.Close() })
	return b
}

func TestLifecycle(t *testing.T) {
	b := broker(t)
	lifecycletest.Run(t, lifecycletest.Suite{
		New: func(t *testing.T, ctx context.Context) lifecycletest.Service {
			s, err := hello.New(ctx, config(t), sidecar.Settings{Bus: b.Open, Stderr: io.Discard})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
		Failing: func(ctx context.Context) error {
			c := config(t)
			c.HTTPAddr = "127.0.0.1:none"
			_, err := hello.New(ctx, c, sidecar.Settings{Bus: b.Open, Stderr: io.Discard})
			return err
		},
	})
}

// TestGreetingAndTick: the route answers, and an event as the scheduler publishes it reaches the handler, whose end
// comes back as a receipt.
func TestGreetingAndTick(t *testing.T) {
	b, lines := broker(t), &logBook{}
	s, err := hello.New(t.Context(), config(t, "SIGNALBOX_HELLO_GREETING=Ahoy"), sidecar.Settings{Bus: b.Open, Stderr: lines})
	if err != nil {
		t.Fatal(err)
	}
	run(t, s)
	scheduler, err := b.Open(bus.Client{Service: "scheduler", Instance: "scheduler-1"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = scheduler.Close(context.WithoutCancel(t.Context())) })
	receipts := make(chan bus.Delivery, 1)
	if _, err := scheduler.Subscribe(t.Context(), bus.Subscription{Queue: "scheduler.receipts", Exchange: bus.Events,
		Keys: []string{"*.fire.completed"}, Handler: func(_ context.Context, d bus.Delivery) error { receipts <- d; return nil }}); err != nil {
		t.Fatal(err)
	}

	wait.For(t, limit, "the greeting", func() bool {
		return get(t, "http://"+s.PublicAddr()+"/api/hello/v1/greetings/Ada") == `{"text":"Ahoy, Ada!"}`
	})
	wait.For(t, limit, "the tick's queue", func() bool { return scheduler.Publish(t.Context(), fire(t)) == nil })
	select {
	case d := <-receipts:
		var r timed.Receipt
		if err := json.Unmarshal(d.Event.Data, &r); err != nil || r.Service != "hello" || r.Error != "" {
			t.Errorf("receipt %s: %v", d.Event.Data, err)
		}
	case <-time.After(limit):
		t.Fatal("no receipt came")
	}
	wait.For(t, limit, "the handler's line", func() bool { return strings.Contains(lines.String(), `"msg":"a minute has passed"`) })
}

// fire is what the scheduler publishes when the tick is due.
func fire(t *testing.T) bus.Publication {
	t.Helper()
	due := time.Now().Truncate(time.Minute)
	f := timed.Fire{ID: timed.FireID("hello.tick", due), Schedule: "hello.tick", Due: due, Deadline: time.Minute}
	data, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	return bus.Publication{Exchange: bus.Schedule, Key: f.Schedule, Event: bus.Event{ID: f.ID, Type: "signalbox.schedule.fired", Data: data}}
}

// TestTheDocumentShowsThisCode: its Go blocks, one after the other, are hello.go.
func TestTheDocumentShowsThisCode(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "adding-a-service.md"))
	if err != nil {
		t.Fatal(err)
	}
	code, err := os.ReadFile("hello.go")
	if err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, part := range strings.Split(string(text), "```go\n")[1:] {
		block, _, _ := strings.Cut(part, "```")
		shown = append(shown, block)
	}
	if diff := cmp.Diff(string(code), strings.Join(shown, "\n")); diff != "" {
		t.Errorf("docs/adding-a-service.md shows something else (-file +document):\n%s", diff)
	}
}

func run(t *testing.T, s *hello.Service) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- s.Run(ctx) }()
	t.Cleanup(func() {
		cancel()
		if err := <-ran; err != nil {
			t.Errorf("Run: %v", err)
		}
	})
}

func get(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		return err.Error()
	}
	defer resp.Body.Close() //nolint:errcheck // a test's answer
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err.Error()
	}
	return strings.TrimSpace(string(body))
}

// logBook keeps what the service writes to stderr.
type logBook struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logBook) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}
