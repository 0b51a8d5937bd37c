package cli

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// tailMesh is a log of numbered records that breaks off each connection after a few of them, in the middle of one, and
// goes on behind the place that it is asked for.
type tailMesh struct {
	mu      sync.Mutex
	records int // that there are
	each    int // a connection
	refuse  func(after string) int
	asked   []string // the places
	first   string   // backlog and since of the first request
	orderly bool     // connections end as announced
}

func (m *tailMesh) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	after := r.URL.Query().Get("after")
	m.mu.Lock()
	if m.asked = append(m.asked, after); after == "" {
		m.first = r.URL.Query().Get("backlog") + " " + r.URL.Query().Get("since")
	}
	records, refuse, orderly := m.records, m.refuse, m.orderly
	m.mu.Unlock()
	if refuse != nil {
		if status := refuse(after); status != 0 {
			w.Header().Set("Content-Type", "application/problem+json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"status":%d,"code":"invalid","detail":"no such place","errors":[{"name":"after","detail":"unknown"}]}`, status)
			return
		}
	}
	from, _ := strconv.Atoi(after) // "" begins with the first
	w.Header().Set("Content-Type", "text/event-stream")
	fmt.Fprint(w, ": signalbox\n\n")
	for i := from + 1; i <= min(from+m.each, records); i++ {
		fmt.Fprintf(w, "id: %d\nevent: record\ndata: %s\n\n", i, line(fmt.Sprint("r", i), i%60, "INFO", fmt.Sprint("message ", i), `{}`))
	}
	fmt.Fprintf(w, "event: gap\ndata: {\"service\":\"catalogs\",\"instance\":\"catalogs-1\",\"class\":\"info\",\"from_seq\":1,\"cause\":\"missing\"}\n\n")
	switch {
	case from+m.each >= records:
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done()
	case orderly:
		fmt.Fprintf(w, "id: %d\nevent: end\ndata: {}\n\n", from+m.each)
	default:
		fmt.Fprint(w, "event: record\ndata: {\"id\":\"half")
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	}
}

// followed runs `logs -f` until enough lines came, and gives what it printed.
func followed(t *testing.T, m http.Handler, enough string, flags ...string) (stdout, stderr string) {
	t.Helper()
	s := httptest.NewServer(m)
	defer s.Close()
	var out, bad guarded
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan int, 1)
	go func() {
		ended <- Main(ctx, Process{Args: append([]string{"logs", "-f", "--utc", "--url", s.URL, "--token", "t"}, flags...),
			Stdin: strings.NewReader(""), Stdout: &out, Stderr: &bad, Clock: clock})
	}()
	wait.For(t, 30*time.Second, enough, func() bool { return strings.Contains(out.String()+bad.String(), enough) })
	cancel()
	if code := <-ended; code != 0 {
		t.Errorf("the end by the user is %d: %s", code, bad.String())
	}
	return out.String(), bad.String()
}

// guarded is written to by one goroutine and read by another.
type guarded struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (g *guarded) Write(b []byte) (int, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.Write(b)
}

func (g *guarded) String() string {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.b.String()
}

// A connection that breaks goes on where it was: every record once, in order, and the operator is told.
func TestABrokenTailGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	stdout, stderr := followed(t, &tailMesh{records: 10, each: 4}, "message 10")
	if n := strings.Count(stdout, "message"); n != 10 || strings.Index(stdout, "message 4") > strings.Index(stdout, "message 5") {
		t.Errorf("%d records:\n%s", n, stdout)
	}
	if strings.Count(stdout, "--- gap:") != 1 {
		t.Errorf("the gap is not told once:\n%s", stdout)
	}
	if strings.Count(stderr, "the connection broke (unexpected EOF)") != 2 || strings.Count(stderr, "nothing was missed") != 2 {
		t.Errorf("told: %s", stderr)
	}
}

// An end that the mesh announces is nothing to tell.
func TestATailThatEndsInOrderGoesOnInSilence(t *testing.T) {
	t.Parallel()
	m := &tailMesh{records: 10, each: 4, orderly: true}
	stdout, stderr := followed(t, m, "message 10", "--json", "-n", "50", "--since", "5m")
	if m.first != "50 2026-11-21T13:55:00Z" {
		t.Errorf("it begins with %q", m.first)
	}
	if strings.Count(stdout, "message") != 10 || stderr != "" {
		t.Errorf("%s\n%s", stdout, stderr)
	}
}

// A place that the mesh does not know any more is not passed over in silence.
func TestALostPlaceIsTold(t *testing.T) {
	t.Parallel()
	m := &tailMesh{records: 5, each: 4, refuse: func(after string) int {
		if after == "4" {
			return http.StatusBadRequest
		}
		return 0
	}}
	m.each = 4
	stdout, _ := followed(t, m, "the place is not known")
	if !strings.Contains(stdout, "--- the place is not known there any more: what was stored since 13:02:04") {
		t.Error(stdout)
	}
}

// What no further try can mend ends it at once.
func TestATailThatMayNotBeEnds(t *testing.T) {
	t.Parallel()
	for status, code := range map[int]int{http.StatusForbidden: 1, http.StatusUnauthorized: 1, http.StatusBadRequest: 2, http.StatusServiceUnavailable: 1} {
		s := httptest.NewServer(&tailMesh{refuse: func(string) int { return status }})
		if got, _, stderr := call(t, nil, "", "logs", "-f", "--url", s.URL, "--token", "t"); got != code || !strings.Contains(stderr, "no such place") {
			t.Errorf("%d: code %d, %s", status, got, stderr)
		}
		s.Close()
	}
}

func TestEventStreams(t *testing.T) {
	t.Parallel()
	var got []string
	err := eachEvent(strings.NewReader(": hello\n\nid: 1\n\nevent: record\ndata: a\ndata:b\n\ndata: c\nid: 2\n\nevent: cut off\ndata: x\n"), func(e event) error {
		got = append(got, fmt.Sprintf("%s|%s|%s", e.name, e.id, e.data))
		return nil
	})
	if want := []string{"||", "|1|", "record|1|a\nb", "message|2|c"}; err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%q, %v; want %q", got, err, want)
	}
}
