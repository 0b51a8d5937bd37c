package pg

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestStatementsHaveNoLiterals(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		`SELECT * FROM t WHERE a = $1 AND b = $12`:                                               `SELECT * FROM t WHERE a = $1 AND b = $12`,
		`SELECT 'o''brien', E'it\'s', $$x'y$$, $tag$a $$ b$tag$, U&'\0041' x`:                    `SELECT ?, ?, ?, ?, ? x`,
		"SELECT  1.5e-3,\n\t-42, 0xFF, 1_000, B'01' FROM t1":                                     `SELECT ?, -?, ?, ?, ? FROM t1`,
		`SELECT "user 1"."a""b" -- secret` + "\n" + `FROM t /* a /* nested */ secret */ LIMIT 5`: `SELECT "user 1"."a""b" FROM t LIMIT ?`,
		`SELECT 'never closed`:                 `SELECT ?`,
		`SELECT $$never closed`:                `SELECT ?`,
		`SELECT name'x'`:                       `SELECT name?`,
		`INSERT INTO t2 (a) VALUES ('x\', 42)`: `INSERT INTO t2 (a) VALUES (?, ?)`,
		``:                                     ``,
	} {
		if got := withoutLiterals(sql); got != want {
			t.Errorf("%s\n is %s\nwant %s", sql, got, want)
		}
	}
	if got := withoutLiterals("SELECT " + strings.Repeat("x, ", 10000)); len(got) > maxStatement {
		t.Errorf("%d bytes", len(got))
	}
}

// FuzzStatements: whatever stands around it, a value that is quoted as PostgreSQL quotes it is not shown.
func FuzzStatements(f *testing.F) {
	for _, s := range []string{"SELECT ", "WHERE a = E", "$1, $$", "/*", "--", `"`, "x'", "1e", "U&", "$a$"} {
		f.Add(s, "42")
	}
	f.Fuzz(func(t *testing.T, before, value string) {
		withoutLiterals(before)
		value = strings.ReplaceAll("canary"+value, "'", "''")
		got := withoutLiterals("SELECT x FROM t WHERE a = '" + value + "' AND b = $1")
		if strings.Contains(got, "canary") || got != "SELECT x FROM t WHERE a = ? AND b = $1" {
			t.Errorf("%q is shown as %q", value, got)
		}
		if called := summary(got); called != "SELECT t" {
			t.Errorf("%q is called %q", value, called)
		}
		if called := summary(withoutLiterals(before)); len(called) > maxSummary || !utf8.ValidString(called) {
			t.Errorf("%q is called %q", before, called)
		}
	})
}
