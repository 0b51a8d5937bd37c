package e2e

import (
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// TestWrongSettings: what the operator wrote wrongly ends the program with 2 and one sentence that names the setting
// and the mend, and leaves nothing half-started.
func TestWrongSettings(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = taken.Close() })
	busy := taken.Addr().String()
	const pg = "SIGNALBOX_POSTGRES_URL=postgres://u:geheim@127.0.0.1:1/d"
	up := func(args ...string) []string {
		return append([]string{"up", "--bus", "inproc", "--listen", "127.0.0.1:0"}, args...)
	}
	catalogs := []string{"run", "catalogs"}
	for name, c := range map[string]struct {
		args []string
		env  []string
		says []string // all of them
	}{
		"unknown":              {up(), []string{"SIGNALBOX_LOG_LEVLE=debug"}, []string{"SIGNALBOX_LOG_LEVLE", "SIGNALBOX_LOG_LEVEL"}},
		"unknown, one service": {up(), []string{"SIGNALBOX_CATALOGS_LOG_LEVLE=debug"}, []string{"SIGNALBOX_CATALOGS_LOG_LEVLE", "SIGNALBOX_CATALOGS_LOG_LEVEL"}},
		"unknown in run":       {catalogs, []string{pg, "SIGNALBOX_HTPP_ADDR=:1"}, []string{"SIGNALBOX_HTPP_ADDR", "SIGNALBOX_HTTP_ADDR"}},
		"no number":            {up(), []string{"SIGNALBOX_CATALOGS_POSTGRES_MAX_CONNS=many"}, []string{"SIGNALBOX_CATALOGS_POSTGRES_MAX_CONNS", "number"}},
		"no duration":          {up(), []string{"SIGNALBOX_STOP_TIMEOUT=soon"}, []string{"SIGNALBOX_STOP_TIMEOUT", "duration"}},
		"no level":             {up(), []string{"SIGNALBOX_LOG_LEVEL=loud"}, []string{"SIGNALBOX_LOG_LEVEL", "loud"}},
		"no exporter":          {up(), []string{"SIGNALBOX_TRACE_EXPORTER=smoke"}, []string{"SIGNALBOX_TRACE_EXPORTER", "smoke", "zipkin"}},
		"collector's URL":      {up(), []string{"SIGNALBOX_TRACE_EXPORTER=zipkin", "SIGNALBOX_TRACE_ENDPOINT=localhost:9411"}, []string{"SIGNALBOX_TRACE_ENDPOINT", "http"}},
		"PostgreSQL's URL":     {up(), []string{"SIGNALBOX_POSTGRES_URL=mysql://u:geheim@h/d"}, []string{"SIGNALBOX_POSTGRES_URL", "postgres://"}},
		"RabbitMQ's URL":       {[]string{"up", "--listen", "127.0.0.1:0"}, []string{"SIGNALBOX_AMQP_URL=http://u:geheim@h"}, []string{"SIGNALBOX_AMQP_URL", "amqp://"}},
		"URL in run":           {catalogs, []string{"SIGNALBOX_POSTGRES_URL=postgres://u:geheim@h:none/d"}, []string{"SIGNALBOX_POSTGRES_URL", "postgres://"}},
		"AMQP URL in run":      {catalogs, []string{pg, "SIGNALBOX_AMQP_URL=h:5672"}, []string{"SIGNALBOX_AMQP_URL", "amqp://"}},
		"no URL in run":        {catalogs, nil, []string{"SIGNALBOX_POSTGRES_URL", "is not set"}},
		"no key":               {catalogs, []string{pg, "SIGNALBOX_KEY_FILE=/nowhere/key.pem"}, []string{"SIGNALBOX_KEY_FILE", "/nowhere/key.pem"}},
		"port taken":           {[]string{"up", "--bus", "inproc", "--listen", busy}, nil, []string{"--listen", busy, "free"}},
		"port taken, split":    {[]string{"up", "--split", "--listen", busy}, nil, []string{"--listen", busy, "free"}},
		"port taken in run":    {catalogs, []string{pg, "SIGNALBOX_HTTP_ADDR=" + busy, "SIGNALBOX_RPC_ADDR=127.0.0.1:0"}, []string{"SIGNALBOX_HTTP_ADDR", busy, "free"}},
		"no address":           {[]string{"up", "--listen", "here"}, nil, []string{"--listen", "here", "HOST:PORT"}},
		"no bus":               {[]string{"up", "--bus", "tram"}, nil, []string{"--bus", "tram", "inproc"}},
		"no such replicas":     {[]string{"up", "--split", "--replicas", "nobody=2"}, nil, []string{"--replicas", "nobody", "catalogs"}},
		"replicas alone":       {[]string{"up", "--replicas", "catalogs=2"}, nil, []string{"--replicas", "--split"}},
		"split without a bus":  {[]string{"up", "--split", "--bus", "inproc"}, nil, []string{"--split", "--bus", "rabbitmq"}},
		"no such service":      {[]string{"run", "nobody"}, nil, []string{"nobody", "catalogs"}},
		"no such command":      {[]string{"fly"}, nil, []string{"fly", "--help"}},
		"no such flag":         {[]string{"ps", "--fast"}, nil, []string{"--fast", "--help"}},
	} {
		t.Run(name, func(t *testing.T) {
			state := newState(t)
			env := append([]string{"SIGNALBOX_STATE=" + state}, c.env...)
			began := time.Now()
			code, stdout, stderr := command(t, env, c.args...)
			if code != 2 || strings.Count(stderr, "\n") != 1 || strings.Contains(stdout+stderr, "geheim") || strings.Contains(stdout, "is ready") {
				t.Errorf("%d after %v: %q %q", code, time.Since(began), stdout, stderr)
			}
			for _, word := range c.says {
				if !strings.Contains(stderr, word) {
					t.Errorf("it does not say %q: %q", word, stderr)
				}
			}
			if left := holders(state); len(left) > 0 {
				t.Errorf("left: %v", left)
			}
			if _, err := os.Stat(filepath.Join(state, "mesh.json")); err == nil {
				t.Error("mesh.json is there")
			}
		})
	}
}
