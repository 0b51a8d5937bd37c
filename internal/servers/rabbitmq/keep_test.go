package rabbitmq_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
	"github.com/signalbox-mesh/signalbox/internal/servers/guard"
	"github.com/signalbox-mesh/signalbox/internal/servers/rabbitmq"
	"github.com/signalbox-mesh/signalbox/internal/servers/testdir"
)

type output struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (o *output) Write(b []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.b.Write(b)
}

func (o *output) lines() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Split(o.b.String(), "\n")
}

// What `up` does: the second start, of another program, finds vhosts, user and password again. While the
// first node lives, its data is refused to a second one.
func TestSecondStartFindsItsData(t *testing.T) {
	t.Parallel()
	dir, err := testdir.New("rabbitmq")
	if err != nil {
		t.Fatal(err)
	}
	var log output
	settings := rabbitmq.Settings{Dir: dir, Log: &log}
	first := started(t, settings)
	if err := first.CreateVhost(t.Context(), "kept"); err != nil {
		t.Fatal(err)
	}
	intruder, err := rabbitmq.New(rabbitmq.Settings{Dir: dir, LockWait: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	if err := intruder.Start(t.Context()); !errors.Is(err, guard.ErrLocked) {
		t.Errorf("two nodes on one folder: %v", err)
	}
	if err := first.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	second := started(t, settings)
	answer, err := second.Eval(t.Context(), `rabbit_vhost:exists(<<"kept">>) andalso [element(2, U) || U <- ets:tab2list(rabbit_user)] =:= [<<"signalbox">>].`)
	if err != nil || answer != "true" {
		t.Errorf("after the second start: %s, %v", answer, err)
	}
	checkFiles(t, second.Dir())
	if all := strings.Join(log.lines(), "\n"); strings.Contains(all, "unexpectedly closed") {
		t.Error("the look whether the node is ready makes it warn")
	}
	if !saysReady(log.lines()) {
		t.Errorf("no parseable line says that the node is ready, of %d", len(log.lines()))
	}
}

func started(t *testing.T, settings rabbitmq.Settings) *rabbitmq.Server {
	t.Helper()
	s, err := rabbitmq.New(settings)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	return s
}

func saysReady(lines []string) bool {
	reader := foreign.NewRecogniser(foreign.Settings{})
	for _, line := range lines {
		if l := reader.Line(line); l.Format == foreign.RabbitMQ && strings.Contains(l.Message, "started TCP listener") {
			return true
		}
	}
	return false
}

// What holds a secret is closed to others.
func checkFiles(t *testing.T, dir string) {
	t.Helper()
	for _, name := range []string{"identity.json", "rabbitmq.conf", ".erlang.cookie"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Error(err)
		} else if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s is open to others: %v", name, info.Mode())
		}
	}
}
