package up

import (
	"bytes"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
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
		parse func(string) (slog.Level, string, []slog.Attr)
		line  string
		level slog.Level
		msg   string
	}{
		{parsePostgres(), `2026-11-21 07:00:00.000 UTC [12] 00000 LOG:  ready`, slog.LevelInfo, "ready"},
		{parsePostgres(), `2026-11-21 07:00:00.000 UTC [12] 42P01 app@mesh ERROR:  relation "x" does not exist`, slog.LevelError, `relation "x" does not exist`},
		{parsePostgres(), `2026-11-21 07:00:00.000 UTC [12] 42P01 app@mesh STATEMENT:  ALTER ROLE a PASSWORD 'pa''ss' VALID`, slog.LevelInfo, `ALTER ROLE a PASSWORD '…' VALID`},
		{parsePostgres(), "\tWHERE password = 'hunter2", slog.LevelInfo, "\tWHERE password = '…"},
		{parsePostgres(), `2026-11-21 07:00:00.000 UTC [12] 57P03 app@mesh FATAL:  the database system is starting up`, slog.LevelInfo, "the database system is starting up"},
		{parsePostgres(), `2026-11-21 07:00:00.000 UTC [12] 00000 app@mesh LOG:  duration: 1103.2 ms  statement: ALTER ROLE a PASSWORD E'it\'s' VALID`, slog.LevelInfo, `duration: 1103.2 ms  statement: ALTER ROLE a PASSWORD E'…' VALID`},
		{parsePostgres(), `2026-11-21 07:00:00.000 UTC [12] 23505 app@mesh DETAIL:  Key (name, mail)=(anna, a@b.c) already exists.`, slog.LevelInfo, `Key (name, mail)=(…) already exists.`},
		{parsePostgres(), `2026-11-21 07:00:00.000 UTC [12] 23514 app@mesh DETAIL:  Failing row contains (-1, hunter2).`, slog.LevelInfo, `Failing row contains (…)`},
		{parsePostgres(), `2026-11-21 07:00:00.000 UTC [12] 22P02 app@mesh ERROR:  invalid input syntax for type integer: "hunter2" at character 8`, slog.LevelError, `invalid input syntax for type integer: "…" at character 8`},
		{parseRabbitMQ, `2026-11-21 07:00:00.000000+00:00 [warning] <0.1.0> disk is low`, slog.LevelWarn, "disk is low"},
		{parseRabbitMQ, `  ##  ##      RabbitMQ 3.10.8`, slog.LevelInfo, `  ##  ##      RabbitMQ 3.10.8`},
	} {
		level, msg, _ := c.parse(c.line)
		if level != c.level || msg != c.msg {
			t.Errorf("%q reads as %v %q, want %v %q", c.line, level, msg, c.level, c.msg)
		}
	}
}

// A literal that goes on in the next lines is hidden in all of them, and the next message begins outside of any.
func TestLiteralsOverLines(t *testing.T) {
	t.Parallel()
	parse := parsePostgres()
	for _, c := range []struct{ line, msg string }{
		{`2026-11-21 07:00:00.000 UTC [12] 42601 app@mesh STATEMENT:  select 'one`, `select '…`},
		{"\thunter2", "…"},
		{"\tthree' from four", "…' from four"},
		{`2026-11-21 07:00:00.000 UTC [12] 00000 app@mesh LOG:  statement: select 'one`, `statement: select '…`},
		{`2026-11-21 07:00:00.000 UTC [12] 00000 LOG:  ready`, "ready"},
	} {
		if _, msg, _ := parse(c.line); msg != c.msg {
			t.Errorf("%q reads as %q, want %q", c.line, msg, c.msg)
		}
	}
}

func TestLinesComeWhole(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	l := &lineLog{log: slog.New(slog.NewTextHandler(&out, nil)), parse: func(line string) (slog.Level, string, []slog.Attr) { return slog.LevelInfo, line, nil }}
	for _, part := range []string{"fir", "st\nsec", "ond\n\n", strings.Repeat("x", 3*maxLine), "\n"} {
		if _, err := io.WriteString(l, part); err != nil {
			t.Fatal(err)
		}
	}
	if got := strings.Count(out.String(), "msg="); got < 5 || got > 6 || !strings.Contains(out.String(), "msg=second") {
		t.Errorf("%d lines:\n%.300s", got, &out)
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
