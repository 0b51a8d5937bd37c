package rabbitmq_test

import (
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/amqptest"
)

// H-1: kill -9 of the node is preceded by the proof; vhosts are there afterwards, on the same port.
func TestH1_KillAndStart(t *testing.T) {
	t.Parallel()
	begin := time.Now()
	s := amqptest.Server(t)
	t.Logf("METRIC rabbitmq_start_ms=%d limit=20000", time.Since(begin).Milliseconds())
	begin = time.Now()
	if err := s.CreateVhost(t.Context(), "kept"); err != nil {
		t.Fatal(err)
	}
	t.Logf("METRIC rabbitmq_vhost_ms=%d limit=2000", time.Since(begin).Milliseconds())
	port, pid := s.Port(), s.PID()
	if err := s.Kill(); err != nil {
		t.Fatal(err)
	}
	begin = time.Now()
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Logf("METRIC rabbitmq_kill_to_ready_ms=%d limit=20000", time.Since(begin).Milliseconds())
	if s.Port() != port || s.PID() == pid {
		t.Errorf("port %d was %d, pid %d was %d", s.Port(), port, s.PID(), pid)
	}
	answer, err := s.Eval(t.Context(), `rabbit_vhost:exists(<<"kept">>).`)
	if err != nil || answer != "true" {
		t.Errorf("vhost after the kill: %s, %v", answer, err)
	}
	if err := s.DeleteVhost(t.Context(), "kept"); err != nil {
		t.Error(err)
	}
	begin = time.Now()
	if err := s.Restart(t.Context()); err != nil {
		t.Fatal(err)
	}
	s.ForgetErlCall() // the way that is always there
	if err := s.Prove(t.Context()); err != nil {
		t.Error(err)
	}
	t.Logf("METRIC rabbitmq_restart_ms=%d limit=20000", time.Since(begin).Milliseconds())
}
