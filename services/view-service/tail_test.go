package viewservice_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/seed"
	viewservice "github.com/signalbox-mesh/signalbox/services/view-service"
)

// follower is a client that loses its connection again and again, and comes back to any replica with the last id.
type follower struct {
	replicas []*viewservice.Service
	place    string
	got      []string
	gaps     map[string]bool
}

// connection reads so many events of one connection, or until done holds, and then drops it, in the middle of whatever comes.
func (f *follower) connection(t *testing.T, replica, events int, done func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), limit)
	defer cancel()
	query := url.Values{"q": {"service:catalogs"}}
	req := request(t, f.replicas[replica], "viewer", http.MethodGet, "/api/maintenance/v1/logs/tail?"+query.Encode(), "").WithContext(ctx)
	if f.place != "" {
		req.Header.Set("Last-Event-ID", f.place)
	}
	resp, err := client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close() //nolint:errcheck // it is dropped
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("status %d for the place %q", resp.StatusCode, f.place)
	}
	lines, id, name := bufio.NewScanner(resp.Body), "", ""
	lines.Buffer(nil, 1<<20)
	for events >= 0 && !done() && lines.Scan() {
		switch key, value, _ := strings.Cut(lines.Text(), ": "); key {
		case "id":
			id = value
		case "event":
			name = value
		case "data":
			f.take(t, name, value)
		case "":
			if id != "" {
				f.place = id
			}
			name, events = "", events-1
		}
	}
}

func (f *follower) take(t *testing.T, name, data string) {
	t.Helper()
	var r struct {
		Msg     string
		Cause   string
		FromSeq int64 `json:"from_seq"`
	}
	if err := json.Unmarshal([]byte(data), &r); err != nil {
		t.Fatalf("%s: %v", data, err)
	}
	switch name {
	case "record":
		f.got = append(f.got, r.Msg)
	case "gap":
		f.gaps[fmt.Sprint(r.FromSeq)] = true
	}
}

// However often a tail is cut off, and on whichever replica it goes on while both store: every record is shown once.
func TestATailThatIsCutOffShowsEveryRecordOnce(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	a, _ := m.view(t, "view-service-1")
	b, _ := m.view(t, "view-service-2")
	random := seed.New(t)
	f := &follower{replicas: []*viewservice.Service{a, b}, gaps: map[string]bool{}}
	f.connection(t, 0, 10, func() bool { return f.place != "" }) // where it begins; the first event may have no place yet
	if f.place == "" {
		t.Fatal("the tail has not said where it begins")
	}

	const batches, each = 30, 10
	var senders sync.WaitGroup
	for sender := range 2 {
		c := m.logs(t, "catalogs")
		senders.Go(func() {
			for i := range batches {
				msgs := make([]string, each)
				for j := range msgs {
					msgs[j] = fmt.Sprintf("s%d b%d r%d", sender, i, j)
				}
				r := batch("catalogs", 0, msgs...)
				if _, err := c.Export(t.Context(), r); err != nil {
					t.Error(err)
				}
			}
		})
	}
	want := 2 * batches * each
	for connections := 0; len(f.got) < want; connections++ {
		if connections > 20*want {
			t.Fatalf("%d of %d records after %d connections", len(f.got), want, connections)
		}
		f.connection(t, random.IntN(2), random.IntN(60), func() bool { return len(f.got) >= want })
	}
	senders.Wait()
	seen := map[string]int{}
	for _, msg := range f.got {
		seen[msg]++
	}
	for msg, n := range seen {
		if n != 1 {
			t.Errorf("%s came %d times", msg, n)
		}
	}
	if len(seen) != want {
		t.Errorf("%d different records, want %d", len(seen), want)
	}
}

// What is missing is told in the stream, and a backlog that was cut off goes on too.
func TestATailTellsGapsAndResumesItsBacklog(t *testing.T) {
	t.Parallel()
	m := newMesh(t)
	v, _ := m.view(t, "view-service-1")
	c := m.logs(t, "catalogs")
	export(t, c, batch("catalogs", 1, "m1", "m2", "m3", "m4", "m5"))
	export(t, c, batch("catalogs", 8, "m8"))

	resp, err := client().Do(request(t, v, "viewer", http.MethodGet, "/api/maintenance/v1/logs/tail?backlog=6&q=service:catalogs", ""))
	if err != nil {
		t.Fatal(err)
	}
	lines, place := bufio.NewScanner(resp.Body), ""
	for records := 0; records < 3 && lines.Scan(); {
		if id, ok := strings.CutPrefix(lines.Text(), "id: "); ok {
			place = id
		}
		if strings.HasPrefix(lines.Text(), "event: record") {
			records++
		}
	}
	_ = resp.Body.Close()
	f := &follower{replicas: []*viewservice.Service{v}, place: place, gaps: map[string]bool{}}
	deadline := time.Now().Add(limit)
	for (len(f.got) < 3 || !f.gaps["6"]) && time.Now().Before(deadline) {
		f.connection(t, 0, 6, func() bool { return len(f.got) >= 3 && f.gaps["6"] })
	}
	if strings.Join(f.got, " ") != "m4 m5 m8" || !f.gaps["6"] {
		t.Errorf("behind the third of the backlog: %v, gaps %v", f.got, f.gaps)
	}
}
