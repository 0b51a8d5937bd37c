package pgtest

import (
	"testing"

	"github.com/jackc/pgx/v5"
)

// The working role works in its schema and cannot change it; another test's role cannot enter.
func TestRolesOfAFreshDatabase(t *testing.T) {
	t.Parallel()
	one, other := New(t, "catalogs"), New(t, "catalogs")
	run := func(url, sql string) error {
		conn, err := pgx.Connect(t.Context(), url)
		if err != nil {
			return err
		}
		defer func() { _ = conn.Close(t.Context()) }()
		_, err = conn.Exec(t.Context(), sql)
		return err
	}
	if err := run(one.OwnerURL("catalogs"), `create table catalogs.things (id int)`); err != nil {
		t.Fatal(err)
	}
	if err := run(one.URL("catalogs"), `insert into catalogs.things values (1)`); err != nil {
		t.Error(err)
	}
	if run(one.URL("catalogs"), `create table catalogs.more (id int)`) == nil {
		t.Error("the working role may change the schema")
	}
	if run(other.AdminURL(), `select * from catalogs.things`) == nil {
		t.Error("two tests share a database")
	}
}
