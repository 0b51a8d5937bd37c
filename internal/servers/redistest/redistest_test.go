package redistest

import (
	"net"
	"net/url"
	"os"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
)

func TestMain(m *testing.M) { os.Exit(guard.TestMain(m)) }

// H-1: the kill is preceded by the proof; the server comes back on its port.
func TestH1_KillAndStart(t *testing.T) {
	t.Parallel()
	s := Server(t)
	was := s.URL()
	for range 3 {
		if err := s.Kill(); err != nil {
			t.Fatal(err)
		}
		begin := time.Now()
		if err := s.Start(t.Context()); err != nil {
			t.Fatal(err)
		}
		t.Logf("METRIC redis_kill_to_ready_ms=%d limit=1000", time.Since(begin).Milliseconds())
	}
	if s.URL() != was {
		t.Errorf("the address changed")
	}
}

// Without the password nothing is answered.
func TestPasswordIsNeeded(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(Server(t).URL())
	if err != nil {
		t.Fatal(err)
	}
	conn, err := net.Dial("tcp", u.Host)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := conn.Write([]byte("GET x\r\n")); err != nil {
		t.Fatal(err)
	}
	var answer [7]byte
	if _, err := conn.Read(answer[:]); err != nil || string(answer[:]) != "-NOAUTH" {
		t.Errorf("answered %q, %v", answer, err)
	}
}
