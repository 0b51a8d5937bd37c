package up

import (
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signalbox-mesh/signalbox/internal/foreign"
)

func TestOptionsRefuseWhatCannotWorkTogether(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		options Options
		says    string // "" : fine
	}{
		{Options{}, ""},
		{Options{Split: true, Replicas: map[string]int{"scheduler": 3}}, ""},
		{Options{Listen: "8080"}, "HOST:PORT"},
		{Options{Bus: "pigeon"}, "auto, rabbitmq or inproc"},
		{Options{Bus: "inproc", Split: true}, "--bus rabbitmq"},
		{Options{Replicas: map[string]int{"scheduler": 3}}, "--split"},
		{Options{Split: true, Replicas: map[string]int{"nobody": 1}}, "nobody"},
		{Options{Split: true, Replicas: map[string]int{"catalogs": 0}}, "1 to 9"},
		{Options{Split: true, Replicas: map[string]int{"gateway": 2}}, "gateway"},
	} {
		err := c.options.Check()
		if (c.says == "") != (err == nil) || (err != nil && !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%+v: %v, want %q", c.options, err, c.says)
		}
	}
}

func TestParseReplicas(t *testing.T) {
	t.Parallel()
	if all, err := ParseReplicas("scheduler=3,catalogs=2"); err != nil || all["scheduler"] != 3 || all["catalogs"] != 2 {
		t.Errorf("%v, %v", all, err)
	}
	for _, text := range []string{"scheduler", "scheduler=", "scheduler=x", "=3=4"} {
		if _, err := ParseReplicas(text); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

func TestOneMeshAFolder(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	first, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	if !Running(dir) {
		t.Error("a held folder seems free")
	}
	if _, err := openState(dir); err == nil || !strings.Contains(err.Error(), "--state") {
		t.Errorf("a second one: %v", err)
	}
	one, err := first.secrets([]string{"a", "b"})
	if err != nil {
		t.Fatal(err)
	}
	if err := first.close(); err != nil {
		t.Fatal(err)
	}
	again, err := openState(dir)
	if err != nil {
		t.Fatal(err)
	}
	two, err := again.secrets([]string{"a", "c"})
	if err != nil || two["a"] != one["a"] || two["c"] == "" || two["c"] == two["a"] {
		t.Errorf("kept secrets changed, or a new one is missing: %v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "secrets.json")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v: want mode 0600", info, err)
	}
	if err := again.close(); err != nil || Running(dir) {
		t.Errorf("closed, and still running: %v", err)
	}
}

// What an operator sets for a service wins; what is meant for `up` reaches no service.
func TestEnvironment(t *testing.T) {
	t.Parallel()
	v := variables{}
	v.set("view-service", "HTTP_ADDR", "127.0.0.1:0")
	got := v.environ([]string{"SIGNALBOX_POSTGRES_URL=postgres://admin", "SIGNALBOX_VIEW_SERVICE_HTTP_ADDR=:9", "HOME=/h"})
	if slices.ContainsFunc(got, func(s string) bool { return strings.HasPrefix(s, "SIGNALBOX_POSTGRES_URL") }) {
		t.Errorf("the admin's URL reaches the services: %v", got)
	}
	own, operators := slices.Index(got, "SIGNALBOX_VIEW_SERVICE_HTTP_ADDR=127.0.0.1:0"), slices.Index(got, "SIGNALBOX_VIEW_SERVICE_HTTP_ADDR=:9")
	if own < 0 || operators < own {
		t.Errorf("the operator's must come later: %v", got)
	}
}

func TestServersLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		from  foreign.Format
		line  string
		level slog.Level
		msg   string
	}{
		{foreign.PostgreSQL, `2026-11-21 07:00:00.000 UTC [12] 00000 LOG:  ready`, slog.LevelInfo, "ready"},
		{foreign.PostgreSQL, `2026-11-21 07:00:00.000 UTC [12] 42P01 app@mesh ERROR:  relation "x" does not exist`, slog.LevelError, `relation "x" does not exist`},
		{foreign.PostgreSQL, `2026-11-21 07:00:00.000 UTC [12] 42P01 app@mesh STATEMENT:  ALTER ROLE a PASSWORD 'pa''ss' VALID`, slog.LevelInfo, `ALTER ROLE a PASSWORD '…' VALID`},
		{foreign.PostgreSQL, "\tWHERE password = 'hunter2", slog.LevelInfo, "\tWHERE password = '…"},
		{foreign.PostgreSQL, `2026-11-21 07:00:00.000 UTC [12] 57P03 app@mesh FATAL:  the database system is starting up`, slog.LevelInfo, "the database system is starting up"},
		{foreign.PostgreSQL, `2026-11-21 07:00:00.000 UTC [12] 00000 app@mesh LOG:  duration: 1103.2 ms  statement: ALTER ROLE a PASSWORD E'it\'s' VALID`, slog.LevelInfo, `duration: 1103.2 ms  statement: ALTER ROLE a PASSWORD E'…' VALID`},
		{foreign.PostgreSQL, `2026-11-21 07:00:00.000 UTC [12] 23505 app@mesh DETAIL:  Key (name, mail)=(anna, a@b.c) already exists.`, slog.LevelInfo, `Key (name, mail)=(…) already exists.`},
		{foreign.PostgreSQL, `2026-11-21 07:00:00.000 UTC [12] 23514 app@mesh DETAIL:  Failing row contains (-1, hunter2).`, slog.LevelInfo, `Failing row contains (…)`},
		{foreign.PostgreSQL, `2026-11-21 07:00:00.000 UTC [12] 22P02 app@mesh ERROR:  invalid input syntax for type integer: "hunter2" at character 8`, slog.LevelError, `invalid input syntax for type integer: "…" at character 8`},
		{foreign.RabbitMQ, `2026-11-21 07:00:00.000000+00:00 [warning] <0.1.0> disk is low`, slog.LevelWarn, "disk is low"},
		{foreign.RabbitMQ, `  ##  ##      RabbitMQ 3.10.8`, slog.LevelInfo, `  ##  ##      RabbitMQ 3.10.8`},
	} {
		all := read(t, c.from, c.line+"\n")
		if len(all) != 1 || all[0].Level != c.level || all[0].Message != c.msg {
			t.Errorf("%q reads as %v, want %v %q", c.line, all, c.level, c.msg)
		}
	}
}

// read is what a server's text becomes.
func read(t *testing.T, from foreign.Format, parts ...string) (all []foreign.Record) {
	t.Helper()
	emit := func(r foreign.Record) { all = append(all, r) }
	if from == foreign.PostgreSQL {
		emit = hidePostgres(emit)
	}
	l := newLineLog(from, emit)
	for _, part := range parts {
		if _, err := io.WriteString(l, part); err != nil {
			t.Fatal(err)
		}
	}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	return all
}

// A literal that goes on in the next lines is hidden in all of them, and so is a row; the next message begins outside of any.
func TestLiteralsOverLines(t *testing.T) {
	t.Parallel()
	const head = `2026-11-21 07:00:00.000 UTC [12] 42601 app@mesh `
	text := head + "STATEMENT:  select 'one\n\thunter2\n\tfrom 'x'\n\tthree' from four\n" +
		head + "DETAIL:  Failing row contains (1, a\n\thunter2).\n" + head + "LOG:  statement: select 'one\n" + head + "LOG:  ready\n"
	want := []string{"select '…'x'…' from four", "Failing row contains (…)", "statement: select '…", "ready"}
	var got []string
	for _, r := range read(t, foreign.PostgreSQL, text) {
		got = append(got, r.Message)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
	long := head + "STATEMENT:  select 'one\n" + strings.Repeat("\thunter2\n", 20_000) + "\t'\n" + head + "LOG:  ready\n"
	all := read(t, foreign.PostgreSQL, long)
	for _, r := range all {
		if strings.Contains(r.Message, "hunter2") {
			t.Fatal("what goes on in a record of its own is not hidden")
		}
	}
	if len(all) < 3 {
		t.Errorf("%d records of a statement that does not fit into one", len(all))
	}
}

func TestLinesComeWhole(t *testing.T) {
	t.Parallel()
	all := read(t, foreign.RabbitMQ, "fir", "st\nsec", "ond\n\n", strings.Repeat("x", 2*foreign.MaxLine), "\n", "no end")
	if len(all) != 4 || all[0].Message != "first" || all[1].Message != "second" || all[3].Message != "no end" || !strings.HasSuffix(all[2].Message, "bytes]") {
		t.Errorf("%d records: %.300v", len(all), all)
	}
}

// A record does not wait for ever for lines that continue it.
func TestIdleRecordComes(t *testing.T) {
	t.Parallel()
	came := make(chan string, 1)
	l := newLineLog(foreign.RabbitMQ, func(r foreign.Record) { came <- r.Message })
	defer l.Close() //nolint:errcheck // it never fails
	if _, err := io.WriteString(l, "the last line\n"); err != nil {
		t.Fatal(err)
	}
	select {
	case got := <-came:
		if got != "the last line" {
			t.Errorf("%q", got)
		}
	case <-time.After(20 * time.Second):
		t.Error("it waits still")
	}
}

func TestStderrIsBounded(t *testing.T) {
	t.Parallel()
	name := filepath.Join(t.TempDir(), "stderr.log")
	s, err := openStderr(name)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int64{0, maxStderr + 1} {
		s.size = size
		if _, err := s.Write([]byte("line\n")); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range []string{name, name + ".1"} {
		if raw, err := os.ReadFile(file); err != nil || string(raw) != "line\n" {
			t.Errorf("%s: %q, %v", file, raw, err)
		}
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

func TestTheLastLineIsKept(t *testing.T) {
	t.Parallel()
	var l lastLine
	for _, p := range []string{"first\nsecond\n", "third\n"} {
		_, _ = io.WriteString(&l, p)
	}
	if l.String() != "third" {
		t.Errorf("%q", l.String())
	}
}
