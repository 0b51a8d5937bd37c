package postgres

import (
	"testing"
	"time"
)

func TestParseLine(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 11, 21, 6, 38, 1, 7e6, time.UTC)
	for line, want := range map[string]Line{
		`2026-11-21 06:38:01.007 UTC [19401] 00000 LOG:  database system is ready to accept connections`: {
			Time: at, PID: 19401, SQLState: "00000", Severity: "LOG", Message: "database system is ready to accept connections"},
		`2026-11-21 06:38:01.007 UTC [7] 42P01 postgres@signalbox ERROR:  relation "x" does not exist at character 15`: {
			Time: at, PID: 7, SQLState: "42P01", User: "postgres", Database: "signalbox", Severity: "ERROR",
			Message: `relation "x" does not exist at character 15`},
		`2026-11-21 06:38:01.007 UTC [7] 28P01 [unknown]@[unknown] FATAL:  a: b`: {
			Time: at, PID: 7, SQLState: "28P01", User: "[unknown]", Database: "[unknown]", Severity: "FATAL", Message: "a: b"},
	} {
		if got, ok := ParseLine(line); !ok || got != want {
			t.Errorf("%s\n got %+v, %v\nwant %+v", line, got, ok, want)
		}
	}
	for _, line := range []string{"", "\tselect 1", "LOG:  no prefix", "2026-99-21 06:38:01.007 UTC [7] 00000 LOG:  x"} {
		if got, ok := ParseLine(line); ok {
			t.Errorf("%q gave %+v", line, got)
		}
	}
}

func FuzzParseLine(f *testing.F) {
	f.Add(`2026-11-21 06:38:01.007 UTC [7] 42P01 postgres@signalbox ERROR:  x`)
	f.Fuzz(func(t *testing.T, line string) {
		if l, ok := ParseLine(line); ok && (l.Time.IsZero() || l.Severity == "") {
			t.Errorf("%q gave %+v", line, l)
		}
	})
}
