package postgres

import (
	"context"
	"fmt"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/signalbox-mesh/signalbox/internal/seed"
)

// S-6: whoever changes or removes a row of the audit, the owner too, is found out, every time.
func TestS6_ATamperedAuditIsFound(t *testing.T) {
	t.Parallel()
	s, db := fresh(t)
	const rows = 50
	for i := range rows {
		_, err := s.db.Pool().Exec(t.Context(), `INSERT INTO audit (id, prev, hash, actor, name, action, service, subject, detail) VALUES (7, 'forged', 'forged', $1, 'A Name', 'lease.set', '', $2, '{"value":"DEBUG"}')`,
			fmt.Sprint("user-", i%3), fmt.Sprint("lease-", i))
		if err != nil {
			t.Fatal(err)
		}
	}
	if checked, broken, err := s.VerifyAudit(t.Context()); err != nil || checked != rows || broken != 0 {
		t.Fatalf("before: %d checked, broken at %d: %v", checked, broken, err)
	}
	owner, err := pgx.Connect(t.Context(), db.OwnerURL("maintenance"))
	if err != nil {
		t.Fatal(err)
	}
	defer owner.Close(context.WithoutCancel(t.Context())) //nolint:errcheck // a test's session
	if _, err := owner.Exec(t.Context(), `SET search_path TO maintenance`); err != nil {
		t.Fatal(err)
	}
	r := seed.New(t)
	ways := []string{
		`DELETE FROM audit WHERE id = $1`, `UPDATE audit SET actor = actor || 'x' WHERE id = $1`, `UPDATE audit SET name = '' WHERE id = $1`,
		`UPDATE audit SET detail = '{"value":"INFO"}' WHERE id = $1`, `UPDATE audit SET at = at + interval '1 microsecond' WHERE id = $1`,
		`UPDATE audit SET action = 'lease.drop' WHERE id = $1`, `UPDATE audit SET subject = 'another' WHERE id = $1`, `UPDATE audit SET service = 'gateway' WHERE id = $1`,
		`UPDATE audit SET id = 1000 WHERE id = $1`, `UPDATE audit SET hash = sha256(hash) WHERE id = $1`, `UPDATE audit SET prev = sha256(prev) WHERE id = $1`,
		`WITH a AS (UPDATE audit SET actor = 'x' WHERE id = $1 RETURNING id) UPDATE audit SET hash = audit_hash(audit) WHERE id = (SELECT id FROM a) - 1`,
	}
	found := 0
	const tries = 1000
	for range tries {
		found += tamper(t, owner, ways[r.IntN(len(ways))], 1+r.IntN(rows))
	}
	t.Logf("METRIC audit_tamperings_found=%d limit=%d", found, tries)
	if found != tries {
		t.Errorf("%d of %d tamperings were found", found, tries)
	}
}

// tamper changes one row, looks whether it shows, and takes it back.
func tamper(t *testing.T, owner *pgx.Conn, sql string, row int) (found int) {
	t.Helper()
	tx, err := owner.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback(t.Context()) //nolint:errcheck // that is what is wanted
	if _, err := tx.Exec(t.Context(), sql, row); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	var broken int64
	if err := tx.QueryRow(t.Context(), `SELECT coalesce(broken, 0) FROM audit_verify()`).Scan(&broken); err != nil {
		t.Fatal(err)
	}
	if broken != 0 {
		return 1
	}
	t.Errorf("not found: %s on row %d", sql, row)
	return 0
}
