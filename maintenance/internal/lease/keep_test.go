package lease

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// Each change is a line of the log, whether somebody keeps receipts behind the answers, has just stopped to, or nobody does.
func TestAChangeIsSaidBesideAnyStop(t *testing.T) {
	t.Parallel()
	var text bytes.Buffer
	logger := slog.New(slog.NewTextHandler(&text, nil))
	registry := prometheus.NewRegistry()
	s := New(Settings{Logger: logger, Registerer: registry,
		Announcer: NewAnnouncer(AnnouncerSettings{Service: "view-service", Instance: "v-1", Logger: slog.New(slog.DiscardHandler), Registerer: registry})})
	change := func(id string) {
		l := Lease{ID: id, Kind: "level"}
		s.tell(t.Context(), actionSet, l, nil, s.Announcer.draft(actionSet, l, 0), time.Now())
	}
	said := func(id string) {
		t.Helper()
		if n := strings.Count(text.String(), "lease_id="+id+" "); n != 1 {
			t.Errorf("change %s is said %d times", id, n)
		}
	}
	change("before")
	said("before")
	stopped, stop := context.WithCancel(t.Context())
	stop()
	s.attend(true)
	change("waiting")
	s.Keep(stopped) // and no time is left for the store
	said("waiting")
	change("after")
	said("after")
}
