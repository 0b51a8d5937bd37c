package cli

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/signalbox-mesh/signalbox/internal/house"
	"github.com/signalbox-mesh/signalbox/sidecar/pg"
)

type migrateCommand struct {
	Names     []string `arg:"" optional:"" name:"name" help:"Services whose schemas are migrated; none: all."`
	Bootstrap bool     `help:"Make database, roles and schemas first, with the admin's URL in SIGNALBOX_POSTGRES_ADMIN_URL."`
	Database  string   `default:"signalbox" help:"With --bootstrap: the database."`
	Passwords string   `help:"With --bootstrap: JSON file with the roles' passwords; missing ones are generated into it (0600)." placeholder:"FILE"`
}

func (migrateCommand) Help() string {
	return `In a cluster this is a job; services then run with SIGNALBOX_MIGRATE=check. Migrations expand first and contract a release later,
so the release before runs beside this one.

Examples:
  SIGNALBOX_CATALOGS_POSTGRES_URL=… SIGNALBOX_CATALOGS_POSTGRES_OWNER_URL=… signalbox migrate catalogs
  SIGNALBOX_POSTGRES_ADMIN_URL=postgres://admin:…@db/postgres signalbox migrate --bootstrap --passwords roles.json`
}

// Run makes what --bootstrap asks for, then migrates.
func (c *migrateCommand) Run(ctx context.Context, p Process) error {
	if c.Bootstrap {
		return c.bootstrap(ctx, p)
	}
	names := c.Names
	if len(names) == 0 {
		names = house.Names()
	}
	for _, name := range names {
		e, err := house.Find(name)
		if err != nil {
			return usageError{err}
		}
		done, err := e.Migrate(ctx, p.Environ)
		if err != nil {
			return fmt.Errorf("migrate %s: %w", name, err)
		}
		for _, schema := range done {
			if _, err := fmt.Fprintf(p.Stdout, "%s: schema %s is up to date\n", name, schema); err != nil {
				return err
			}
		}
	}
	return nil
}

func (c *migrateCommand) bootstrap(ctx context.Context, p Process) error {
	admin := variable(p.Environ, "SIGNALBOX_POSTGRES_ADMIN_URL")
	if admin == "" {
		return misuse("--bootstrap needs SIGNALBOX_POSTGRES_ADMIN_URL, as in postgres://admin:password@host:5432/postgres")
	}
	if c.Passwords == "" {
		return misuse("--bootstrap needs --passwords FILE, where the roles' passwords are kept")
	}
	roles := house.Roles(house.Entries())
	if err := c.fill(roles); err != nil {
		return err
	}
	if err := pg.Bootstrap(ctx, admin, c.Database, roles); err != nil {
		return err
	}
	_, err := fmt.Fprintf(p.Stdout, "database %s has %d schemas; passwords are in %s\n", c.Database, len(roles), c.Passwords)
	return err
}

// fill takes the roles' passwords from the file and generates those that are missing.
func (c *migrateCommand) fill(roles []pg.SchemaRoles) error {
	kept := map[string]string{}
	raw, err := os.ReadFile(c.Passwords)
	if err == nil {
		err = json.Unmarshal(raw, &kept)
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("read %s: %w", c.Passwords, err)
	}
	for i := range roles {
		roles[i].Password, roles[i].OwnerPassword = orNew(kept, roles[i].Role), orNew(kept, roles[i].Owner)
	}
	raw, err = json.MarshalIndent(kept, "", "  ")
	if err != nil {
		return fmt.Errorf("encode passwords: %w", err)
	}
	return os.WriteFile(c.Passwords, append(raw, '\n'), 0o600)
}

func orNew(kept map[string]string, role string) string {
	if kept[role] == "" {
		kept[role] = rand.Text()
	}
	return kept[role]
}
