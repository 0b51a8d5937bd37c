package jaegertest

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"os"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/wait"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

// What goes in by one door is read back by another; a killed server comes back on its ports, empty.
func TestServer(t *testing.T) {
	t.Parallel()
	s := Server(t)
	const id = "463ac35c9f6413ad48485a3953bb6124"
	span := fmt.Sprintf(`[{"traceId":%q,"id":"a2fb4a1d1a96d312","name":"get","kind":"SERVER","timestamp":%d,"duration":5000,
		"localEndpoint":{"serviceName":"catalogs"},"tags":{"http.route":"/types"}}]`, id, time.Now().UnixMicro())
	resp, err := http.Post(s.Zipkin(), "application/json", bytes.NewBufferString(span))
	if err != nil || resp.StatusCode != http.StatusAccepted {
		t.Fatal(err, resp)
	}
	_ = resp.Body.Close()
	var got []Span
	wait.For(t, 20*time.Second, "the span to be there", func() bool {
		got, err = Trace(t.Context(), s, id)
		return err == nil && len(got) == 1
	})
	if got[0].Name != "get" || got[0].Service != "catalogs" || got[0].Tag("http.route") != "/types" || got[0].Parent() != "" {
		t.Errorf("%+v", got[0])
	}
	before := s.Query()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	if got, err := Trace(t.Context(), s, id); len(got) != 0 || err != nil || s.Query() != before {
		t.Errorf("%v, %v at %s", got, err, s.Query())
	}
}
