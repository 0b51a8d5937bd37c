package e2e

import (
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/wait"
)

// TestG8_TermWhileStarting: SIGTERM at any moment of a start, also twice: the exit is in time, its code is that of an
// end asked for, nothing is left, and the next start finds a folder that it can use.
func TestG8_TermWhileStarting(t *testing.T) {
	t.Parallel()
	state := newState(t)
	for _, moment := range []struct{ name, said, bus string }{
		{"before the first server", "state in", "inproc"},
		{"while PostgreSQL starts", "✓ bus", "inproc"},
		{"while RabbitMQ starts", "✓ PostgreSQL", "rabbitmq"},
		{"during bootstrap", "✓ PostgreSQL", "inproc"},
		{"during migration", "✓ schemas", "inproc"},
		{"when it is ready", "signalbox is ready", "inproc"},
	} {
		t.Run(moment.name, func(t *testing.T) { termAt(t, state, moment.said, moment.bus) })
	}
	m := start(t, state, nil, "--bus", "inproc")
	for _, r := range m.ps(t) {
		a := request(t.Context(), http.MethodGet, "http://"+r.Address+"/metrics", "", nil)
		if damaged := value(string(a.body), "signalbox_log_spool_damaged_total"); damaged != "0" {
			t.Errorf("damaged places in the spool of %s: %q", r.Service, damaged)
		}
	}
	m.awaitLines(t, `service:catalogs "service is stopping"`)
	down(t, m, syscall.SIGTERM)
}

func termAt(t *testing.T, state, said, bus string) {
	listen, err := freeAddress()
	if err != nil {
		t.Fatal(err)
	}
	p, err := run(nil, "up", "--state", state, "--listen", listen, "--bus", bus)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.finish)
	wait.For(t, startLimit, said, func() bool { return strings.Contains(p.stdout.String(), said) || p.ended() })
	were := family(p.pid())
	began := time.Now()
	p.signal(syscall.SIGTERM)
	p.signal(syscall.SIGTERM)
	if code := p.code(t, time.Minute); code != 0 || p.stderr.String() != "" {
		t.Errorf("it ended with %d: %s%s", code, p.stdout, p.stderr)
	}
	t.Logf("METRIC g8_up_exit_seconds=%.2f limit=15", time.Since(began).Seconds())
	if left := strays(were, state); len(left) > 0 {
		t.Errorf("left: %v", left)
	}
}

// value of a metric without labels.
func value(text, name string) string {
	for l := range strings.Lines(text) {
		if v, ok := strings.CutPrefix(l, name+" "); ok {
			return strings.TrimSpace(v)
		}
	}
	return ""
}
