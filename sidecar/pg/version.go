package pg

import (
	"context"
	"fmt"
	"io/fs"
	"regexp"

	"github.com/pressly/goose/v3"
)

// version is the newest migration that this binary has of one set.
type version struct {
	name   string
	newest int64
}

func (v version) allow(minimum int64) error {
	if v.newest >= minimum {
		return nil
	}
	return fmt.Errorf("%w: set %q needs a binary that knows migration %d, this one knows up to %d", ErrSchemaTooNew, v.name, minimum, v.newest)
}

func versionTable(set string) string { return "migration_" + set }

// newest reads the sets' last versions from their file names.
func newest(sets []Migrations) ([]version, error) {
	all := make([]version, 0, len(sets))
	for _, set := range sets {
		v, err := newestOf(set)
		if err != nil {
			return nil, fmt.Errorf("migration set %q: %w", set.Name, err)
		}
		all = append(all, v)
	}
	return all, nil
}

func newestOf(set Migrations) (version, error) {
	v := version{name: set.Name}
	if ok, _ := regexp.MatchString(`^[a-z][a-z0-9_]{0,40}$`, set.Name); !ok {
		return v, fmt.Errorf("its name must be lower case letters, digits and _")
	}
	files, err := fs.Glob(set.FS, "*.sql")
	if err != nil {
		return v, err
	}
	for _, f := range files {
		n, err := goose.NumericComponent(f)
		if err != nil {
			return v, fmt.Errorf("file %s: %w", f, err)
		}
		v.newest = max(v.newest, n)
	}
	if v.newest == 0 {
		return v, fmt.Errorf("no *.sql at its root")
	}
	return v, nil
}

// check asks as the working role whether the schema suits this binary.
func (d *DB) check(ctx context.Context, known []version) error {
	for _, v := range known {
		if err := d.checkSet(ctx, v); err != nil {
			return err
		}
	}
	return d.pool.Ping(ctx)
}

func (d *DB) checkSet(ctx context.Context, v version) error {
	var minimum, applied int64
	err := d.pool.QueryRow(ctx, `SELECT coalesce((SELECT minimum FROM schema_minimum WHERE name = $1), 0),
		(SELECT coalesce(max(version_id), 0) FROM `+ident(versionTable(v.name))+` WHERE is_applied)`, v.name).Scan(&minimum, &applied)
	switch {
	case hasCode(err, "42P01"): // no such table
		return fmt.Errorf("set %q is not migrated (run: signalbox migrate)", v.name)
	case err != nil:
		return fmt.Errorf("check set %q: %w", v.name, err)
	case applied < v.newest:
		return fmt.Errorf("set %q is at migration %d, this binary needs %d (run: signalbox migrate)", v.name, applied, v.newest)
	}
	return v.allow(minimum)
}
