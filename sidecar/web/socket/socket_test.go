package socket_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/signalbox-mesh/signalbox/sidecar/access"
	"github.com/signalbox-mesh/signalbox/sidecar/bus"
	"github.com/signalbox-mesh/signalbox/sidecar/debug"
	"github.com/signalbox-mesh/signalbox/sidecar/lease"
	"github.com/signalbox-mesh/signalbox/sidecar/problem"
	"github.com/signalbox-mesh/signalbox/sidecar/web/socket"
)

// Between services: a message that is sent in a span, and what its handler answers, are one trace, each handling the child of its
// sending and linked to it.
func TestServices(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewSpanRecorder()
	provider := sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(spans))
	traced := func(s *socket.Settings) { s.TracerProvider = provider }
	callers, answers := make(chan string, 1), make(chan seen, 1)
	catalogs, notification := pair(t, access.Services("notification"), socket.Options{Handle: func(ctx context.Context, c *socket.Conn, e bus.Event) error {
		callers <- access.Caller(ctx)
		return c.Send(ctx, bus.Event{Type: "pong", Subject: e.ID, Data: e.Data})
	}}, traced)
	c, err := notification.Dial(t.Context(), "catalogs", route, socket.Options{Handle: record(answers)})
	check(t, err)
	ctx, span := provider.Tracer("test").Start(t.Context(), "click")
	check(t, c.Send(ctx, bus.Event{ID: "e-1", Type: "ping", Data: json.RawMessage(`{"n":7}`)}))
	answer := next(t, answers)
	span.End()
	if caller := next(t, callers); caller != "notification" || answer.event.Type != "pong" || answer.event.Subject != "e-1" || string(answer.event.Data) != `{"n":7}` || answer.event.Source != "/catalogs/catalogs-1" {
		t.Errorf("%q was answered %+v", caller, answer.event)
	}
	c.Close(1000, "")
	c.Wait()
	next(t, catalogs.conns).Wait()
	above := span.SpanContext()
	for _, want := range []struct {
		name string
		kind trace.SpanKind
	}{{"send catalogs", trace.SpanKindProducer}, {"process " + route, trace.SpanKindConsumer}, {"send " + route, trace.SpanKindProducer}, {"process catalogs", trace.SpanKindConsumer}} {
		found := false
		for _, s := range spans.Ended() {
			if s.Name() != want.name {
				continue
			}
			found = true
			linked := len(s.Links()) == 1 && s.Links()[0].SpanContext.SpanID() == above.SpanID()
			if s.Parent().SpanID() != above.SpanID() || s.SpanContext().TraceID() != above.TraceID() || s.SpanKind() != want.kind || linked != (want.kind == trace.SpanKindConsumer) {
				t.Errorf("%s: parent %v, links %v, kind %v", s.Name(), s.Parent().SpanID(), s.Links(), s.SpanKind())
			}
			above = s.SpanContext()
		}
		if !found {
			t.Fatalf("there is no span %q", want.name)
		}
	}
	for _, e := range []*end{catalogs, notification} {
		counted(t, e, 1, "messaging_client_sent_messages_total", "websocket", "send")
		counted(t, e, 1, "messaging_client_consumed_messages_total", "websocket", "process")
		counted(t, e, 1, "messaging_process_duration_seconds", "websocket")
		counted(t, e, 0, "signalbox_socket_connections")
		counted(t, e, 1, "signalbox_socket_closed_total", "1000")
		counted(t, e, 0, "signalbox_socket_ignored_total")
	}
}

// A debug flow goes along between services; from a user's page nobody takes its token, and to one nobody gives it.
func TestDebugTokens(t *testing.T) {
	t.Parallel()
	got := make(chan seen, 1)
	catalogs, notification := pair(t, access.Services("notification"), socket.Options{Handle: record(got)})
	notification.flows.Apply([]lease.Lease{{ID: "l-1", Kind: lease.Debug, Value: `{"user":"42"}`, Until: time.Now().Add(time.Minute)}})
	ctx, end := notification.flows.Match(t.Context(), debug.Request{User: "42"})
	defer end()
	c, err := notification.Dial(t.Context(), "catalogs", route, socket.Options{})
	check(t, err)
	check(t, c.Send(ctx, bus.Event{Type: "ping"}))
	token := debug.Token(ctx)
	if s := next(t, got); s.token != token || token == "" || s.event.Debug != "" {
		t.Errorf("the handler's flow has the token %q, the event %q", s.token, s.event.Debug)
	}
	check(t, c.Send(t.Context(), bus.Event{Type: "ping"}))
	if s := next(t, got); s.token != "" {
		t.Errorf("a message outside of the flow has its token")
	}
	counted(t, catalogs, 0, "signalbox_socket_ignored_total")

	open, _ := pair(t, access.SignedIn(), socket.Options{Handle: record(got)})
	page := browser(t, open, "ann")
	write(t, page, message("ping", `"signalboxdebug":"`+token+`"`))
	if s := next(t, got); s.token != "" || s.event.Debug != "" || s.caller != "u-ann" {
		t.Errorf("from outside: %+v", s)
	}
	counted(t, open, 1, "signalbox_socket_ignored_total", "debug")
	check(t, next(t, open.conns).Send(ctx, bus.Event{Type: "news"}))
	if m, _ := read(t, page); m["type"] != "news" || m["signalboxdebug"] != nil {
		t.Errorf("a page is told %v", m)
	}

	open.flows.Apply([]lease.Lease{{ID: "l-2", Kind: lease.Debug, Value: `{"user":"u-ann","route":"GET /v1/live"}`, Until: time.Now().Add(time.Minute)}})
	write(t, page, message("ping"))
	if s := next(t, got); s.lease != "l-2" {
		t.Errorf("the message of whom a lease is for is handled in the flow of %q", s.lease)
	}
	open.flows.Apply(nil)
	write(t, page, message("ping"))
	if s := next(t, got); s.lease != "" {
		t.Errorf("the next one still in that of %q", s.lease)
	}
}

// A page's messages: with a context, in whatever form, without one, and what is none.
func TestBrowser(t *testing.T) {
	t.Parallel()
	got := make(chan seen, 1)
	catalogs, _ := pair(t, access.SignedIn(), socket.Options{Handle: record(got)}, with(ownTracing(t, nil)))
	page := browser(t, catalogs, "ann")
	ignored := map[string]float64{}
	for name, c := range map[string]struct {
		attributes []string
		trace      string // "": one of its own
		reason     string // why it is counted
	}{
		"W3C":               {[]string{`"traceparent":"00-` + id + `-00f067aa0ba902b7-01"`, `"tracestate":"a=b"`}, id, ""},
		"B3 in one":         {[]string{`"b3":"` + id + `-00f067aa0ba902b7-0"`}, id, ""},
		"B3 in several":     {[]string{`"xb3traceid":"` + id + `"`, `"xb3spanid":"00f067aa0ba902b7"`, `"xb3sampled":"1"`}, id, ""},
		"none":              {nil, "", ""},
		"strange ones":      {[]string{`"com_example":"x"`, `"other":{"a":[1]}`}, "", ""},
		"zeros":             {[]string{`"traceparent":"00-00000000000000000000000000000000-00f067aa0ba902b7-01"`}, "", "context"},
		"words":             {[]string{`"traceparent":"let me in"`}, "", "context"},
		"a number":          {[]string{`"traceparent":17`}, "", "context"},
		"a large one":       {[]string{`"traceparent":"00-` + id + `-00f067aa0ba902b7-01` + strings.Repeat("-x", 200) + `"`}, "", "context"},
		"large baggage":     {[]string{`"traceparent":"00-` + id + `-00f067aa0ba902b7-00"`, `"baggage":"k=` + strings.Repeat("v", 9000) + `"`}, id, "context"},
		"malformed baggage": {[]string{`"baggage":"=;;="`}, "", "context"},
	} {
		write(t, page, message("ping", c.attributes...))
		s := next(t, got)
		if c.trace != "" && s.span.TraceID().String() != c.trace || c.trace == "" && s.span.TraceID().String() == id || !s.span.IsValid() {
			t.Errorf("%s: handled in trace %s", name, s.span.TraceID())
		}
		if s.event.Type != "ping" || string(s.event.Data) != `{"n":1}` || s.caller != "u-ann" {
			t.Errorf("%s: handled as %+v", name, s)
		}
		if c.reason != "" {
			ignored[c.reason]++
		}
	}
	for _, text := range []string{"", "{", "[]", `"x"`, "hello", `{"specversion":"0.3","id":"1","source":"/b","type":"x"}`, `{"specversion":"1.0","source":"/b","type":"x"}`,
		message("ping", `"type":"pong"`), message("ping", `"Type":"pong"`), message("ping", `"traceparent":"a","traceparent":"b"`), message("ping") + "{}"} {
		write(t, page, text)
		ignored["message"]++
	}
	check(t, page.Write(t.Context(), websocket.MessageBinary, []byte(message("ping"))))
	ignored["binary"]++
	write(t, page, message("last"))
	if s := next(t, got); s.event.Type != "last" {
		t.Errorf("handled: %s", s.event.Type)
	}
	for _, reason := range []string{"context", "message", "binary", "debug", "oversized"} {
		counted(t, catalogs, ignored[reason], "signalbox_socket_ignored_total", reason)
	}
}

// Who may not connect gets a problem document, and who speaks no WebSocket too.
func TestRefusals(t *testing.T) {
	t.Parallel()
	catalogs, _ := pair(t, access.SignedIn(), socket.Options{Origins: []string{"https://studio.example.org"}})
	upgrade := []string{"Authorization", "Bearer ann", "Connection", "keep-alive, Upgrade", "Upgrade", "websocket", "Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="}
	own := "http://" + catalogs.addr
	for name, c := range map[string]struct {
		status int
		header []string
	}{
		"a page of its own":   {101, append([]string{"Origin", own}, upgrade...)},
		"a page that may":     {101, append([]string{"Origin", "https://studio.example.org"}, upgrade...)},
		"a program":           {101, upgrade},
		"a stranger's page":   {403, append([]string{"Origin", "https://evil.example.org"}, upgrade...)},
		"another scheme":      {403, append([]string{"Origin", "http://studio.example.org"}, upgrade...)},
		"a sandboxed page":    {403, append([]string{"Origin", "null"}, upgrade...)},
		"nobody":              {401, upgrade[2:]},
		"a plain request":     {426, upgrade[:2]},
		"another version":     {426, append(append([]string{}, upgrade[:6]...), "Sec-WebSocket-Version", "8", "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")},
		"a key that is none":  {426, append(append([]string{}, upgrade[:8]...), "Sec-WebSocket-Key", "x")},
		"a token that is bad": {401, append([]string{"Authorization", "Bearer eve"}, upgrade[2:]...)},
	} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, catalogs.url, http.NoBody)
		check(t, err)
		for i := 0; i < len(c.header); i += 2 {
			r.Header.Set(c.header[i], c.header[i+1])
		}
		transport := &http.Transport{}
		resp, err := transport.RoundTrip(r)
		check(t, err)
		if resp.StatusCode != c.status || c.status > 400 && resp.Header.Get("Content-Type") != problem.ContentType {
			t.Errorf("%s: %d %s", name, resp.StatusCode, resp.Header.Get("Content-Type"))
		}
		_ = resp.Body.Close()
		transport.CloseIdleConnections()
	}
}

// What is queued is written before the connection closes, in its order; then nothing is sent any more.
func TestCloseWritesWhatIsQueued(t *testing.T) {
	t.Parallel()
	catalogs, _ := pair(t, access.Public(), socket.Options{Queue: 8})
	page := browser(t, catalogs, "")
	c := next(t, catalogs.conns)
	for _, subject := range []string{"a", "b", "c"} {
		check(t, c.Send(t.Context(), bus.Event{Type: "news", Subject: subject}))
	}
	c.Close(4000, strings.Repeat("é", 200))
	for _, subject := range []string{"a", "b", "c"} {
		if m, _ := read(t, page); m["subject"] != subject {
			t.Errorf("got %v, want %s", m, subject)
		}
	}
	if _, code := read(t, page); code != 4000 {
		t.Errorf("closed with %d", code)
	}
	c.Wait()
	if err := c.Send(t.Context(), bus.Event{Type: "news"}); !errors.Is(err, socket.ErrClosed) {
		t.Errorf("sent after the end: %v", err)
	}
	counted(t, catalogs, 4, "messaging_client_sent_messages_total", "send")
	counted(t, catalogs, 1, "messaging_client_sent_messages_total", "closed")
	counted(t, catalogs, 1, "signalbox_socket_closed_total", "other")
}

// What the other end may cost: a message that is too large, one that does not read, one that is gone, a token that ends.
func TestBounds(t *testing.T) {
	t.Parallel()
	t.Run("too large", func(t *testing.T) {
		t.Parallel()
		catalogs, _ := pair(t, access.Public(), socket.Options{MaxBytes: 1000})
		page := browser(t, catalogs, "")
		write(t, page, message("ping", `"x":"`+strings.Repeat("x", 1000)+`"`))
		if _, code := read(t, page); code != websocket.StatusMessageTooBig {
			t.Errorf("closed with %d", code)
		}
		counted(t, catalogs, 1, "signalbox_socket_ignored_total", "oversized")
		counted(t, catalogs, 1, "signalbox_socket_closed_total", "1009")
	})
	t.Run("too large to be sent", func(t *testing.T) {
		t.Parallel()
		catalogs, _ := pair(t, access.Public(), socket.Options{})
		browser(t, catalogs, "")
		err := next(t, catalogs.conns).Send(t.Context(), bus.Event{Type: "news", Data: json.RawMessage(`"` + strings.Repeat("x", bus.MaxSize) + `"`)})
		if !errors.Is(err, bus.ErrTooLarge) {
			t.Error(err)
		}
	})
	t.Run("does not read", func(t *testing.T) {
		t.Parallel()
		catalogs, _ := pair(t, access.Public(), socket.Options{Queue: 2, Patience: 300 * time.Millisecond, Ping: time.Hour})
		silent(t, catalogs)
		c := next(t, catalogs.conns)
		e := bus.Event{Type: "news", Data: json.RawMessage(`"` + strings.Repeat("x", 900_000) + `"`)}
		for err := error(nil); !errors.Is(err, socket.ErrFull); err = c.Send(t.Context(), e) {
			if err != nil {
				t.Fatal(err)
			}
		}
		c.Wait() // the write that hangs breaks the connection off
		counted(t, catalogs, 1, "signalbox_socket_closed_total", "1006")
	})
	t.Run("answers no ping", func(t *testing.T) {
		t.Parallel()
		catalogs, _ := pair(t, access.Public(), socket.Options{Ping: 50 * time.Millisecond, Patience: 200 * time.Millisecond})
		silent(t, catalogs)
		next(t, catalogs.conns).Wait()
		counted(t, catalogs, 1, "signalbox_socket_closed_total", "1006")
	})
	t.Run("is slow to handle", func(t *testing.T) {
		t.Parallel()
		handled, goOn := make(chan string, 64), make(chan struct{})
		catalogs, _ := pair(t, access.Public(), socket.Options{Ping: 20 * time.Millisecond, Patience: 20 * time.Millisecond, Handle: func(_ context.Context, _ *socket.Conn, e bus.Event) error {
			<-goOn
			handled <- e.Type
			return nil
		}})
		page := browser(t, catalogs, "")
		go func() { _, _, _ = page.Read(context.Background()) }() // answers pings, to its end
		for range 40 {
			write(t, page, message("ping"))
		}
		c := next(t, catalogs.conns)
		select {
		case <-c.Done():
			t.Error("who waits for the handler is broken off")
		case <-time.After(300 * time.Millisecond):
		}
		close(goOn)
		for range 40 {
			next(t, handled)
		}
	})
	t.Run("the token ends", func(t *testing.T) {
		t.Parallel()
		catalogs, _ := pair(t, access.SignedIn(), socket.Options{})
		if _, code := read(t, browser(t, catalogs, "soon")); code != websocket.StatusPolicyViolation {
			t.Errorf("closed with %d", code)
		}
	})
}

// silent opens a connection, and neither reads from it nor answers.
func silent(t *testing.T, e *end) {
	t.Helper()
	conn, err := net.Dial("tcp", e.addr)
	check(t, err)
	t.Cleanup(func() { _ = conn.Close() })
	_, err = io.WriteString(conn, "GET "+route+" HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
	check(t, err)
}

// A stop lets the handler that runs answer, tells both kinds of other ends why, and lets nobody in any more.
func TestStop(t *testing.T) {
	t.Parallel()
	at, goOn := make(chan struct{}), make(chan struct{})
	catalogs, notification := pair(t, access.Public(), socket.Options{Handle: func(ctx context.Context, c *socket.Conn, _ bus.Event) error {
		close(at)
		<-goOn
		return c.Send(ctx, bus.Event{Type: "answer"})
	}})
	page := browser(t, catalogs, "")
	write(t, page, message("question"))
	next(t, at)
	answered := make(chan bus.Event, 1)
	c, err := notification.Dial(t.Context(), "catalogs", route, socket.Options{Handle: func(_ context.Context, _ *socket.Conn, e bus.Event) error { answered <- e; return nil }})
	check(t, err)
	next(t, catalogs.conns)
	next(t, catalogs.conns)
	stopped := make(chan error, 1)
	go func() { stopped <- catalogs.Close(context.Background()) }()
	select {
	case <-c.Done():
	case <-time.After(limit):
		t.Fatal("the service is not told")
	}
	c.Wait()
	counted(t, notification, 1, "signalbox_socket_closed_total", "1012", "dialed")
	if _, err := notification.Dial(t.Context(), "catalogs", route, socket.Options{}); err == nil {
		t.Error("a service that stops accepts")
	}
	close(goOn)
	if m, code := read(t, page); m["type"] != "answer" {
		t.Errorf("read %v, %d", m, code)
	}
	if _, code := read(t, page); code != websocket.StatusServiceRestart {
		t.Errorf("closed with %d", code)
	}
	check(t, next(t, stopped))
	counted(t, catalogs, 2, "signalbox_socket_closed_total", "1012", "accepted")
}

// A handler that does not end is left behind at the end of the stop's time, with its context.
func TestStopIsBounded(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	catalogs, _ := pair(t, access.Public(), socket.Options{Timeout: time.Hour, Handle: func(ctx context.Context, _ *socket.Conn, _ bus.Event) error {
		<-ctx.Done()
		ended <- ctx.Err()
		return ctx.Err()
	}})
	page := browser(t, catalogs, "")
	write(t, page, message("question"))
	counted(t, catalogs, 1, "signalbox_socket_connections", "accepted")
	c := next(t, catalogs.conns)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	if err := catalogs.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("Close: %v", err)
	}
	c.Wait()
}
