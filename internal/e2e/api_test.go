package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// answer is what came back; status 0: nothing did.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// decode reads a JSON body.
func (a answer) decode(t testing.TB, into any) {
	t.Helper()
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("%d %s: %v", a.status, a.body, err)
	}
}

// problem is an RFC 9457 document.
type problem struct {
	Status  int    `json:"status"`
	Title   string `json:"title"`
	Detail  string `json:"detail"`
	Code    string `json:"code"`
	TraceID string `json:"trace_id"`
}

// request is one call from outside; in is nil, a string or bytes as they are, or anything as JSON.
func request(ctx context.Context, method, target, token string, in any, header ...string) answer {
	return requestBy(ctx, http.DefaultClient, method, target, token, in, header...)
}

func requestBy(ctx context.Context, by *http.Client, method, target, token string, in any, header ...string) answer {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, target, body(in))
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	resp, err := by.Do(req)
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		return answer{body: []byte(err.Error())}
	}
	return answer{resp.StatusCode, resp.Header, raw}
}

func body(in any) io.Reader {
	switch v := in.(type) {
	case nil:
		return http.NoBody
	case string:
		return strings.NewReader(v)
	case []byte:
		return bytes.NewReader(v)
	}
	raw, err := json.Marshal(in)
	if err != nil {
		return strings.NewReader(err.Error())
	}
	return bytes.NewReader(raw)
}

// call is a request with the admin's token. Load in the background may have used up the admin's rate: then it
// comes back when it is told to, as a good client does.
func (m *mesh) call(t testing.TB, method, path string, in any) answer {
	t.Helper()
	for deadline := time.Now().Add(limit); ; {
		a := request(t.Context(), method, m.API+path, m.token, in)
		after, err := strconv.Atoi(a.header.Get("Retry-After"))
		if a.status != http.StatusTooManyRequests || err != nil || time.Now().After(deadline) {
			return a
		}
		<-time.After(time.Duration(after) * time.Second)
	}
}

// must is a call that has to end with a status.
func (m *mesh) must(t testing.TB, status int, method, path string, in any) answer {
	t.Helper()
	a := m.call(t, method, path, in)
	if a.status != status {
		t.Fatalf("%s %s: %d, %d expected: %s", method, path, a.status, status, a.body)
	}
	return a
}

// line is a record of the log store.
type line struct {
	TS       time.Time       `json:"ts"`
	Level    string          `json:"level"`
	Service  string          `json:"service"`
	Instance string          `json:"instance"`
	Logger   string          `json:"logger"`
	Msg      string          `json:"msg"`
	Attrs    json.RawMessage `json:"attrs"`
	TraceID  string          `json:"trace_id"`
}

// lines asks the log store through the gateway.
func (m *mesh) lines(t testing.TB, query string) []line {
	t.Helper()
	var page struct {
		Records []line `json:"records"`
	}
	a := m.call(t, http.MethodGet, "/api/maintenance/v1/logs?limit=1000&q="+url.QueryEscape(query), nil)
	if a.status != http.StatusOK {
		t.Logf("%s: %d %s", query, a.status, a.body)
		return nil
	}
	a.decode(t, &page)
	return page.Records
}

// awaitLines waits until the query finds something.
func (m *mesh) awaitLines(t testing.TB, query string) (found []line) {
	t.Helper()
	wait.For(t, limit, "a line for "+query, func() bool {
		found = m.lines(t, query)
		return len(found) > 0
	})
	return found
}
