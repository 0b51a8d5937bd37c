package sidecar_test

import (
	"context"
	"net/http"
	"strings"
	"testing"

	"github.com/coder/websocket"

	"github.com/signalbox-mesh/signalbox/internal/meshtest"
	"github.com/signalbox-mesh/signalbox/internal/pgtest"
	"github.com/signalbox-mesh/signalbox/internal/wait"
	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/web/socket"
)

// A service's WebSocket: its handler's lines have the message's trace, /metrics has what it counts, the bus's metrics beside it, and
// the service's stop tells the page.
func TestSockets(t *testing.T) {
	t.Parallel()
	m := meshtest.On(t, (*pgtest.DB)(nil), "catalogs")
	s := m.Small("catalogs", "catalogs-1", "")
	s.Mount("GET /api/catalogs/v1/live", access.SignedIn(), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = s.Sockets().Accept(w, r, socket.Options{Handle: func(ctx context.Context, c *socket.Conn, e bus.Event) error {
			s.Logger("live").InfoContext(ctx, "asked by a page")
			return c.Send(ctx, bus.Event{Type: "answer", Subject: e.ID})
		}})
	}))
	stop := m.Run("catalogs", s)
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	var page *websocket.Conn
	wait.For(t, limit, "the service", func() bool {
		var err error
		page, _, err = websocket.Dial(ctx, "http://"+s.PublicAddr()+"/api/catalogs/v1/live", &websocket.DialOptions{
			HTTPHeader: http.Header{"Authorization": {"Bearer admin"}}, Subprotocols: []string{socket.Subprotocol}})
		return err == nil
	})
	defer func() { _ = page.CloseNow() }()
	const trace = "4bf92f3577b34da6a3ce929d0e0e4736"
	question := `{"specversion":"1.0","id":"q-1","source":"/page","type":"question","traceparent":"00-` + trace + `-00f067aa0ba902b7-00"}`
	if err := page.Write(ctx, websocket.MessageText, []byte(question)); err != nil {
		t.Fatal(err)
	}
	if _, answer, err := page.Read(ctx); err != nil || !strings.Contains(string(answer), `"subject":"q-1"`) || !strings.Contains(string(answer), `"traceparent":"00-`+trace) || !strings.Contains(string(answer), `"b3":"`+trace) {
		t.Errorf("answered %s, %v", answer, err)
	}
	wait.For(t, limit, "the handler's line", func() bool {
		lines := m.Log.Lines("asked by a page")
		return len(lines) == 1 && strings.Contains(lines[0], trace)
	})
	told := get(t, "http://"+s.OpsAddr()+"/metrics", http.StatusOK)
	for _, metric := range []string{`signalbox_socket_connections{side="accepted"} 1`, `messaging_system="websocket"`, "signalbox_bus_connected"} {
		if !strings.Contains(told, metric) {
			t.Errorf("/metrics lacks %s", metric)
		}
	}
	go stop()
	if _, _, err := page.Read(ctx); websocket.CloseStatus(err) != websocket.StatusServiceRestart {
		t.Errorf("at the stop the page reads %v", err)
	}
}
