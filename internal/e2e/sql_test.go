package e2e

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// sql asks the mesh's private PostgreSQL as its superuser, beside every service: what an operator does with psql.
func (m *mesh) sql(t testing.TB, query string) string {
	t.Helper()
	password, err := os.ReadFile(filepath.Join(m.state, "postgres", "password"))
	if err != nil {
		t.Fatal(err)
	}
	port := regexp.MustCompile(`\d+$`).FindString(m.Postgres)
	psql := exec.CommandContext(t.Context(), "psql", "-h", "127.0.0.1", "-p", port, "-U", "postgres", "-d", "signalbox", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", query)
	psql.Env = append(environ(), "PGPASSWORD="+strings.TrimSpace(string(password)))
	out, err := psql.CombinedOutput()
	if err != nil {
		t.Fatalf("psql: %v: %s", err, out)
	}
	return strings.TrimSpace(string(out))
}
