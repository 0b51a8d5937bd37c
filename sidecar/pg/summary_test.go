package pg

import (
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
)

func TestSummaries(t *testing.T) {
	t.Parallel()
	for sql, want := range map[string]string{
		`SELECT * FROM types WHERE name = $1`:                                                                                    "SELECT types",
		`select a, b from catalogs.types t, records AS r, (SELECT 1) x ORDER BY a, b`:                                            "SELECT catalogs.types records",
		`SELECT r.id FROM records r LEFT JOIN ONLY types USING (id) JOIN LATERAL (SELECT 1) l ON true`:                           "SELECT records types",
		`INSERT INTO types (name, schema) VALUES ($1, 'x') ON CONFLICT (name) DO UPDATE SET schema = 'y'`:                        "INSERT types",
		`INSERT INTO inbox (id) SELECT id FROM outbox WHERE at > now() FOR UPDATE OF outbox SKIP LOCKED`:                         "INSERT inbox SELECT outbox",
		`UPDATE fires SET state = $1, at = now() FROM schedules s WHERE s.name = fires.schedule`:                                 "UPDATE fires schedules",
		`DELETE FROM inbox USING outbox WHERE inbox.id = outbox.id RETURNING inbox.id, outbox.at`:                                "DELETE inbox outbox",
		`MERGE INTO a USING b ON a.id = b.id WHEN MATCHED THEN UPDATE SET x = 1 WHEN NOT MATCHED THEN INSERT (id) VALUES (b.id)`: "MERGE a b",
		`WITH due AS (SELECT id FROM fires WHERE due_at < $1 FOR NO KEY UPDATE), x (a) AS MATERIALIZED (SELECT 1)
			UPDATE fires SET state = 2 FROM due, x WHERE fires.id = due.id`: "SELECT fires UPDATE fires",
		`WITH RECURSIVE up AS (SELECT id FROM tree UNION ALL SELECT t.id FROM tree t JOIN up ON true) SELECT * FROM up`: "SELECT tree",
		`SELECT EXISTS (SELECT FROM leases WHERE revision > (SELECT max(revision) FROM "Audit 1"))`:                     "SELECT leases Audit 1",
		`(SELECT 1 FROM a) UNION ALL (SELECT 2 FROM b)`:                                                                 "SELECT a b",
		`SELECT extract(epoch FROM at), substring(name FROM 2) FROM fires WHERE a IS DISTINCT FROM b`:                   "SELECT fires",
		`SELECT count(*) FROM unnest($1::text[], $2::int[]) AS x (a, b), types`:                                         "SELECT types",
		`SELECT * FROM unnest($1::text[])`:                                                                              "SELECT unnest",
		`SELECT pg_try_advisory_lock($1)`:                                                                               "SELECT pg_try_advisory_lock",
		`SELECT 'DROP TABLE secrets' -- FROM them`:                                                                      "SELECT",
		`SELECT $a$ FROM secret $a$ FROM fine`:                                                                          "SELECT fine",
		`DELETE FROM log_blocks_info_2026112214`:                                                                        "DELETE log_blocks_info_?",
		`CREATE TABLE IF NOT EXISTS log_1 (LIKE log INCLUDING ALL, FOREIGN KEY (a) REFERENCES b ON DELETE CASCADE)`:     "CREATE TABLE log_1",
		`CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS fast ON types (name)`:                                           "CREATE INDEX fast",
		`ALTER TABLE types ADD COLUMN a int`:                                                                            "ALTER TABLE types",
		`LOCK TABLE leases IN SHARE MODE`:                                                                               "LOCK leases",
		`TRUNCATE inbox`:                                                                                                "TRUNCATE inbox",
		`begin`:                                                                                                         "BEGIN",
		`SET LOCAL lock_timeout = '5s'`:                                                                                 "SET",
		`LISTEN leases_3`:                                                                                               "LISTEN leases_3",
		`secret words FROM somebody`:                                                                                    "",
		``:                                                                                                              "",
		`)`:                                                                                                             "",
	} {
		if got := summary(withoutLiterals(sql)); got != want {
			t.Errorf("%s\n is %q\nwant %q", sql, got, want)
		}
	}
	long := summary("SELECT 1 FROM " + strings.Repeat("relation_of_some_length_", 3) + strings.Repeat(", another_relation, a_third_relation", 40))
	if len(long) > maxSummary || !strings.HasSuffix(long, "relation") {
		t.Errorf("%d bytes: %s", len(long), long)
	}
}

func TestSummaryOfABatch(t *testing.T) {
	t.Parallel()
	for want, all := range map[string][]string{
		"BATCH INSERT outbox":                   {"begin", "INSERT INTO outbox VALUES ($1)", "INSERT INTO outbox VALUES ($2)", "commit"},
		"BATCH INSERT outbox; SELECT pg_notify": {"INSERT INTO outbox VALUES ($1)", "SELECT pg_notify('a', $1)", "INSERT INTO outbox VALUES ($1)"},
		"BATCH":                                 {"DELETE FROM a", "DELETE FROM b", "DELETE FROM c", "DELETE FROM d"},
	} {
		b := &pgx.Batch{}
		for _, sql := range all {
			b.Queue(sql)
		}
		if got := batchSummary(b); got != want {
			t.Errorf("%q is %q, want %q", all, got, want)
		}
	}
}
